package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
)

// contract holds real answers against openapi.json.
type contract struct {
	*rig
	document map[string]any
	compiler *jsonschema.Compiler
	routes   []route
	asked    map[string]bool
}

// route is one operation of the document; shape matches real paths.
type route struct {
	method, path string
	shape        *regexp.Regexp
	operation    map[string]any
}

func newContract(t *testing.T, r *rig) *contract {
	return readContract(t, r, r.ask("GET", "/openapi.json", "").body)
}

func readContract(t *testing.T, r *rig, document []byte) *contract {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{rig: r, document: value.(map[string]any), compiler: jsonschema.NewCompiler(), asked: map[string]bool{}}
	if err := c.compiler.AddResource("openapi.json", value); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\\\{[a-z]+\\\}`)
	for path, methods := range c.document["paths"].(map[string]any) {
		shape := regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
		for method, operation := range methods.(map[string]any) {
			c.routes = append(c.routes, route{strings.ToUpper(method), path, shape, operation.(map[string]any)})
		}
	}
	return c
}

func (c *contract) find(method, path string) *route {
	path, _, _ = strings.Cut(path, "?")
	var found *route
	for i := range c.routes {
		r := &c.routes[i]
		// A literal path wins over one with parameters, as in the server.
		if r.method == method && r.shape.MatchString(path) && (found == nil || strings.Count(r.path, "{") < strings.Count(found.path, "{")) {
			found = r
		}
	}
	return found
}

// check sends the request and wants the status, which must be documented, with
// a body that fits its schema.
func (c *contract) check(want int, method, path, body string, headers ...string) reply {
	c.t.Helper()
	got := c.ask(method, path, body, headers...)
	if got.status != want {
		c.t.Errorf("%s %s: status %d, want %d: %s", method, path, got.status, want, got.body)
		return got
	}
	c.documented(method, path, got)
	return got
}

// documented wants the answer's status to be documented for the route, with a
// body that fits its schema.
func (c *contract) documented(method, path string, got reply) {
	c.t.Helper()
	want := got.status
	r := c.find(method, path)
	if r == nil {
		c.t.Errorf("%s %s is not in openapi.json", method, path)
		return
	}
	c.asked[r.method+" "+r.path] = true
	responses := r.operation["responses"].(map[string]any)
	response, ok := responses[strconv.Itoa(want)].(map[string]any)
	if !ok {
		c.t.Errorf("%s %s: status %d is not documented", r.method, r.path, want)
		return
	}
	if want == http.StatusNoContent {
		if response["content"] != nil || len(got.body) > 0 {
			c.t.Errorf("%s %s: content with status %d: %s", r.method, r.path, want, got.body)
		}
		return
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	content, _ := response["content"].(map[string]any)
	if _, ok := content[kind].(map[string]any); !ok {
		c.t.Errorf("%s %s: content type %q is not documented for status %d: %v", r.method, r.path, kind, want, content)
		return
	}
	if strings.HasSuffix(kind, "json") {
		c.fits(r, want, kind, got.body)
	}
}

func (c *contract) fits(r *route, status int, kind string, body []byte) {
	c.t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
	at := fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/%s/schema", escape(r.path), strings.ToLower(r.method), status, escape(kind))
	schema, err := c.compiler.Compile(strings.ReplaceAll(strings.ReplaceAll(at, "{", "%7B"), "}", "%7D"))
	if err != nil {
		c.t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		c.t.Errorf("%s %s: %v: %s", r.method, r.path, err, body)
		return
	}
	if err := schema.Validate(value); err != nil {
		c.t.Errorf("%s %s: status %d: %v\n%s", r.method, r.path, status, err, body)
	}
}

// groups asks the routes of groups.
func (c *contract) groups(service string) {
	c.t.Helper()
	const path = "/api/v1/groups"
	c.check(200, "GET", path, "")
	c.check(404, "GET", path+"/g", "")
	c.check(404, "PUT", path+"/g", `{"traffic_mode":"auto"}`)
	c.check(404, "DELETE", path+"/g", "")
	c.check(201, "POST", path, `{"name":"g"}`)
	c.check(409, "POST", path, `{"name":"g","traffic_mode":"customized"}`)
	c.check(409, "POST", path, `{"name":"a"}`)
	c.check(200, "GET", path+"/g", "")
	c.check(200, "PUT", path+"/g", `{"traffic_mode":"customized","rules":[{"header":"X-Canary","service":"a"}]}`)
	c.check(200, "PUT", path+"/g", `{"token":"s3cret"}`)
	c.check(409, "PUT", service+"/release", `{"weight":10}`)
	c.check(200, "PUT", service, `{"metadata":{"group":"g"}}`)
	c.check(200, "PUT", service+"/release", `{"weight":10,"traffic_state":"grouping"}`)
	for _, bad := range []struct{ method, path, body, problem string }{
		{"POST", path, `{}`, `name: it is missing`},
		{"POST", path, `{"name":"G!"}`, `name: \"G!\"`},
		{"PUT", path + "/g", `{"traffic_mode":"even"}`, `\"auto\" and \"customized\" are allowed`},
		{"PUT", path + "/g", `{"rules":[{"header":"X","matches":"(","service":"a"}]}`, `rules[0].matches`},
		{"PUT", service + "/release", `{"weight":1001}`, `weight: 1001: 0 to 1000`},
		{"PUT", service + "/release", `{"weight":-2}`, `weight: -2`},
		{"PUT", service + "/release", `{"weight":"ten"}`, `weight: \"ten\"`},
		{"PUT", service + "/release", `{"traffic_state":"some"}`, `traffic_state: \"some\"`},
		{"PUT", service + "/release", `{}`, `the change is empty`},
	} {
		if got := c.check(422, bad.method, bad.path, bad.body); !strings.Contains(string(got.body), bad.problem) {
			c.t.Errorf("%s %s %s: %s; it should say %s", bad.method, bad.path, bad.body, got.body, bad.problem)
		}
	}
	c.check(200, "GET", path+"/g/traffic?window=30s", "")
	c.check(422, "GET", path+"/g/traffic?window=1h", "")
	c.check(404, "GET", path+"/nosuch/traffic", "")
	c.check(404, "GET", service+"/shift", "")
	c.check(200, "PUT", service+"/shift", `{"steps":[1,25,100],"interval":"90s"}`)
	c.check(200, "GET", service+"/shift", "")
	c.check(422, "PUT", service+"/shift", `{"steps":[25,1]}`)
	c.check(200, "DELETE", service+"/shift", "")
	c.check(404, "GET", service+"/promotion", "")
	c.check(200, "PUT", service+"/promotion", `{"keep":1}`)
	c.check(200, "GET", service+"/promotion", "")
	c.check(422, "PUT", service+"/promotion", `{"keep":-1}`)
	c.check(200, "DELETE", service+"/promotion", "")
	c.check(200, "PUT", service+"/abandon?stop=true", "")
	c.check(404, "GET", service+"/mirror", "")
	c.check(200, "PUT", service+"/mirror", `{"to":"b","ratio":10}`)
	c.check(200, "GET", service+"/mirror", "")
	c.check(422, "PUT", service+"/mirror", `{"to":"b","ratio":101}`)
	c.check(422, "PUT", service+"/mirror", `{"to":"","ratio":1}`)
	c.check(200, "DELETE", service+"/mirror", "")
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, frozen := range []string{service + "/freeze", path + "/g/freeze"} {
		c.check(204, "PUT", frozen, `{"until":"`+until+`","reason":"year end"}`)
		c.check(422, "PUT", frozen, `{"until":"2020-01-01T00:00:00Z","reason":"year end"}`)
		c.check(422, "PUT", frozen, `{"until":"`+until+`"}`)
		c.check(204, "DELETE", frozen, "")
	}
	c.check(200, "PUT", "/api/v1/rollouts", `{"paused":true}`)
	c.check(422, "PUT", "/api/v1/rollouts", `{"paused":false}`)
	c.check(200, "PUT", service, `{"metadata":{"group":null}}`)
	c.check(204, "DELETE", path+"/g?cascade=true", "")
}

// versions asks the routes of versions, of which there are two.
func (c *contract) versions(path string) {
	c.t.Helper()
	list := decode[struct{ Versions []api.Version }](c.t, c.check(200, "GET", path+"?limit=1&before=2", "")).Versions
	if len(list) != 1 || list[0].Number != 1 || list[0].Summary == "" {
		c.t.Errorf("a page of one before version 2: %+v", list)
	}
	c.check(422, "GET", path+"?limit=-1", "")
	if v := decode[api.Version](c.t, c.check(200, "GET", path+"/2", "")); len(v.Sections) == 0 {
		c.t.Errorf("no sections: %+v", v)
	}
	for _, pair := range []string{"?from=1&to=2", "?from=1&to=2&lines=true", "?from=2"} {
		c.check(200, "GET", path+"/diff"+pair, "")
	}
	if d := decode[api.Diff](c.t, c.check(200, "GET", path+"/diff?from=1&lines=true", "")); d.To == 0 || len(d.Lines) == 0 {
		c.t.Errorf("against the current version: %+v", d)
	}
	d := decode[api.Diff](c.t, c.check(200, "POST", path+"/diff", `{"from":1,"config":{"containers":[{"command":"./v9"}],"metadata":{"name":"a"}},"lines":true}`))
	if d.From != 1 || d.To != 0 || len(d.Changes) == 0 || len(d.Lines) == 0 {
		c.t.Errorf("with a file: %+v", d)
	}
	c.check(200, "POST", path+"/diff", `{"config":{"containers":[{"command":"./v9"}]}}`)
	c.check(200, "POST", path+"/diff", `{"config":{"containers":[{"command":"./v9",`+strings.ReplaceAll(secretEnv, "key-", "other-key-")+`}]},"lines":true}`)
	c.check(404, "POST", path+"/diff", `{"from":99,"config":{"containers":[{"command":"./v9"}]}}`)
	c.check(422, "POST", path+"/diff", `{"from":1,"config":{"containers":[{"command":"./v9","prot":1}]}}`)
	c.check(422, "POST", path+"/diff", `{"from":1,"config":{"metadata":{"name":"b"},"containers":[{"command":"./v9"}]}}`)
	c.check(422, "POST", path+"/diff", `{"from":-1}`)
	c.check(422, "POST", path+"/diff", `{"from":1}`)
	c.check(413, "POST", path+"/diff", strings.Repeat(" ", maxBody+1))
	c.check(200, "PUT", path+"/1", `{"pinned":true}`)
	c.check(200, "PUT", path+"/1", `{"pinned":true}`)
	c.check(200, "PUT", path+"/1", `{"pinned":false}`)
	c.check(404, "PUT", path+"/99", `{"pinned":true}`)
	c.check(422, "PUT", path+"/1", `{}`)
	c.check(422, "PUT", path+"/0", `{"pinned":true}`)
}

// measured asks for charts and for what gateways have in hand.
func (c *contract) measured(service string) {
	c.t.Helper()
	c.check(200, "GET", service+"/series", "")
	got := decode[api.Series](c.t, c.check(200, "GET", service+"/series?minutes=90&version=1", ""))
	if got.StepSeconds != api.SeriesCoarseStep || len(got.Points) == 0 || len(got.Marks) == 0 {
		c.t.Errorf("series: %+v", got)
	}
	for _, bad := range []string{"minutes=0", "minutes=1441", "minutes=soon", "version=0", "colour=red"} {
		c.check(422, "GET", service+"/series?"+bad, "")
	}
	c.check(404, "GET", "/api/v1/services/none/series", "")
	view := decode[api.GatewayView](c.t, c.check(200, "GET", "/api/v1/gateways", ""))
	if len(view.Gateways) != 1 || len(view.Replicas) == 0 || view.Replicas[0].Oldest == nil {
		c.t.Errorf("gateways: %+v", view)
	}
	c.check(200, "GET", "/api/v1/gateways?service=a", "")
	c.check(404, "GET", "/api/v1/gateways?service=none", "")
}

// exports asks for an export and imports it.
func (c *contract) exports(service string) {
	c.t.Helper()
	e := string(c.check(200, "GET", service+"/export", "").body)
	c.check(404, "GET", "/api/v1/services/none/export", "")
	const path = "/api/v1/services/import"
	c.check(201, "POST", path+"?name=copy&working_dir=/srv&message=moved", e)
	c.check(409, "POST", path+"?name=copy", e)
	c.check(409, "POST", path, e)
	for _, bad := range []struct{ query, body, problem string }{
		{"", `{"format":"x"}`, `only \"sluice.dev/export/1\" can be imported`},
		{"", `{"format":"sluice.dev/export/1"}`, `"path":"versions","message":"there is none`},
		{"", `[]`, ``}, {"", `{`, ``},
		{"?name=N!", e, `metadata.name`},
		{"?name=d&working_dir=here", e, `working_dir`},
	} {
		if got := c.check(422, "POST", path+bad.query, bad.body); !strings.Contains(string(got.body), bad.problem) {
			c.t.Errorf("POST %s%s: %s; it should say %s", path, bad.query, got.body, bad.problem)
		}
	}
	c.check(400, "POST", path, "")
	c.check(413, "POST", path, strings.Repeat(" ", maxImport+1))
	c.check(202, "DELETE", "/api/v1/services/copy", "")
}

// plans asks the routes of a plan.
func (c *contract) plans(path string) {
	c.t.Helper()
	c.check(404, "GET", path, "")
	c.check(404, "PUT", path, `{"paused":true}`)
	c.check(404, "PUT", path+"/rollback", "")
	c.check(201, "POST", path, `{"target_updated":"50%"}`)
	c.check(409, "POST", path, `{"target_updated":1}`)
	c.check(200, "PUT", path, `{"batch":{"size":1,"interval":"90s"},"on_failure":"rollback"}`)
	c.check(200, "GET", path, "")
	for body, problem := range map[string]string{
		`[]`:                                 `it is not an object such as`,
		`{}`:                                 `the change is empty; give target_updated`,
		`{"target":2}`:                       `target: unknown field; known here are batch, gates, on_failure, paused, target_updated`,
		`{"target_updated":4}`:               `target_updated: 4: 3 replicas are desired; 0 to 3`,
		`{"target_updated":-1}`:              `target_updated: \"-1\" is negative`,
		`{"target_updated":2.5}`:             `target_updated: \"2.5\" is neither`,
		`{"target_updated":"120%"}`:          `target_updated: \"120%\" is more than 100%`,
		`{"paused":"yes"}`:                   `paused: \"yes\" is not true or false`,
		`{"on_failure":7}`:                   `on_failure: 7 is not \"pause\" or \"rollback\"`,
		`{"on_failure":"panic"}`:             `on_failure: \"panic\": \"pause\" and \"rollback\" are allowed`,
		`{"batch":{}}`:                       `batch: it is empty`,
		`{"batch":3}`:                        `batch: 3: it is an object`,
		`{"batch":{"size":0}}`:               `batch.size: 0: a batch has at least 1 replica`,
		`{"batch":{"interval":"5 minutes"}}`: `batch.interval: \"5 minutes\" is no interval; 90s, 5m and 1h`,
		`{"batch":{"interval":0}}`:           `batch.interval: \"0\" is too short`,
		`{"batch":{"interval":"1m"},"target_updated":1}`:       `two modes`,
		`{"target_updated":"x","batch":{"size":"y","what":1}}`: `the update plan has 3 problems`,
	} {
		if got := c.check(422, "PUT", path, body); !strings.Contains(string(got.body), problem) {
			c.t.Errorf("PUT %s %s: %s; it should say %s", path, body, got.body, problem)
		}
	}
	c.check(409, "PUT", path+"/rollback", "")
	c.check(200, "DELETE", path, "")
	c.check(404, "DELETE", path, "")
}

// TestContract asks every route for its answer and for its errors.
func TestContract(t *testing.T) {
	var broken error
	c := newContract(t, start(t, func(cfg *Config) {
		cfg.RestartGateway = func(context.Context) (api.GatewayRestart, error) {
			return api.GatewayRestart{ID: "local-2", Pid: 12, Listen: "127.0.0.1:8080", Before: "local", PidBefore: 11}, broken
		}
	}))
	const one = "/api/v1/services/a"

	c.check(201, "POST", "/api/v1/services", file)
	c.settle("a", api.StatusRunning)
	c.check(200, "GET", "/api/v1/services", "")
	for query, want := range map[string]bool{"": true, "?config=true": true, "?config=false": false} {
		list := decode[struct{ Services []api.Service }](t, c.check(200, "GET", "/api/v1/services"+query, "")).Services
		if len(list) != 1 || (string(list[0].Config) != "null") != want || list[0].Name != "a" {
			t.Errorf("services%s: %s", query, jsonOf(t, list))
		}
	}
	c.check(422, "GET", "/api/v1/services?config=no", "")
	c.check(200, "GET", one, "")
	c.check(200, "PUT", one+"?message=why", `{"containers":[{"command":"./v2","port":8000,`+strings.ReplaceAll(secretEnv, "key-", "new-key-")+`}]}`)
	c.settle("a", api.StatusRunning)
	c.check(200, "PUT", one+"/scale", `{"instance": 3}`)
	c.settle("a", api.StatusRunning)
	c.check(200, "PUT", one+"/version", `{"version": 1}`)
	c.settle("a", api.StatusRunning)
	c.memory.Endings(servertest.Hangs)
	c.check(200, "PUT", one+"/restart", "")
	c.check(200, "PUT", one+"/rollout", `{"paused": true}`)
	c.check(200, "GET", one+"/rollout", "")
	c.check(200, "PUT", one+"/rollout", `{"paused": false}`)
	c.settle("a", api.StatusRunning)
	c.check(200, "GET", one+"/rollouts", "")
	c.check(200, "GET", one+"/rollouts/a-r2", "")
	c.check(200, "GET", one+"/versions", "")
	c.check(200, "GET", one+"/versions/2", "")
	c.versions(one + "/versions")
	diff := decode[api.Diff](t, c.check(200, "GET", one+"/versions/diff?from=1&to=2", ""))
	if want := `{"path":"containers[0].env[KEY]","op":"replace","from":"********","to":"********"}`; len(diff.Changes) != 2 || !strings.Contains(jsonOf(t, diff), want) {
		t.Errorf("%s, want in it %s", jsonOf(t, diff), want)
	}
	c.check(200, "GET", one+"/preflight", "")
	c.check(200, "GET", "/api/v1/artifacts", "")
	c.measured(one)
	c.check(200, "GET", one+"/preflight?version=1", "")
	c.check(404, "GET", one+"/preflight?version=99", "")
	c.check(422, "GET", one+"/preflight?version=-1", "")
	c.exports(one)
	list := decode[struct{ Replicas []api.Replica }](t, c.check(200, "GET", one+"/replicas", ""))
	c.check(200, "GET", one+"/replicas/"+list.Replicas[0].ID, "")
	if got := decode[struct{ Events []api.Event }](t, c.check(200, "GET", "/api/v1/events?limit=1000", "")); len(got.Events) == 0 || got.Events[0].Service == "" {
		t.Errorf("events of all services: %+v", got)
	}
	if got := decode[struct{ Events []api.Event }](t, c.check(200, "GET", "/api/v1/events?reason=NoSuchReason", "")); len(got.Events) != 0 {
		t.Errorf("events of a reason that there is not: %+v", got)
	}
	c.check(422, "GET", "/api/v1/events?limit=1001", "")
	c.check(200, "GET", one+"/events?limit=5&after=1", "")
	c.check(200, "GET", one+"/events?type=warning&reason=ReplicaFailed&rollout=a-r1&version=1&replica=a-1-1&actor=admin&since=2h", "")
	for query, problem := range map[string]string{
		"type=bad": `type`, "version=0": `version`, "since=soon": `since: \"soon\": it is neither a time`, "reason=a+b": `reason`, "since=-3m": `since`, "color=red": `color`,
	} {
		if got := c.check(422, "GET", one+"/events?"+query, ""); !strings.Contains(string(got.body), problem) {
			c.t.Errorf("events?%s: %s; it should say %s", query, got.body, problem)
		}
	}
	c.check(200, "GET", "/api/v1/audit?limit=20&service=a&actor=admin&outcome=done&since=2h&until=0s&after=1", "")
	c.check(200, "GET", "/api/v1/audit?format=jsonl", "")
	for query, problem := range map[string]string{"outcome=good": `outcome`, "since=soon": `since: \"soon\"`, "until=soon": `until: \"soon\"`, "limit=0": `limit`, "format=xml": `format`} {
		if got := c.check(422, "GET", "/api/v1/audit?"+query, ""); !strings.Contains(string(got.body), problem) {
			c.t.Errorf("audit?%s: %s; it should say %s", query, got.body, problem)
		}
	}
	c.check(200, "GET", one+"/logs?tail=2", "")
	c.check(200, "POST", one+"/preview", `{"containers":[{"command":"./v3","port":8000}]}`)
	c.check(200, "POST", one+"/preview?update_type=replace", `{"metadata":{"name":"a","instance":5},"containers":[{"command":"./v3"}]}`)
	c.check(200, "POST", one+"/preview", `{}`)
	c.check(200, "POST", one+"/preview", `{"containers":[{"command":"./v3","port":8000,`+secretEnv+`}]}`)
	c.shown(one)
	c.plans(one + "/plan")
	c.groups(one)
	c.check(202, "DELETE", one+"/replicas/"+list.Replicas[0].ID, "")
	c.check(200, "PUT", one+"/stop", "")
	c.settle("a", api.StatusStopped)
	c.check(200, "PUT", one+"/start", "")
	c.settle("a", api.StatusRunning)
	c.check(200, "GET", "/api/v1/tokens", "")
	c.check(201, "POST", "/api/v1/tokens", `{"name":"ci","role":"operator"}`)
	c.check(409, "POST", "/api/v1/tokens", `{"name":"ci","role":"viewer"}`)
	c.check(422, "POST", "/api/v1/tokens", `{"name":"CI","role":"viewer"}`)
	c.check(422, "POST", "/api/v1/tokens", `{"name":"cd","role":"root"}`)
	c.check(422, "POST", "/api/v1/tokens", `{"name":"cd"}`)
	c.check(413, "POST", "/api/v1/tokens", strings.Repeat(" ", maxBody+1))
	c.check(204, "DELETE", "/api/v1/tokens/ci", "")
	c.check(404, "DELETE", "/api/v1/tokens/ci", "")
	c.check(409, "DELETE", "/api/v1/tokens/admin", "")
	if r := decode[api.GatewayRestart](t, c.check(200, "PUT", "/api/v1/gateway/restart", "")); r.ID != "local-2" || r.PidBefore != 11 {
		t.Errorf("restarted: %+v", r)
	}
	broken = errors.New("the new gateway ended")
	c.check(503, "PUT", "/api/v1/gateway/restart", "")
	c.check(200, "GET", "/healthz", "")
	c.check(200, "GET", "/readyz", "")
	c.check(200, "GET", "/metrics", "")
	c.watchOnce()
	c.console()

	c.errors(one)
	c.check(202, "DELETE", one, "")

	for _, r := range c.routes {
		if !c.asked[r.method+" "+r.path] {
			t.Errorf("%s %s is in openapi.json and this test does not ask it", r.method, r.path)
		}
		if r.operation["summary"] == nil || r.operation["operationId"] == nil {
			t.Errorf("%s %s has no summary or no operationId", r.method, r.path)
		}
	}
	if version := c.document["openapi"]; version != "3.1.0" {
		t.Errorf("openapi: %v, want 3.1.0", version)
	}
}

// console asks the routes of sessions and links, with a token and with a cookie.
func (c *contract) console() {
	c.t.Helper()
	const links = "/api/v1/console/links"
	c.check(200, "GET", "/console/session", "")
	c.check(401, "GET", "/console/session", "", "Authorization: Bearer wrong")
	c.check(422, "POST", "/console/login", `{}`)
	c.check(422, "POST", "/console/login", `{"token":"a","code":"b"}`)
	c.check(413, "POST", "/console/login", strings.Repeat(" ", maxBody+1))
	c.check(403, "POST", "/console/login", `{"token":"a"}`, "Origin: http://elsewhere.example")
	c.check(200, "POST", "/console/login", `{"token":"`+secret+`"}`)
	c.check(201, "POST", links, `{}`)
	c.check(201, "POST", links, `{"share":true,"hours":2}`)
	c.check(200, "DELETE", links, "")
	for _, bad := range []string{`{"share":true,"hours":169}`, `{"share":true,"hours":-1}`, `{"hours":2}`, `{"share":"yes"}`, `{"days":1}`} {
		c.check(422, "POST", links, bad)
	}
	c.check(413, "POST", links, strings.Repeat(" ", maxBody+1))
	for range linksEach {
		c.ask("POST", links, `{}`)
	}
	c.check(409, "POST", links, `{}`)
	c.check(204, "POST", "/console/logout", "")
	for range failedLogins {
		c.check(401, "POST", "/console/login", `{"code":"wrong"}`)
	}
	c.check(429, "POST", "/console/login", `{"token":"`+secret+`"}`)
}

// linksEach is more links than one token may have at a time.
const linksEach = 100

// shown wants secrets masked where a configuration is shown, what was shown to be
// taken back, and each refused that stands for nothing.
func (c *contract) shown(one string) {
	service := decode[api.Service](c.t, c.check(200, "GET", one, ""))
	version := decode[api.Version](c.t, c.check(200, "GET", one+"/versions/1", ""))
	for of, config := range map[string]string{"token": string(service.Config), "KEY": string(service.Config), "version": string(version.Config)} {
		if !strings.Contains(config, `"value":"********"`) {
			c.t.Errorf("%s is shown in %s", of, config)
		}
	}
	if !strings.Contains(string(service.Config), `"token":"********"`) {
		c.t.Errorf("the token is shown in %s", service.Config)
	}
	for _, how := range []string{"merge", "replace"} {
		if out := c.check(200, "PUT", one+"?update_type="+how, string(service.Config)); !strings.Contains(string(out.body), `"changed":false`) {
			c.t.Errorf("what was shown, sent back: %s", out.body)
		}
	}
	for _, bad := range []string{
		strings.Replace(string(service.Config), `"KEY"`, `"OTHER"`, 1), strings.Replace(string(service.Config), `"secret":true,`, ``, 1),
		`{"containers":[{"command":"./v3","env":[{"name":"KEY","value":["key-` + inClear + `"],"secret":true}]}]}`,
		`{"containers":{"command":"./v3",` + secretEnv + `}}`, `{"token":["token-` + inClear + `"]}`, `{"token":"token ` + inClear + `"}`,
	} {
		c.check(422, "PUT", one, bad)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// errors wants each documented kind of error from every route that can give it.
func (c *contract) errors(one string) {
	change := []struct{ method, path, body string }{
		{"PUT", "", `{}`}, {"PUT", "/scale", `{"instance":1}`}, {"PUT", "/restart", ""}, {"PUT", "/stop", ""}, {"PUT", "/start", ""},
		{"PUT", "/version", `{"version":1}`}, {"PUT", "/versions/1", `{"pinned":true}`}, {"PUT", "/rollout", `{"paused":true}`}, {"DELETE", "/replicas/x", ""}, {"DELETE", "", ""},
	}
	viewer := c.token("looker", api.RoleViewer)
	for _, r := range change {
		c.check(404, r.method, "/api/v1/services/none"+r.path, r.body)
		c.check(412, r.method, one+r.path, r.body, `If-Match: "1"`)
		c.check(422, r.method, one+r.path, r.body, `If-Match: latest`)
		c.check(422, r.method, one+r.path+"?mesage=why", r.body)
		c.check(401, r.method, one+r.path, r.body, "Authorization: Bearer wrong")
		c.check(403, r.method, one+r.path, r.body, "Authorization: Bearer "+viewer)
	}
	c.memory.FailWith(errors.New("write the change: the disk is full"))
	for _, r := range change {
		c.check(503, r.method, one+r.path, r.body)
	}
	c.check(503, "POST", "/api/v1/services", strings.Replace(file, `"a"`, `"b"`, 1))
	c.memory.FailWith(nil)
	for _, path := range []string{"", "/rollout", "/rollouts", "/rollouts/x", "/versions", "/versions/1", "/versions/diff?from=1&to=2",
		"/replicas", "/replicas/x", "/events", "/logs"} {
		c.check(404, "GET", "/api/v1/services/none"+path, "")
		c.check(401, "GET", one+path, "", "Authorization: Basic YTpi")
	}
	c.check(404, "POST", "/api/v1/services/none/preview", `{}`)
	c.check(422, "POST", one+"/preview", `{"metadata":{"instanse":1}}`)
	c.check(422, "POST", one+"/preview?update_type=lay", `{}`)
	c.check(413, "POST", one+"/preview", strings.Repeat(" ", maxBody+1))
	c.check(401, "POST", one+"/preview", `{}`, "Authorization: Bearer wrong")
	c.check(403, "POST", one+"/preview", `{}`, "Authorization: Bearer "+viewer)
	c.check(404, "GET", one+"/rollouts/none", "")
	c.check(404, "GET", one+"/versions/99", "")
	c.check(404, "GET", one+"/replicas/none", "")
	c.check(404, "GET", one+"/logs?replica=none", "")
	c.check(409, "POST", "/api/v1/services", file)
	c.check(409, "PUT", one+"/start", "")
	c.check(409, "PUT", one+"/version", `{"version":1}`)
	c.check(409, "PUT", one+"/rollout", `{"paused":true}`)
	c.check(422, "GET", one+"/versions/first", "")
	c.check(422, "GET", one+"/versions/diff?to=1", "")
	c.check(422, "GET", one+"/logs?tail=-1", "")
	c.check(422, "GET", one+"/events?limit=many", "")
	c.check(422, "PUT", one+"/scale", `{"instance":-1}`)
	c.check(422, "PUT", one+"/scale", `{"instances":1}`)
	c.check(422, "POST", "/api/v1/services", `{"metadata":{"name":"b","instanse":1}}`)
	c.check(422, "POST", "/api/v1/services", `{"metadata":`)
	c.check(413, "POST", "/api/v1/services", strings.Repeat(" ", maxBody+1))
	c.check(401, "GET", "/api/v1/services", "", "Authorization: ")
	c.check(401, "GET", "/api/v1/watch", "", "Authorization: ")
	c.check(401, "GET", "/metrics", "", "Authorization: ")
}

// watchOnce wants the documented content type of /watch; watch_test.go has the rest.
func (c *contract) watchOnce() {
	req, _ := http.NewRequestWithContext(c.t.Context(), "GET", c.url+"/api/v1/watch", nil)
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	r := c.find("GET", "/api/v1/watch")
	c.asked["GET "+r.path] = true
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		c.t.Errorf("watch: %d %s", resp.StatusCode, kind)
	}
	first := bufio.NewScanner(resp.Body)
	for range 2 { // event: resync, and all services
		first.Scan()
		c.showsNoSecret("watch", first.Bytes())
	}
	if !strings.Contains(first.Text(), `"token":"********"`) {
		c.t.Errorf("watch: %s", first.Text())
	}
}
