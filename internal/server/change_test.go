package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
)

func TestAnswerShowsTheServiceAndTheChange(t *testing.T) {
	r := start(t, nil)
	created := r.ask("POST", "/api/v1/services?message=first", file, "Authorization: bearer "+r.token("bob", api.RoleOperator))
	a := decode[Answer](t, created)
	if !a.Changed || a.Name != "a" || a.Text == "" || len(a.Warnings) == 0 {
		t.Errorf("created: %s", created.body)
	}
	if created.header.Get("ETag") != `"1"` || created.header.Get("Location") != "/api/v1/services/a" || created.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", created.header)
	}
	r.settle("a", api.StatusRunning)
	v := decode[api.Version](t, r.ask("GET", "/api/v1/services/a/versions/1", ""))
	if v.Creator != "bob" || v.Message != "first" {
		t.Errorf("version 1 is by %q because %q; want bob, first: the identity behind the token", v.Creator, v.Message)
	}
	again := r.ask("PUT", "/api/v1/services/a", file)
	if a := decode[Answer](t, again); a.Changed || a.Text != "nothing to change" || again.header.Get("ETag") != `"1"` {
		t.Errorf("the same again: %s", again.body)
	}
}

func TestIfMatch(t *testing.T) {
	r := start(t, nil)
	r.create()
	for _, c := range []struct {
		ifMatch string
		status  int
	}{{`"7"`, 412}, {"*", 200}, {`"2"`, 200}, {"3", 200}, {`W/"1"`, 422}, {`"0"`, 422}} {
		n := r.settle("a", api.StatusRunning).Replicas.Desired
		body := `{"instance":` + string(rune('0'+(n%5)+1)) + `}`
		if got := r.ask("PUT", "/api/v1/services/a/scale", body, "If-Match: "+c.ifMatch); got.status != c.status {
			t.Errorf("If-Match: %s: %d, want %d: %s", c.ifMatch, got.status, c.status, got.body)
		}
	}
}

func TestFileFormats(t *testing.T) {
	r := start(t, nil)
	for name, c := range map[string]struct{ body, kind string }{
		"json":  {`{"metadata":{"name":"json"},"containers":[{"command":"x","port":1}]}`, "application/json"},
		"yaml":  {"metadata: {name: yaml}\ncontainers:\n- command: x\n  port: 1\n", "application/yaml"},
		"curl":  {"metadata: {name: curl}\ncontainers:\n- command: x\n  port: 1\n", "application/x-www-form-urlencoded"},
		"plain": {`{"metadata":{"name":"plain"},"containers":[{"command":"x","port":1}]}`, "text/plain; charset=utf-8"},
	} {
		if got := r.ask("POST", "/api/v1/services", c.body, "Content-Type: "+c.kind); got.status != 201 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := r.ask("PUT", "/api/v1/services/curl/scale", `{"instance":3}`, "Content-Type: application/x-www-form-urlencoded"); got.status != 200 {
		t.Errorf("scale: %d %s", got.status, got.body)
	}
}

func TestUpdateType(t *testing.T) {
	r := start(t, nil)
	r.create()
	with := decode[Answer](t, r.ask("PUT", "/api/v1/services/a", `{"labels":{"x":"1"}}`))
	if !strings.Contains(string(with.Config), `"command":"./v1"`) || !strings.Contains(string(with.Config), `"labels"`) {
		t.Errorf("merge: %s", with.Config)
	}
	without := decode[Answer](t, r.ask("PUT", "/api/v1/services/a?update_type=replace", file))
	if strings.Contains(string(without.Config), `"labels"`) {
		t.Errorf("replace: %s", without.Config)
	}
}

// Without a number, with 0 and without a body the controller chooses.
func TestRollbackWithoutAVersion(t *testing.T) {
	r := start(t, nil)
	r.create()
	for _, body := range []string{"", "{}", `{"version":0}`} {
		r.ask("PUT", "/api/v1/services/a", `{"labels":{"x":"`+body+`y"}}`)
		before := r.settle("a", api.StatusRunning)
		got := decode[Answer](t, r.ask("PUT", "/api/v1/services/a/version", body))
		if got.CurrentVersion != before.CurrentVersion-1 {
			t.Errorf("body %q: from version %d to %d", body, before.CurrentVersion, got.CurrentVersion)
		}
		r.settle("a", api.StatusRunning)
		r.ask("PUT", "/api/v1/services/a/version", `{"version":`+string(rune('0'+before.CurrentVersion))+`}`)
		r.settle("a", api.StatusRunning)
	}
}

func TestEventsOfADeletedService(t *testing.T) {
	r := start(t, nil)
	r.create()
	r.ask("DELETE", "/api/v1/services/a", "")
	for r.ask("GET", "/api/v1/services/a", "").status != 404 {
	}
	got := decode[struct{ Events []api.Event }](t, r.ask("GET", "/api/v1/services/a/events", ""))
	if n := len(got.Events); n == 0 || got.Events[n-1].Reason != "Deleted" {
		t.Errorf("%+v", got.Events)
	}
}

func TestLogs(t *testing.T) {
	r := start(t, nil)
	r.create()
	if got := r.ask("GET", "/api/v1/services/a/logs?tail=1", ""); string(got.body) != "a-1-1 line 3\na-1-2 line 3\n" {
		t.Errorf("all: %q", got.body)
	}
	if got := r.ask("GET", "/api/v1/services/a/logs?replica=a-1-2&tail=0", ""); string(got.body) != "line 1\nline 2\nline 3\n" {
		t.Errorf("one: %q", got.body)
	}
	// A follower sees what is written after it has begun, and its end is seen.
	req, _ := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/v1/services/a/logs?replica=a-1-1&follow=true", nil)
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	want := "line 1\nline 2\nline 3\nline 4\nline 5\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	resp.Body.Close() // the follower in Memory ends, else its Close would hang
}

func TestPausedRolloutIsShown(t *testing.T) {
	r := start(t, nil)
	r.create()
	r.memory.Endings(servertest.Failed)
	r.ask("PUT", "/api/v1/services/a", `{"containers":[{"command":"./v2","port":8000}]}`)
	r.settle("a", api.StatusPaused)
	ro := decode[api.Rollout](t, r.ask("GET", "/api/v1/services/a/rollout", ""))
	if ro.Phase != api.RolloutPaused || ro.Reason != "failure" || !strings.Contains(ro.Message, "exit code 3") {
		t.Errorf("%+v", ro)
	}
}
