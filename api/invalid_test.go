package api_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

const valid = `{"metadata":{"name":"a"},"containers":[{"command":"./server"}]}`

// with lays an update over a valid file, as JSON text.
func with(t testing.TB, patch string) api.Document {
	t.Helper()
	doc, err := api.Merge(document(t, valid), document(t, patch))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Each row is one slip, and exactly one problem: where, what stands there, and
// what is allowed.
func TestBadInput(t *testing.T) {
	container := func(inside string) string { return `{"containers":[{"command":"./server",` + inside + `}]}` }
	strategy := func(inside string) string { return `{"metadata":{"rolling_strategy":{` + inside + `}}}` }
	for _, c := range []struct{ name, patch, path, value, want string }{
		{"negative instance", `{"metadata":{"instance":-1}}`, "metadata.instance", "-1", "a whole number from 0 to 10000 is allowed"},
		{"too many instances", `{"metadata":{"instance":10001}}`, "metadata.instance", "10001", "from 0 to 10000"},
		{"half an instance", `{"metadata":{"instance":1.5}}`, "metadata.instance", "1.5", "a whole number"},
		{"instance as text", `{"metadata":{"instance":"4"}}`, "metadata.instance", `"4"`, "without quotes"},
		{"huge instance", `{"metadata":{"instance":1e30}}`, "metadata.instance", "1000000000000000000000000000000", "from 0 to 10000"},
		{"both bounds 0", strategy(`"max_surge":0,"max_unavailable":0`), "metadata.rolling_strategy", `{"max_surge":0,"max_unavailable":0}`, "both 0"},
		{"both bounds 0%", strategy(`"max_surge":"0%","max_unavailable":0`), "metadata.rolling_strategy", `{"max_surge":"0%","max_unavailable":0}`, "both 0"},
		{"surge above 100%", strategy(`"max_surge":"120%"`), "metadata.rolling_strategy.max_surge", `"120%"`, `"0%" to "100%"`},
		{"surge in words", strategy(`"max_surge":"many"`), "metadata.rolling_strategy.max_surge", `"many"`, "percentage"},
		{"negative unavailable", strategy(`"max_unavailable":-2`), "metadata.rolling_strategy.max_unavailable", "-2", "a whole number from 0"},
		{"fraction of a replica", strategy(`"max_unavailable":0.5`), "metadata.rolling_strategy.max_unavailable", "0.5", "a whole number from 0"},
		{"unknown replacement", strategy(`"replacement":"later"`), "metadata.rolling_strategy.replacement", `"later"`, `"termination_started" or "termination_complete"`},
		{"no time to start", strategy(`"startup_timeout":0`), "metadata.rolling_strategy.startup_timeout", "0", "above 0"},
		{"negative time to start", strategy(`"startup_timeout":"-5m"`), "metadata.rolling_strategy.startup_timeout", `"-5m"`, `"10m"`},
		{"time without unit", strategy(`"startup_timeout":"10"`), "metadata.rolling_strategy.startup_timeout", `"10"`, `"10m"`},
		{"negative min ready", strategy(`"min_ready_seconds":-1`), "metadata.rolling_strategy.min_ready_seconds", "-1", "seconds from 0"},
		{"negative grace", `{"metadata":{"eas.termination_grace_period":-1}}`, "metadata.eas.termination_grace_period", "-1", "seconds from 0"},
		{"endless grace", `{"metadata":{"eas.termination_grace_period":1e12}}`, "metadata.eas.termination_grace_period", "1000000000000", "31622400"},
		{"unknown drain", `{"metadata":{"eas.drain":"now"}}`, "metadata.eas.drain", `"now"`, `"grace_period" or "idle"`},
		{"sigterm in words", `{"metadata":{"rpc.enable_sigterm":"yes"}}`, "metadata.rpc.enable_sigterm", `"yes"`, "true or false"},
		{"group with upper case", `{"metadata":{"group":"Prod"}}`, "metadata.group", `"Prod"`, "a-z, 0-9"},
		{"group with the service's name", `{"metadata":{"group":"a"}}`, "metadata.group", `"a"`, "one namespace"},
		{"weight", `{"metadata":{"group":"g","weight":1001}}`, "metadata.weight", "1001", "from -1 to 1000"},
		{"traffic state", `{"metadata":{"group":"g","traffic_state":"on"}}`, "metadata.traffic_state", `"on"`, `"standalone" or "grouping"`},
		{"token with a space", `{"token":"a secret"}`, "token", "", "printable ASCII"},
		{"label with a number", `{"labels":{"a":1}}`, "labels", `{"a":1}`, "need quotes"},
		{"metadata.rpc as a number", `{"metadata":{"rpc":1}}`, "metadata.rpc", "1", "an object is allowed"},
		{"unknown key", `{"metadata":{"cpus":1}}`, "", "", ""},
		{"no containers", `{"containers":[]}`, "containers", "[]", "exactly one container"},
		{"null containers", `{"containers":null}`, "containers", "", "missing"},
		{"containers as an object", `{"containers":{"command":"./a"}}`, "containers", `{"command":"./a"}`, "a list of objects"},
		{"two containers", `{"containers":[{"command":"./a"},{"command":"./b"}]}`, "containers", "", "2 containers: exactly one"},
		{"a word as container", `{"containers":["./a"]}`, "containers[0]", `"./a"`, "an object is allowed"},
		{"null as container", `{"containers":[null]}`, "containers[0]", "null", "an object is allowed"},
		{"nothing to run", `{"containers":[{}]}`, "containers[0].command", "", "a command (a program and its arguments) or a script"},
		{"only an image", `{"containers":[{"image":"m:1"}]}`, "containers[0].command", "", "the process runtime runs no image; add a command"},
		{"command and script", container(`"script":"x"`), "containers[0].script", `"x"`, "exactly one is allowed"},
		{"blank command", `{"containers":[{"command":" "}]}`, "containers[0].command", `" "`, "names no program"},
		{"blank script", `{"containers":[{"script":"\n"}]}`, "containers[0].script", `"\n"`, "empty"},
		{"script above what the kernel takes", `{"containers":[{"script":"` + strings.Repeat("x", 1<<17) + `"}]}`, "containers[0].script", "131072", "at most 131071"},
		{"command with an open quote", `{"containers":[{"command":"./a 'b"}]}`, "containers[0].command", `"./a 'b"`, "closing quote"},
		{"command with a pipe", `{"containers":[{"command":"./a | tee log"}]}`, "containers[0].command", `"./a | tee log"`, "use script"},
		{"command with substitution", `{"containers":[{"command":"./a $(nproc)"}]}`, "containers[0].command", `"./a $(nproc)"`, "command substitution"},
		{"command as a list", `{"containers":[{"command":["./a"]}]}`, "containers[0].command", `["./a"]`, "text is allowed"},
		{"port 0", container(`"port":0`), "containers[0].port", "0", "from 1 to 65535"},
		{"port 65536", container(`"port":65536`), "containers[0].port", "65536", "from 1 to 65535"},
		{"port as text", container(`"port":"8000"`), "containers[0].port", `"8000"`, "without quotes"},
		{"relative working_dir", container(`"working_dir":"models"`), "containers[0].working_dir", `"models"`, "absolute"},
		{"variable without a name", container(`"env":[{"value":"x"}]`), "containers[0].env[0].name", "", "missing"},
		{"variable with an empty name", container(`"env":[{"name":"","value":"x"}]`), "containers[0].env[0].name", `""`, "not empty"},
		{"variable with =", container(`"env":[{"name":"A=B"}]`), "containers[0].env[0].name", `"A=B"`, `no "="`},
		{"variable twice", container(`"env":[{"name":"A"},{"name":"A"}]`), "containers[0].env[1].name", `"A"`, "set twice, by containers[0].env[0] too"},
		{"variable with a number", container(`"env":[{"name":"A","value":1}]`), "containers[0].env[0].value", "1", "need quotes"},
		{"variable with a zero byte", container(`"env":[{"name":"A","value":"\u0000"}]`), "containers[0].env[0].value", `"\u0000"`, "text is allowed"},
		{"env as an object", container(`"env":{"A":"b"}`), "containers[0].env", `{"A":"b"}`, "a list of objects"},
		{"check without a kind", container(`"health_check":{"period_seconds":1}`), "containers[0].health_check", `{"period_seconds":1}`, "no kind"},
		{"check of two kinds", container(`"startup_check":{"http_get":{},"tcp_socket":{}}`), "containers[0].startup_check", `{"http_get":{},"tcp_socket":{}}`, "2 kinds, http_get and tcp_socket"},
		{"exec check without command", container(`"liveness_check":{"exec":{}}`), "containers[0].liveness_check.exec.command", "", "a list of the program and its arguments"},
		{"exec check with an empty program", container(`"liveness_check":{"exec":{"command":["","x"]}}`), "containers[0].liveness_check.exec.command[0]", `""`, "name the program"},
		{"exec check as text", container(`"liveness_check":{"exec":{"command":"true"}}`), "containers[0].liveness_check.exec.command", `"true"`, "list"},
		{"period 0", container(`"health_check":{"tcp_socket":{},"period_seconds":0}`), "containers[0].health_check.period_seconds", "0", "above 0"},
		{"period rounds to nothing", container(`"health_check":{"tcp_socket":{},"period_seconds":1e-12}`), "containers[0].health_check.period_seconds", "0.000000000001", "above 0"},
		{"timeout 0", container(`"health_check":{"tcp_socket":{},"timeout_seconds":0}`), "containers[0].health_check.timeout_seconds", "0", "above 0"},
		{"negative delay", container(`"health_check":{"tcp_socket":{},"initial_delay_seconds":-1}`), "containers[0].health_check.initial_delay_seconds", "-1", "from 0"},
		{"threshold 0", container(`"health_check":{"tcp_socket":{},"success_threshold":0}`), "containers[0].health_check.success_threshold", "0", "at least 1"},
		{"failures 0", container(`"health_check":{"tcp_socket":{},"failure_threshold":0}`), "containers[0].health_check.failure_threshold", "0", "at least 1"},
		{"relative check path", container(`"health_check":{"http_get":{"path":"ready"}}`), "containers[0].health_check.http_get.path", `"ready"`, `begins with "/"`},
		{"check path with a line break", container(`"health_check":{"http_get":{"path":"/a\r\nX: b"}}`), "containers[0].health_check.http_get.path", `"/a\r\nX: b"`, "no space"},
		{"check port", container(`"health_check":{"http_get":{"port":70000}}`), "containers[0].health_check.http_get.port", "70000", "from 1 to 65535"},
		{"check scheme", container(`"health_check":{"http_get":{"scheme":"ftp"}}`), "containers[0].health_check.http_get.scheme", `"ftp"`, `"http"`},
		{"a model to download", `{"model_path":"oss://bucket/m"}`, "model_path", `"oss://bucket/m"`, "nothing is downloaded"},
		{"processor kind", `{"processor_type":"go"}`, "processor_type", `"go"`, `"cpp" or "java" or "python"`},
		{"spread", `{"metadata":{"scheduling.spread.policy":"rack"}}`, "metadata.scheduling.spread.policy", `"rack"`, `"host"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "" {
				if _, err := api.Merge(document(t, valid), document(t, c.patch)); err == nil {
					t.Error("an update with an unknown key is accepted")
				}
				return
			}
			spec, err := api.Parse(with(t, c.patch))
			var refused *api.InvalidError
			if !errors.As(err, &refused) {
				t.Fatalf("accepted as %+v, %v", spec, err)
			}
			if len(refused.Problems) != 1 {
				t.Fatalf("%d problems: %s", len(refused.Problems), err)
			}
			p := refused.Problems[0]
			if p.Path != c.path || string(p.Value) != c.value || !strings.Contains(p.Message, c.want) {
				t.Errorf("got  %s | %s | %s\nwant %s | %s | ... %s", p.Path, p.Value, p.Message, c.path, c.value, c.want)
			}
			if !strings.HasPrefix(err.Error(), c.path+": ") {
				t.Errorf("the error %q does not begin with the path", err)
			}
		})
	}
}

func TestBadNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "sentiment": true, "a-b_c9": true, "0": true, strings.Repeat("a", 63): true,
		"": false, "a/b": false, "Sentiment": false, "-a": false, "a-": false, "_a": false, "a b": false, "a.b": false,
		"ä": false, "../x": false, "a\n": false, strings.Repeat("a", 64): false,
	} {
		quoted, _ := json.Marshal(name)
		doc := document(t, `{"metadata":{"name":`+string(quoted)+`},"containers":[{"command":"./server"}]}`)
		_, err := api.Parse(doc)
		if (err == nil) != ok || (api.ValidName(name) == nil) != ok {
			t.Errorf("name %q: %v, %v", name, err, api.ValidName(name))
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	for _, c := range []struct{ patch, path, want string }{
		{`{"metadata":{"instnace":1}}`, "metadata.instnace", `did you mean "instance"`},
		{`{"metadata":{"rolling_strategy":{"maxSurge":1}}}`, "metadata.rolling_strategy.maxSurge", `did you mean "max_surge"`},
		{`{"metadata":{"rolling_strategy":{"max-unavailable":1}}}`, "metadata.rolling_strategy.max-unavailable", `did you mean "max_unavailable"`},
		{`{"containers":[{"comand":"x"}]}`, "containers[0].comand", `did you mean "command"`},
		{`{"containers":[{"env":[{"nmae":"x"}]}]}`, "containers[0].env[0].nmae", `did you mean "name"`},
		{`{"containers":[{"healthcheck":{}}]}`, "containers[0].healthcheck", `did you mean "health_check"`},
		{`{"containers":[{"liveness_check":{"http_get":{"pth":"/"}}}]}`, "containers[0].liveness_check.http_get.pth", `did you mean "path"`},
		{`{"metadata":{"eas.termination_grace":1}}`, "metadata.eas.termination_grace", `"termination_grace_period"`},
		{`{"instance":1}`, "instance", "it is known as metadata.instance"},
		{`{"rolling_strategy":{"max_surge":1}}`, "rolling_strategy", "it is known as metadata.rolling_strategy"},
		{`{"eas.termination_grace_period":1}`, `["eas.termination_grace_period"]`, "it is known as metadata.eas.termination_grace_period"},
		{`{"metadata":{"labels":{}}}`, "metadata.labels", "it is known as labels"},
		{`{"metadata":{"zzz":null}}`, "metadata.zzz", "the nearest known one here is"},
		{`{"Metadata":{}}`, "Metadata", `did you mean "metadata"`},
	} {
		var refused *api.InvalidError
		_, err := api.Merge(document(t, valid), document(t, c.patch))
		if !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Path != c.path || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s: %s", c.patch, err, c.path, c.want)
		}
		if _, err := api.Parse(document(t, c.patch)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse of %s: %v", c.patch, err)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for _, patch := range []string{`{"token":"my secret"}`, `{"dockerAuth":["secret"]}`} {
		if _, err := api.Parse(with(t, patch)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", patch, err)
		}
	}
}
