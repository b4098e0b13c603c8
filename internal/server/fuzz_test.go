package server

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/server/servertest"
)

// target is the real handler, made once (its routes and schemas take
// milliseconds), over services made anew for each request.
type target struct {
	server   *server
	handler  http.Handler
	log      bytes.Buffer
	contract *contract
}

var fuzzed = sync.OnceValue(func() *target {
	tg := &target{}
	tg.server = makeServer(Config{Metrics: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(&tg.log, nil))}, time.Second)
	s := tg.server
	tg.handler = s.recovered(s.authorized(s.found(s.prepared(s.mux))))
	return tg
})

// begin gives the server a service with two versions, the second being rolled
// out and never getting further.
func (tg *target) begin(t *testing.T) *servertest.Memory {
	t.Helper()
	memory := servertest.New()
	memory.Pace = time.Hour
	t.Cleanup(memory.Close)
	tg.server.cfg.Releases, tg.server.cfg.Tokens = memory, servertest.Tokens(secret)
	tg.log.Reset()
	ctx, by := context.Background(), controller.By{Actor: "ann"}
	if _, err := memory.Create(ctx, by, parsed(t, file)); err != nil {
		t.Fatal(err)
	}
	if _, err := memory.Update(ctx, by, "a", parsed(t, `{"labels":{"x":"1"}}`), false); err != nil {
		t.Fatal(err)
	}
	if tg.contract == nil {
		document := tg.ask(httptest.NewRequest("GET", "/openapi.json", nil))
		tg.contract = readContract(t, nil, document.body)
	}
	return memory
}

func parsed(t *testing.T, text string) api.Document {
	t.Helper()
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func (tg *target) ask(req *http.Request) reply {
	got := httptest.NewRecorder()
	tg.handler.ServeHTTP(got, req)
	return reply{got.Code, got.Result().Header, got.Body.Bytes()}
}

// everything is all that can be seen of services and tokens.
func everything(t *testing.T, tg *target, memory *servertest.Memory) string {
	t.Helper()
	type one struct {
		Service  api.Service
		Versions []api.Version
		Rollouts []api.Rollout
		Replicas []api.Replica
	}
	var all []one
	ctx := context.Background()
	for _, service := range memory.List(ctx) {
		o := one{Service: service}
		o.Versions, _ = memory.Versions(ctx, service.Name, controller.Page{})
		o.Rollouts, _ = memory.Rollouts(ctx, service.Name)
		o.Replicas, _ = memory.Replicas(ctx, service.Name)
		all = append(all, o)
	}
	tokens := map[string]api.Role{} // not when they were last used
	for _, tok := range tg.server.cfg.Tokens.List() {
		tokens[tok.Name] = tok.Role
	}
	text, err := json.Marshal([]any{all, tokens})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzAPI sends a request of any method, path and body to the real handler. It
// never makes a mistake of its own, says what is wrong in a problem document,
// and what it refuses changes nothing; every answer is as openapi.json says.
func FuzzAPI(f *testing.F) {
	for _, seed := range apiSeeds {
		f.Add(seed.method, seed.path, seed.body, seed.ifMatch)
	}
	f.Fuzz(func(t *testing.T, method, path string, body []byte, ifMatch string) {
		req, err := http.NewRequest(method, "http://sluice"+path, bytes.NewReader(body))
		if err != nil || req.URL.Host != "sluice" {
			t.Skip("no HTTP client can send it")
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		if ifMatch != "" {
			req.Header.Set("If-Match", ifMatch)
		}
		if strings.Contains(path, "/watch") || strings.Contains(path, "follow") { // they have no end
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			req = req.WithContext(ctx)
		}
		tg := fuzzed()
		memory := tg.begin(t)
		before := everything(t, tg, memory)
		got := tg.ask(req)
		same := before == everything(t, tg, memory)

		switch {
		case got.status >= 500:
			t.Fatalf("status %d: %s\n%s", got.status, got.body, tg.log.String())
		case got.status >= 400:
			checkProblem(t, got)
			if !same {
				t.Errorf("it was refused with %s, and changed something", got.body)
			}
		case (method == "GET" || method == "HEAD") && !same:
			t.Errorf("%s changed something", method)
		}
		tg.checkAnswer(t, req, got)
	})
}

// checkProblem wants what RFC 9457 and the API's own reference promise.
func checkProblem(t *testing.T, got reply) {
	t.Helper()
	p := decode[Problem](t, got)
	if kind := got.header.Get("Content-Type"); kind != "application/problem+json" ||
		p.Status != got.status || p.Title != http.StatusText(got.status) || p.Type != "about:blank" || p.Code == "" || p.Detail == "" || p.Code == codeInternal {
		t.Errorf("status %d, %s: %s", got.status, kind, got.body)
	}
}

// checkAnswer holds the answer of a route against openapi.json.
func (tg *target) checkAnswer(t *testing.T, req *http.Request, got reply) {
	t.Helper()
	if got.status >= 300 && got.status < 400 { // a path that is written in another way
		return
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	if strings.HasSuffix(kind, "json") && !json.Valid(got.body) {
		t.Errorf("no JSON: %s", got.body)
	}
	c := tg.contract
	c.rig = &rig{t: t}
	if route := c.find(req.Method, req.URL.EscapedPath()); route != nil && !(got.status == 404 && route.operation["responses"].(map[string]any)["404"] == nil) {
		c.documented(req.Method, req.URL.EscapedPath(), got)
	} else if route == nil && got.status < 400 && req.Method != "HEAD" && req.URL.Path != "/openapi.json" {
		t.Errorf("status %d, and openapi.json does not know %s %s", got.status, req.Method, req.URL.EscapedPath())
	}
}

// apiSeeds are one request of each kind, good and bad.
var apiSeeds = []struct {
	method, path string
	body         []byte
	ifMatch      string
}{
	{"POST", "/api/v1/services", []byte(`{"metadata":{"name":"b","instance":2},"containers":[{"command":"./v1","port":8000}]}`), ""},
	{"POST", "/api/v1/services?message=first", []byte("metadata: {name: b}\ncontainers:\n- command: x\n  port: 1\n"), ""},
	{"POST", "/api/v1/services", []byte(file), ""},
	{"POST", "/api/v1/services", []byte(`{"metadata":{"name":"b","instanse":1}}`), ""},
	{"POST", "/api/v1/services", []byte("a: &a [*a]"), ""},
	{"PUT", "/api/v1/services/a", []byte(`{"metadata":{"eas":{"drain":"idle"},"rolling_strategy":{"max_surge":"25%"}}}`), `"2"`},
	{"PUT", "/api/v1/services/a?update_type=merge", []byte(`{"metadata":{"labels":null}}`), ""},
	{"PUT", "/api/v1/services/a?update_type=replace", []byte(file), `"1"`},
	{"PUT", "/api/v1/services/a?update_type=replace", []byte(`{}`), "*"},
	{"PUT", "/api/v1/services/a?update_type=neither", []byte(`[]`), ""},
	{"DELETE", "/api/v1/services/a", nil, ""},
	{"PUT", "/api/v1/services/a/scale", []byte(`{"instance":3}`), `W/"1"`},
	{"PUT", "/api/v1/services/a/scale", []byte(`{"instance":-1}`), ""},
	{"PUT", "/api/v1/services/a/scale", []byte(`{"instance":1e300}`), ""},
	{"PUT", "/api/v1/services/a/scale", []byte(`{"instance":9223372036854775807}`), ""},
	{"PUT", "/api/v1/services/a/restart", nil, ""},
	{"PUT", "/api/v1/services/a/stop", nil, ""},
	{"PUT", "/api/v1/services/a/start", nil, ""},
	{"PUT", "/api/v1/services/a/version", []byte(`{"version":1}`), ""},
	{"PUT", "/api/v1/services/a/version", []byte(`null`), ""},
	{"PUT", "/api/v1/services/a/rollout", []byte(`{"paused":true}`), ""},
	{"PUT", "/api/v1/services/a/rollout", []byte(`{"paused":"yes"}`), ""},
	{"PUT", "/api/v1/services/a/release", []byte(`{"weight":50}`), ""},
	{"PUT", "/api/v1/services/a/plan", []byte(`{"target_updated":1}`), ""},
	{"POST", "/api/v1/services/a/plan", []byte(`{"batch":{"size":"25%","interval":"5m"},"paused":true}`), ""},
	{"DELETE", "/api/v1/services/a/plan", nil, ""},
	{"POST", "/api/v1/services/a/preview", []byte(file), ""},
	{"DELETE", "/api/v1/services/a/replicas/a-1-1", nil, ""},
	{"GET", "/api/v1/services/a/replicas/a-1-1", nil, ""},
	{"GET", "/api/v1/services/a", nil, ""},
	{"GET", "/api/v1/services/%2e%2e", nil, ""},
	{"GET", "/api/v1//services/a", nil, ""},
	{"GET", "/api/v1/services/a/versions/diff?from=1&to=2", nil, ""},
	{"GET", "/api/v1/services/a/versions/diff?from=2&to=99", nil, ""},
	{"GET", "/api/v1/services/a/versions/0", nil, ""},
	{"GET", "/api/v1/services/a/events?limit=5&after=1", nil, ""},
	{"GET", "/api/v1/services/a/logs?tail=1&follow=true", nil, ""},
	{"GET", "/api/v1/services/a/rollouts/a-r2", nil, ""},
	{"GET", "/api/v1/watch?after=1", nil, ""},
	{"GET", "/api/v1/tokens", nil, ""},
	{"POST", "/api/v1/tokens", []byte(`{"name":"ci","role":"operator"}`), ""},
	{"POST", "/api/v1/tokens", []byte(`{"name":"ci","role":"root"}`), ""},
	{"DELETE", "/api/v1/tokens/admin", nil, ""},
	{"PATCH", "/api/v1/services/a", []byte(`{}`), ""},
	{"HEAD", "/api/v1/services", nil, ""},
	{"GET", "/openapi.json", nil, ""},
	{"GET", "/healthz", []byte("body"), ""},
}
