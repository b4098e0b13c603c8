package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

func TestProblemOfError(t *testing.T) {
	for _, c := range []struct {
		err                error
		status             int
		code, detail, hint string
	}{
		{&controller.NotFoundError{Kind: "service", Name: "a", Hint: "look"}, 404, "not_found", `service "a" does not exist`, "look"},
		{fmt.Errorf("rollout %q: %w", "r1", store.ErrNotFound), 404, "not_found", `rollout "r1": not found`, ""},
		{&controller.ExistsError{Name: "a"}, 409, "exists", "service \"a\" exists already; `sluice update a -f FILE` changes it, `sluice apply -f FILE` does either", ""},
		{&rollout.Refusal{Message: "no", Hint: "wait"}, 409, "refused", "no", "wait"},
		{fmt.Errorf("wrapped: %w", &rollout.Refusal{Message: "no"}), 409, "refused", "no", ""},
		{&controller.StaleError{Want: 3, Is: 4}, 412, "stale", "the service is at revision 4, the change was made for revision 3; read it again and decide anew", ""},
		{&api.InvalidError{Problems: []api.FieldProblem{{Path: "token", Message: "bad"}}}, 422, "invalid", "token: bad", ""},
		{&api.InvalidError{Problems: make([]api.FieldProblem, 3)}, 422, "invalid", "the service file has 3 problems", ""},
		{errors.New("the disk is full"), 503, "unavailable", "the disk is full", "what serves goes on; remove the cause and try again"},
	} {
		p := problemOf(c.err).(*Problem)
		if p.Status != c.status || p.Code != c.code || p.Detail != c.detail || p.Hint != c.hint || p.Title != http.StatusText(c.status) {
			t.Errorf("%v gives %+v, want %d %s %q %q", c.err, *p, c.status, c.code, c.detail, c.hint)
		}
	}
}

func TestProblemAnswers(t *testing.T) {
	r := start(t, nil)
	r.create()
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code, says               string
	}{
		{"no such path", "GET", "/api/v2/services", "", nil, 404, "not_found", "/api/v2/services"},
		{"a name with a slash", "GET", "/api/v1/services/a%2Fb", "", nil, 404, "not_found", `a/b`},
		{"method", "PATCH", "/api/v1/services/a", "{}", nil, 405, "method_not_allowed", "DELETE, GET, HEAD, PUT"},
		{"no token", "GET", "/nowhere", "", []string{"Authorization: "}, 401, "unauthorized", "Bearer TOKEN"},
		{"wrong token", "GET", "/api/v1/services", "", []string{"Authorization: Bearer nope"}, 401, "unauthorized", "not known"},
		{"unknown parameter", "PUT", "/api/v1/services/a?update-type=replace", "{}", nil, 422, "invalid", "update-type"},
		{"unknown value", "PUT", "/api/v1/services/a?update_type=patch", "{}", nil, 422, "invalid", "merge, replace"},
		{"no JSON", "PUT", "/api/v1/services/a/scale", "4", nil, 422, "invalid", "object"},
		{"broken JSON", "PUT", "/api/v1/services/a/scale", "{", nil, 400, "invalid", "unexpected end"},
		{"no body", "PUT", "/api/v1/services/a/scale", "", nil, 400, "invalid", "body is required"},
		{"too large", "PUT", "/api/v1/services/a", strings.Repeat("#", maxBody+1), nil, 413, "too_large", "1048576"},
		{"huge", "PUT", "/api/v1/services/a", strings.Repeat("#", 20*maxBody), nil, 413, "too_large", "1048576"},
		{"no file", "POST", "/api/v1/services", "", nil, 400, "invalid", "body is required"},
		{"syntax", "POST", "/api/v1/services", "metadata:\n\t- x", nil, 422, "invalid", "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := r.ask(c.method, c.path, c.body, c.headers...)
			if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("content type %q", kind)
			}
			p := decode[Problem](t, got)
			if got.status != c.status || p.Status != c.status || p.Code != c.code || p.Type != "about:blank" || !strings.Contains(string(got.body), c.says) {
				t.Errorf("status %d, %s; want %d %s and %q in it", got.status, got.body, c.status, c.code, c.says)
			}
		})
	}
}

func TestInvalidFileListsEverything(t *testing.T) {
	got := start(t, nil).ask("POST", "/api/v1/services", `{"metadata":{"name":"a","instanse":-1},"containers":[{"comand":"x","port":0}]}`)
	p := decode[Problem](t, got)
	paths := map[string]bool{}
	for _, f := range p.Errors {
		paths[f.Path] = f.Message != ""
	}
	if got.status != 422 || !paths["metadata.instanse"] || !paths["containers[0].comand"] {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A body of exactly the largest size is read: huma's limit is one less than its
// number. It is another question whether the file is then too long for api.
func TestLargestBody(t *testing.T) {
	body := file + strings.Repeat(" ", maxBody-len(file))
	if got := start(t, nil).ask("POST", "/api/v1/services", body); got.status == 413 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

type panicking struct{ Releases }

func (panicking) List(context.Context) []api.Service { panic("a mistake") }

func TestPanicIsAProblem(t *testing.T) {
	r := start(t, func(c *Config) { c.Releases = panicking{c.Releases} })
	got := r.ask("GET", "/api/v1/services", "")
	if p := decode[Problem](t, got); got.status != 500 || p.Code != "internal" || !strings.Contains(r.log.String(), "a mistake") {
		t.Errorf("%d %s; log: %s", got.status, got.body, r.log)
	}
}

func TestNotReady(t *testing.T) {
	r := start(t, func(c *Config) { c.Ready = func() error { return errors.New("services are still being loaded") } })
	got := r.ask("GET", "/readyz", "", "Authorization: ")
	if p := decode[Problem](t, got); got.status != 503 || p.Detail != "services are still being loaded" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := r.ask("GET", "/healthz", "", "Authorization: "); got.status != 200 || string(got.body) != "ok\n" {
		t.Errorf("healthz: %d %s", got.status, got.body)
	}
}
