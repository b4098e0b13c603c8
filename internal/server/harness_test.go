package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
	store "sluice.dev/sluice/internal/store/memory"
	"sluice.dev/sluice/internal/token"
)

const secret = "a-secret"

// inClear is in every secret of a file, and in no answer.
const inClear = "in-clear-4711"

const file = `{"metadata":{"name":"a","instance":2},"token":"token-` + inClear + `","containers":[{"command":"./v1","port":8000,` + secretEnv + `}]}`

const secretEnv = `"env":[{"name":"KEY","value":"key-` + inClear + `","secret":true}]`

// rig is the real handler behind a real socket.
type rig struct {
	t      *testing.T
	memory *servertest.Memory
	tokens *token.Book
	audit  *store.Store
	url    string
	log    *bytes.Buffer
}

func start(t *testing.T, change func(*Config)) *rig {
	memory := servertest.New()
	memory.Pace = time.Millisecond
	entries := store.New()
	log := &bytes.Buffer{}
	cfg := Config{
		Releases: memory, Tokens: servertest.Tokens(secret), Audit: entries,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			io.WriteString(w, "sluice_services 1\n")
		}),
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	web := httptest.NewServer(newServer(cfg, 20*time.Millisecond))
	t.Cleanup(func() {
		web.CloseClientConnections()
		memory.Close()
		web.Close()
	})
	return &rig{t: t, memory: memory, tokens: cfg.Tokens, audit: entries, url: web.URL, log: log}
}

// token makes one and gives the token itself.
func (r *rig) token(name string, role api.Role) string {
	r.t.Helper()
	_, secret, err := r.tokens.Create(r.t.Context(), "admin", name, role)
	if err != nil {
		r.t.Fatal(err)
	}
	return secret
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request with the token; headers are "Name: value".
func (r *rig) ask(method, path, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	r.showsNoSecret(method+" "+path, content)
	return reply{resp.StatusCode, resp.Header, content}
}

// showsNoSecret wants an answer without secrets, in clear or sealed.
func (r *rig) showsNoSecret(of string, answer []byte) {
	r.t.Helper()
	if bytes.Contains(answer, []byte(inClear)) || bytes.Contains(answer, []byte("sealed:")) {
		r.t.Errorf("%s shows a secret: %s", of, answer)
	}
}

func (r *rig) create() {
	r.t.Helper()
	if got := r.ask("POST", "/api/v1/services", file); got.status != 201 {
		r.t.Fatalf("create: %d %s", got.status, got.body)
	}
	r.settle("a", api.StatusRunning)
}

// settle waits until the service has a status.
func (r *rig) settle(name string, status api.Status) api.Service {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		service, err := r.memory.Get(r.t.Context(), name)
		switch {
		case err == nil && service.Status == status:
			return service
		case time.Now().After(deadline):
			r.t.Fatalf("service %s is %+v, %v; want %s", name, service, err, status)
		}
	}
}

func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return v
}
