package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

func TestSpellings(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"flat in metadata", `{"metadata":{"eas.termination_grace_period":30}}`, `{"metadata":{"eas":{"termination_grace_period":30}}}`},
		{"flat from the root", `{"metadata.eas.drain":"idle"}`, `{"metadata":{"eas":{"drain":"idle"}}}`},
		{"flat and nested side by side", `{"metadata":{"rpc.enable_sigterm":true,"rpc":{"keepalive":1},"rpc.rate_limit":2}}`,
			`{"metadata":{"rpc":{"enable_sigterm":true,"keepalive":1,"rate_limit":2}}}`},
		{"both the same", `{"metadata":{"eas.drain":"idle","eas":{"drain":"idle"}}}`, `{"metadata":{"eas":{"drain":"idle"}}}`},
		{"from two levels", `{"metadata.instance":2,"metadata":{"name":"a"}}`, `{"metadata":{"instance":2,"name":"a"}}`},
		{"in a container", `{"containers":[{"health_check.http_get.path":"/"}]}`, `{"containers":[{"health_check":{"http_get":{"path":"/"}}}]}`},
		{"alias", `{"containers":[{"readiness_check":{"tcp_socket.port":1}}]}`, `{"containers":[{"health_check":{"tcp_socket":{"port":1}}}]}`},
		{"alias across", `{"runtime":{"termination_grace_period":5}}`, `{"metadata":{"eas":{"termination_grace_period":5}}}`},
		{"alias across keeps its neighbour", `{"runtime":{"termination_grace_period":5,"enable_crash_block":true}}`,
			`{"metadata":{"eas":{"termination_grace_period":5}},"runtime":{"enable_crash_block":true}}`},
		{"free names keep their dots", `{"labels":{"a.b":"c"},"features":{"eas.aliyun.com/enable-rollout":"true"}}`,
			`{"features":{"eas.aliyun.com/enable-rollout":"true"},"labels":{"a.b":"c"}}`},
		{"flat into a free map", `{"labels.a.b":"c"}`, `{"labels":{"a.b":"c"}}`},
		{"unknown stays as it is", `{"foo.bar":1,"metadata":{"name.x":1}}`, `{"foo.bar":1,"metadata":{"name.x":1}}`},
		{"null is kept", `{"metadata":{"group":null,"rpc.keepalive":null}}`, `{"metadata":{"group":null,"rpc":{"keepalive":null}}}`},
		{"YAML", "metadata:\n  name: a # comment\n  eas.drain: idle\n", `{"metadata":{"eas":{"drain":"idle"},"name":"a"}}`},
		{"YAML flow", `{metadata: {name: a}}`, `{"metadata":{"name":"a"}}`},
		{"YAML with a byte order mark and markers", "\ufeff---\nmetadata: {name: a}\n...\n", `{"metadata":{"name":"a"}}`},
		{"YAML merge key", "base: &b {x: 1, y: 2}\nuse: {<<: *b, x: 3}\n", `{"base":{"x":1,"y":2},"use":{"x":3,"y":2}}`},
		{"YAML merge list", "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nuse:\n  <<: [*a, *b]\n", `{"a":{"x":1},"b":{"x":2,"y":2},"use":{"x":1,"y":2}}`},
		{"YAML text stays text", "labels: {a: '1', b: \"true\", c: yes, d: !!str 8}\n", `{"labels":{"a":"1","b":"true","c":"yes","d":"8"}}`},
		{"YAML block text", "containers:\n- script: |\n    a\n    b\n", `{"containers":[{"script":"a\nb\n"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := document(t, c.in)
			if string(got.JSON()) != c.want {
				t.Errorf("got  %s\nwant %s", got.JSON(), c.want)
			}
			if again := document(t, string(got.JSON())); !again.Equal(got) {
				t.Errorf("the normal form changes when it is read again: %s", again.JSON())
			}
		})
	}
}

// Numbers keep every digit, and one number has one spelling.
func TestNumbers(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"30", "30"}, {"30.0", "30"}, {"3e1", "30"}, {"0.50", "0.5"}, {"-0.0", "0"}, {"-1.5E+2", "-150"},
		{"1234567890123456789012345678901234567", "1234567890123456789012345678901234567"},
		{"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
		{"1e400", "1e400"}, {"12e-50", "12e-50"}, {"120e399", "12e400"}, {"9007199254740993", "9007199254740993"},
	} {
		for _, file := range []string{`{"autoscaler":` + c.in + `}`, "autoscaler: " + c.in + "\n"} {
			if got := string(document(t, file).JSON()); got != `{"autoscaler":`+c.want+`}` {
				t.Errorf("%q gives %s, want %s", file, got, c.want)
			}
		}
	}
	for in, want := range map[string]string{"0x10": "16", "0o17": "15", "1_000": "1000", ".5": "0.5", "+7": "7"} {
		if got := string(document(t, "autoscaler: "+in+"\n").JSON()); got != `{"autoscaler":`+want+`}` {
			t.Errorf("YAML %s gives %s, want %s", in, got, want)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

func TestRefusedDocuments(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "empty"},
		{"blank", " \n\t\n", "empty"},
		{"only a comment", "# nothing\n", "empty"},
		{"a list", "[1]", "a list; it must be one object"},
		{"text", "hello\n", "text; it must be one object"},
		{"null", "null", "null; it must be one object"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "not UTF-8"},
		{"too large", `{"a":"` + strings.Repeat("x", 1<<18) + `"}`, "at most 262144"},
		{"cut off", "{\n\"metadata\": {", "not valid JSON, line 2"},
		{"trailing text", `{"metadata":{}} {"metadata":{}}`, "one file holds one service"},
		{"two YAML documents", "metadata: {}\n---\nmetadata: {}\n", "2 YAML documents"},
		{"bad YAML", "metadata: [\n", "not valid YAML, line 1"},
		{"JSON key twice", "{\"metadata\":{\"name\":\"a\",\n\"name\":\"b\"}}", "metadata.name: line 2: this key is written twice"},
		{"YAML key twice", "metadata:\n  name: a\n  name: b\n", `"name" already defined`},
		{"unknown alias", "a: *b\n", "no anchor &b"},
		{"infinity", "autoscaler: .inf\n", "has no place in a service file"},
		{"binary tag", "a: !!binary aGk=\n", "tag !!binary"},
		{"deep", strings.Repeat(`{"autoscaler":`, 70) + "1" + strings.Repeat("}", 70), "too deep"},
		{"multiplied aliases", laughs, "too deep or too large"},
		{"brackets without end", "a: " + strings.Repeat("[", 200000), "line 1: the service file is too deep"},
		{"braces without end", "a: " + strings.Repeat("{a: ", 60000), "too deep"},
		{"dashes without end", strings.Repeat("- ", 100000), "too deep"},
		{"tags without end", "a: " + strings.Repeat("!!map ", 40000), "too deep"},
		{"JSON brackets without end", strings.Repeat("[", 200000), "too deep"},
		{"keys without end", manyKeys(20000), "too deep or too large"},
		{"alias of itself", "a: &a [*a]\n", "too deep"},
		{"flat and nested differ", `{"metadata":{"eas.drain":"idle","eas":{"drain":"grace_period"}}}`,
			`metadata.eas.drain: written in two spellings with different values: "idle" in the dotted key "eas.drain", "grace_period" in the nested one`},
		{"flat from the root differs", `{"metadata.instance":1,"metadata":{"instance":2}}`, "metadata.instance: written in two spellings"},
		{"flat into a number", `{"metadata":{"rpc":1,"rpc.keepalive":1}}`, "metadata.rpc: written in two spellings"},
		{"both names of a check", `{"containers":[{"health_check":{"tcp_socket":{}},"readiness_check":{"tcp_socket":{}}}]}`,
			"containers[0].health_check: containers[0].readiness_check is another name for it, and both are given"},
		{"both names of the grace period", `{"runtime":{"termination_grace_period":1},"metadata":{"eas.termination_grace_period":1}}`,
			"metadata.eas.termination_grace_period: runtime.termination_grace_period is another name for it"},
		{"alias with nowhere to go", `{"runtime":{"termination_grace_period":1},"metadata":"x"}`, "metadata.eas: an object is allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := api.ParseDocument([]byte(c.in))
			if err == nil {
				t.Fatalf("accepted: %s", doc.JSON())
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	doc := document(t, `{"metadata":{"name":"a","instance":3,"group":null},"containers":[{"env":[{"name":"X","value":"1"}]}],"labels":{"a.b":"c"}}`)
	for path, want := range map[string]any{
		"metadata.name": "a", "metadata.instance": json.Number("3"), "metadata.group": nil,
		"containers[0].env[0].name": "X", "containers[0].env[X].value": "1", `labels["a.b"]`: "c",
	} {
		if got, found := doc.Lookup(path); !found || got != want {
			t.Errorf("%s is %v (found %v), want %v", path, got, found, want)
		}
	}
	for _, path := range []string{"", ".", "metadata.", "metadata.none", "containers[1]", "containers[0].env[Y]", "containers.env", "metadata[0]", "metadata.name.x", `labels["a`, "containers[]"} {
		if got, found := doc.Lookup(path); found {
			t.Errorf("%s gives %v", path, got)
		}
	}
	if n, ok := doc.Int("metadata.instance"); !ok || n != 3 || doc.Name() != "a" {
		t.Errorf("Int %d %v, Name %q", n, ok, doc.Name())
	}
	value, _ := doc.Lookup("metadata")
	value.(map[string]any)["name"] = "changed"
	if doc.Name() != "a" {
		t.Error("a value that was given out changes the document")
	}
	if got := string(api.Document{}.JSON()); got != "{}" {
		t.Errorf("the zero document is %s", got)
	}
	var copied api.Document
	if err := json.Unmarshal(doc.JSON(), &copied); err != nil || !copied.Equal(doc) {
		t.Errorf("it does not survive a round trip: %v, %s", err, copied.JSON())
	}
}
