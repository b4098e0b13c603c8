package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"net/http/httptest"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
	"sluice.dev/sluice/internal/store"
	memory "sluice.dev/sluice/internal/store/memory"
)

// last is the newest entry.
func (r *rig) last() api.AuditEntry {
	r.t.Helper()
	list, err := r.audit.Audit(r.t.Context(), store.AuditQuery{Limit: 1})
	if err != nil || len(list) != 1 {
		r.t.Fatalf("the audit log: %+v, %v", list, err)
	}
	return list[0]
}

// TestAuditOutcomes: what is recorded of each kind of request, found by the next
// read.
func TestAuditOutcomes(t *testing.T) {
	r := start(t, nil)
	r.create()
	viewer, operator := "Authorization: Bearer "+r.token("eve", api.RoleViewer), "Authorization: Bearer "+r.token("bob", api.RoleOperator)
	for _, c := range []struct {
		method, path, body string
		headers            []string
		want               string // actor role operation about outcome status code
		detail             string // in its detail; "" for none
		message, request   string
	}{
		{"PUT", "/api/v1/services/a/scale?message=more+load", `{"instance":3}`, []string{operator, "X-Request-Id: req-7"},
			`bob operator scale-service a done 200 `, "", "more load", "req-7"},
		{"PUT", "/api/v1/services/a/scale", `{"instance":3}`, []string{operator}, `bob operator scale-service a unchanged 200 `, "", "", ""},
		{"POST", "/api/v1/services", strings.Replace(file, `"a"`, `"b"`, 1), nil, `admin admin create-service b done 201 `, "", "", ""},
		{"POST", "/api/v1/services", file, nil, `admin admin create-service  refused 409 exists`, `service "a" exists already`, "", ""},
		{"PUT", "/api/v1/services/nosuch/stop", "", nil, `admin admin stop-service nosuch refused 404 not_found`, `service "nosuch" does not exist`, "", ""},
		{"PUT", "/api/v1/services/a/stop", "", []string{"If-Match: \"999\""}, `admin admin stop-service a refused 412 stale`, "the service is at revision", "", ""},
		{"PUT", "/api/v1/services/a", `{"metadata":{"toekn":"hunter2"}}`, nil, `admin admin update-service a refused 422 invalid`, "wrong in the request: metadata.toekn", "", ""},
		{"PUT", "/api/v1/services/a", `{{ hunter2`, nil, `admin admin update-service a refused 422 invalid`, "the request is invalid", "", ""},
		{"PUT", "/api/v1/services/a/scale", `{"instance":"hunter2"}`, nil, `admin admin scale-service a refused 422 invalid`, "wrong in the request: body.instance", "", ""},
		{"PUT", "/api/v1/services/a/stop", "", []string{viewer}, `eve viewer stop-service a refused 403 forbidden`, "needs operator", "", ""},
		{"GET", "/api/v1/tokens", "", []string{operator}, `bob operator list-tokens  refused 403 forbidden`, "needs admin", "", ""},
		{"DELETE", "/api/v1/services/a", "", []string{"Authorization: Bearer hunter2"}, `  delete-service a refused 401 unauthorized`, "not known", "", ""},
		{"GET", "/api/v1/services", "", []string{"Authorization: "}, `  list-services  refused 401 unauthorized`, "a token is needed", "", ""},
		{"POST", "/api/v1/tokens", `{"name":"ci","role":"operator"}`, nil, `admin admin create-token token ci done 201 `, "", "", ""},
		{"DELETE", "/api/v1/tokens/ci", "", nil, `admin admin revoke-token token ci done 204 `, "", "", ""},
		{"POST", "/api/v1/groups", `{"name":"g"}`, nil, `admin admin create-group group g done 201 `, "", "", ""},
		{"PATCH", "/api/v1/services/a", "", nil, `admin admin   refused 405 method_not_allowed`, "PATCH is not allowed", "", ""},
		{"POST", "/nosuch", "hunter2", nil, `admin admin   refused 404 not_found`, "the API has no path", "", ""},
	} {
		got := r.ask(c.method, c.path, c.body, c.headers...)
		e := r.last()
		about := e.Service
		if e.Group != "" {
			about = "group " + e.Group
		}
		if e.TokenName != "" {
			about = "token " + e.TokenName
		}
		is := fmt.Sprintf("%s %s %s %s %s %d %s", e.Actor, e.Role, e.Operation, about, e.Outcome, e.Status, e.Code)
		if is != c.want {
			t.Errorf("%s %s is recorded as\n%s\nwant\n%s", c.method, c.path, is, c.want)
		}
		if !strings.Contains(e.Detail, c.detail) || (c.detail == "") != (e.Detail == "") || e.Message != c.message || e.Request != c.request || e.Times != 1 ||
			e.Remote != "127.0.0.1" || e.Method != c.method || e.Status != got.status || e.Time.IsZero() {
			t.Errorf("%s %s: %+v", c.method, c.path, e)
		}
		if e.Outcome == api.AuditDone && got.status == 200 && (e.Text == "" || e.Revision == 0) {
			t.Errorf("%s %s: no text or no revision: %+v", c.method, c.path, e)
		}
	}
	all, _ := r.audit.Audit(t.Context(), store.AuditQuery{})
	if text := jsonOf(t, all); strings.Contains(text, "hunter2") {
		t.Errorf("the log has what a request sent: %s", text)
	}
}

// TestAuditLeavesOut: who looks is not recorded, whatever the method.
func TestAuditLeavesOut(t *testing.T) {
	r := start(t, nil)
	r.create()
	before := r.last().Seq
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/v1/services/a", ""}, {"GET", "/api/v1/services/nosuch", ""}, {"HEAD", "/api/v1/services", ""}, {"GET", "/healthz", ""}, {"GET", "/api/v1/audit", ""},
		{"POST", "/api/v1/services/a/preview", `{"containers":[{"command":"./v3"}]}`}, {"POST", "/api/v1/services/a/versions/diff", `{"config":{}}`},
	} {
		r.ask(c.method, c.path, c.body)
		if e := r.last(); e.Seq != before {
			t.Errorf("%s %s is recorded: %+v", c.method, c.path, e)
		}
	}
}

// TestAuditIsNotFilledByStrangers: who has no token that is known is recorded so
// often a minute, and counted from then on; others are recorded all the same.
func TestAuditIsNotFilledByStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries := memory.New()
		releases := servertest.New()
		defer releases.Close()
		handler := New(Config{Releases: releases, Tokens: servertest.Tokens(secret), Audit: entries})
		ask := func(token string) {
			r := httptest.NewRequest("PUT", "/api/v1/services/a/stop", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		for range 1000 {
			ask("wrong")
		}
		ask(secret)
		list, _ := entries.Audit(t.Context(), store.AuditQuery{})
		if len(list) != turnedAwayAMinute+1 || list[len(list)-1].Actor != "admin" {
			t.Fatalf("%d entries within the minute", len(list))
		}
		time.Sleep(61 * time.Second)
		list, _ = entries.Audit(t.Context(), store.AuditQuery{})
		if e := list[len(list)-1]; len(list) != turnedAwayAMinute+2 || e.Times != 1000-turnedAwayAMinute || e.Status != 401 || !strings.Contains(e.Detail, "970 requests within a minute") {
			t.Errorf("%d entries, the last %+v", len(list), e)
		}
		ask("wrong")
		if list, _ = entries.Audit(t.Context(), store.AuditQuery{}); len(list) != turnedAwayAMinute+3 {
			t.Errorf("%d entries in the next minute", len(list))
		}
		time.Sleep(2 * time.Minute)
	})
}

// brokenLog fails while it is told to.
type brokenLog struct {
	*memory.Store
	broken atomic.Bool
}

func (b *brokenLog) AppendAudit(ctx context.Context, e api.AuditEntry) error {
	if b.broken.Load() {
		return errors.New("the disk is full")
	}
	return b.Store.AppendAudit(ctx, e)
}

// TestAuditThatCannotBeWritten: the change stands, /readyz says so, the server's
// log has the entry, and the log says how many are missing.
func TestAuditThatCannotBeWritten(t *testing.T) {
	log := &brokenLog{Store: memory.New()}
	r := start(t, func(cfg *Config) { cfg.Audit = log })
	r.create()
	log.broken.Store(true)
	for n := 3; n <= 4; n++ {
		if got := r.ask("PUT", "/api/v1/services/a/scale", fmt.Sprintf(`{"instance":%d}`, n)); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if got := r.ask("GET", "/readyz", ""); got.status != 503 || !bytes.Contains(got.body, []byte("changes are made, but the audit log cannot be written")) {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
	log.broken.Store(false)
	if got := r.ask("GET", "/readyz", ""); got.status != 200 {
		t.Errorf("/readyz afterwards: %d %s", got.status, got.body)
	}
	r.ask("PUT", "/api/v1/services/a/scale", `{"instance":5}`)
	list, _ := log.Audit(t.Context(), store.AuditQuery{})
	if len(list) != 3 || list[1].Times != 2 || list[1].Outcome != api.AuditFailed || !strings.Contains(list[1].Detail, "2 entries before this one could not be written") {
		t.Errorf("%s", jsonOf(t, list))
	}
	if !strings.Contains(r.log.String(), "scale-service") {
		t.Errorf("the server's log: %s", r.log)
	}
}

// TestAuditOverTheAPI: filters, pages, and everything as JSON lines.
func TestAuditOverTheAPI(t *testing.T) {
	r := start(t, nil)
	r.create()
	at := time.Now().Add(-time.Hour)
	for i := range 1234 {
		e := api.AuditEntry{Time: api.At(at.Add(time.Duration(i) * time.Second)), Actor: "ann", Service: "b", Outcome: api.AuditOutcomes[i%4], Times: 1}
		if err := r.audit.AppendAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	read := func(query string, headers ...string) []api.AuditEntry {
		t.Helper()
		got := r.ask("GET", "/api/v1/audit?"+query, "", headers...)
		if got.status != 200 {
			t.Fatalf("%s: %d %s", query, got.status, got.body)
		}
		if got.header.Get("Content-Type") == "application/json" {
			return decode[AuditList](t, got).Audit
		}
		var list []api.AuditEntry
		for lines := bufio.NewScanner(bytes.NewReader(got.body)); lines.Scan(); {
			var e api.AuditEntry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			list = append(list, e)
		}
		return list
	}
	for _, c := range []struct {
		query  string
		header string
		first  int64
		n      int
	}{
		{"", "", 236, 1000}, {"limit=2", "", 1234, 2}, {"after=1200&limit=1000", "", 1201, 35}, {"actor=admin", "", 1, 1}, {"service=b&outcome=refused&limit=1000", "", 4, 308},
		{"format=jsonl", "", 1, 1235}, {"", "Accept: application/jsonl", 1, 1235}, {"format=jsonl&actor=ann&after=1", "", 2, 1234}, {"format=jsonl&limit=3", "", 1233, 3},
		{"format=jsonl&actor=nobody", "", 0, 0}, {"since=1m", "", 1, 1}, {"until=2020-01-01T00:00:00Z", "", 0, 0},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		list := read(c.query, headers...)
		if len(list) != c.n || c.n > 0 && list[0].Seq != c.first {
			t.Errorf("?%s %s: %d entries from %+v, want %d from %d", c.query, c.header, len(list), list[:min(1, len(list))], c.n, c.first)
			continue
		}
		for i := 1; i < len(list); i++ {
			if list[i].Seq <= list[i-1].Seq {
				t.Fatalf("?%s: %d after %d", c.query, list[i].Seq, list[i-1].Seq)
			}
		}
	}
	none := start(t, func(cfg *Config) { cfg.Audit = nil })
	none.create()
	if got := none.ask("GET", "/api/v1/audit", ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("without a log: %d %s", got.status, got.body)
	}
}
