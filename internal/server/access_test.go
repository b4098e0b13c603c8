package server

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
)

var update = flag.Bool("update", false, "rewrite what is recorded")

// registered lists every route that a server has.
func registered(t *testing.T) []string {
	t.Helper()
	memory := servertest.New()
	t.Cleanup(memory.Close)
	patterns := makeServer(Config{Releases: memory, Tokens: servertest.Tokens(secret), Metrics: http.NotFoundHandler()}, time.Second).mux.patterns
	if len(patterns) < 20 {
		t.Fatalf("only %d routes: %v", len(patterns), patterns)
	}
	return patterns
}

func TestEveryRouteHasARole(t *testing.T) {
	patterns := registered(t)
	for _, p := range patterns {
		if _, listed := access[p]; !listed {
			t.Errorf("%s has no role: decide who may use it and add it to access", p)
		}
	}
	for p := range access {
		if !slices.Contains(patterns, p) {
			t.Errorf("access names %s, and there is no such route", p)
		}
	}
	if needed("PATCH /new") != api.RoleAdmin {
		t.Error("a route that was forgotten is open")
	}
}

// TestEveryRouteWithEveryRole asks each route as everybody. What a route does is
// not asked here: where the role suffices, anything but 401 and 403 is right.
func TestEveryRouteWithEveryRole(t *testing.T) {
	r := start(t, nil)
	secrets := map[string]string{"none": "", "unknown": "nobody-has-this-token"}
	for _, role := range api.Roles {
		secrets[string(role)] = r.token("of-"+string(role), role)
	}
	for _, pattern := range registered(t) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{name}", "no-such", "{id}", "1", "{n}", "1").Replace(path)
		for who, secret := range secrets {
			want := expected(access[pattern], who)
			got := r.knock(method, path, secret)
			if want == 0 && (got == 401 || got == 403) || want != 0 && got != want {
				t.Errorf("%s with a token of %s: %d, want %d (0: neither 401 nor 403)", pattern, who, got, want)
			}
		}
	}
}

func expected(need api.Role, who string) int {
	switch {
	case need == anybody:
		return 0
	case who == "none" || who == "unknown":
		return http.StatusUnauthorized
	case slices.Index(api.Roles, api.Role(who)) < slices.Index(api.Roles, need):
		return http.StatusForbidden
	}
	return 0
}

// knock asks and reads only the status: /watch has no end.
func (r *rig) knock(method, path, secret string) int {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Other ways to name a route lead to the same decision.
func TestNoWayAroundARole(t *testing.T) {
	r := start(t, nil)
	r.create()
	viewer := r.token("looker", api.RoleViewer)
	for _, c := range []struct{ method, path string }{
		{"DELETE", "//api/v1/services/a"}, {"DELETE", "/api/v1/./services/a"}, {"DELETE", "/api/v1/services/%61"}, {"DELETE", "/healthz/../api/v1/services/a"},
		{"DELETE", "/api/v1/services/a/"}, {"delete", "/api/v1/services/a"}, {"PUT", "/api/v1//services/a/stop"}, {"HEAD", "/api/v1/tokens"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = c.path
		req.Header.Set("Authorization", "Bearer "+viewer)
		resp, err := http.DefaultTransport.RoundTrip(req) // follows nothing
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 300 {
			t.Errorf("%s %s: %d", c.method, c.path, resp.StatusCode)
		}
	}
	if service, err := r.memory.Get(t.Context(), "a"); err != nil || service.Status != api.StatusRunning {
		t.Errorf("the service is %s, %v", service.Status, err)
	}
}

func TestForbidden(t *testing.T) {
	r := start(t, nil)
	r.create()
	got := r.ask("DELETE", "/api/v1/services/a", "", "Authorization: Bearer "+r.token("bob", api.RoleOperator))
	p := decode[Problem](t, got)
	if got.status != 403 || p.Code != "forbidden" || p.Detail != `token "bob" has the role operator, and DELETE /api/v1/services/a needs admin` ||
		p.Hint != "use a token of role admin; an admin makes one with `sluice token create NAME --role admin`" {
		t.Errorf("%d %s", got.status, got.body)
	}
	got = r.ask("PUT", "/api/v1/services/a/stop", "", "Authorization: Bearer "+r.token("eve", api.RoleViewer))
	if p := decode[Problem](t, got); got.status != 403 || !strings.Contains(p.Hint, "operator or admin") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestTokenOverTheAPI(t *testing.T) {
	r := start(t, nil)
	made := decode[NewToken](t, r.ask("POST", "/api/v1/tokens", `{"name":"ci","role":"operator"}`))
	if made.Name != "ci" || made.CreatedBy != "admin" || made.Secret == "" || made.LastUsedAt != nil {
		t.Fatalf("%+v", made)
	}
	as := "Authorization: Bearer " + made.Secret
	if got := r.ask("POST", "/api/v1/services", file, as); got.status != 201 {
		t.Errorf("create: %d %s", got.status, got.body)
	}
	list := r.ask("GET", "/api/v1/tokens", "")
	tokens := decode[struct{ Tokens []api.Token }](t, list).Tokens
	if bytes.Contains(list.body, []byte(made.Secret)) || len(tokens) != 2 || tokens[0].Name != "admin" || tokens[1].Name != "ci" || tokens[1].LastUsedAt == nil {
		t.Errorf("list: %s", list.body)
	}
	if got := r.ask("DELETE", "/api/v1/tokens/ci", ""); got.status != 204 {
		t.Errorf("revoke: %d %s", got.status, got.body)
	}
	if got := r.ask("GET", "/api/v1/services", "", as); got.status != 401 {
		t.Errorf("a revoked token: %d %s", got.status, got.body)
	}
}

// What a revoked token still watches ends.
func TestRevokedStreamsEnd(t *testing.T) {
	r := start(t, nil)
	r.create()
	for _, path := range []string{"/api/v1/watch", "/api/v1/services/a/logs?follow=true"} {
		holder := r.token("bob", api.RoleViewer)
		req, _ := http.NewRequestWithContext(t.Context(), "GET", r.url+path, nil)
		req.Header.Set("Authorization", "Bearer "+holder)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", path, resp, err)
		}
		if err := r.tokens.Revoke(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for buffer := make([]byte, 4096); ; {
				if _, err := resp.Body.Read(buffer); err != nil {
					return
				}
			}
		}()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Errorf("%s goes on", path)
		}
		resp.Body.Close()
	}
}

// docs/tokens.md shows the table that is enforced.
func TestTokensPage(t *testing.T) {
	const path, begin, end = "../../docs/tokens.md", "<!-- begin: go test ./internal/server -run TestTokensPage -update -->\n", "<!-- end -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + accessTable() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s is not what the server enforces; go test ./internal/server -run TestTokensPage -update writes it", path)
	}
}

func accessTable() string {
	var b strings.Builder
	b.WriteString("\n| request | no token | viewer | operator | admin |\n| --- | --- | --- | --- | --- |\n")
	patterns := make([]string, 0, len(access))
	for p := range access {
		patterns = append(patterns, p)
	}
	slices.SortFunc(patterns, func(a, b string) int {
		methodA, pathA, _ := strings.Cut(a, " ")
		methodB, pathB, _ := strings.Cut(b, " ")
		return strings.Compare(pathA+" "+methodA, pathB+" "+methodB)
	})
	for _, p := range patterns {
		fmt.Fprintf(&b, "| `%s` |", p)
		for _, who := range []string{"none", "viewer", "operator", "admin"} {
			if status := expected(access[p], who); status != 0 {
				fmt.Fprintf(&b, " %d |", status)
			} else {
				b.WriteString(" yes |")
			}
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}
