package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server"
	"sluice.dev/sluice/internal/server/servertest"
)

const file = `{"metadata":{"name":"a","instance":3},"containers":[{"command":"./v1","port":8000}]}`

// connect gives a client of the real server over a real socket.
func connect(t *testing.T) (*Client, *servertest.Memory, *httptest.Server) {
	memory := servertest.New()
	memory.Pace = 2 * time.Millisecond
	web := httptest.NewServer(server.New(server.Config{Releases: memory, Tokens: servertest.Tokens("secret")}))
	t.Cleanup(func() {
		web.CloseClientConnections()
		memory.Close()
		web.Close()
	})
	c := New(web.URL+"/", "secret")
	c.backOff, c.backOffTo = time.Millisecond, 10*time.Millisecond
	return c, memory, web
}

func document(t *testing.T, text string) api.Document {
	t.Helper()
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// created is a running service.
func created(t *testing.T, c *Client) Answer {
	t.Helper()
	a, err := c.Create(t.Context(), document(t, file), Because("the first"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func running(t *testing.T, c *Client) api.Service {
	t.Helper()
	end, err := c.Wait(t.Context(), created(t, c), Rolled, nil)
	if err != nil || !end.Reached {
		t.Fatalf("%+v, %v", end, err)
	}
	return end.Service
}

func TestEveryCall(t *testing.T) {
	c, _, _ := connect(t)
	ctx := t.Context()
	running(t, c)
	check := func(what string, ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	settle := func(what string, a Answer, err error, goal Goal) {
		t.Helper()
		check(what, a.Changed, err)
		end, err := c.Wait(ctx, a, goal, nil)
		check(what+": wait: "+end.Text, end.Reached, err)
	}
	all, err := c.Services(ctx)
	check("services", len(all) == 1 && all[0].Name == "a", err)
	one, err := c.Service(ctx, "a")
	check("service", one.Replicas.Ready == 3, err)
	a, err := c.Update(ctx, "a", document(t, `{"labels":{"x":"y"}}`), Merge, IfRevision(one.Revision), Because("a label & more"))
	settle("update", a, err, Rolled)
	list, err := c.Versions(ctx, "a", Page{})
	check("versions", len(list) == 2 && list[0].Number == 2 && list[0].Message == "a label & more" && list[1].Message == "the first", err)
	version, err := c.Version(ctx, "a", 2)
	check("version", version.Creator == "admin", err)
	diff, err := c.Diff(ctx, "a", 1, 2, false)
	check("diff", len(diff.Changes) == 1 && diff.Changes[0].Path == "labels.x", err)
	a, err = c.Scale(ctx, "a", 2)
	settle("scale", a, err, Steady)
	a, err = c.Restart(ctx, "a")
	settle("restart", a, err, Rolled)
	a, err = c.Rollback(ctx, "a", api.Rollback{})
	settle("rollback", a, err, RolledBack)
	ro, err := c.CurrentRollout(ctx, "a")
	check("current rollout", ro.Kind == api.KindRollback, err)
	rollouts, err := c.Rollouts(ctx, "a")
	check("rollouts", len(rollouts) == 4 && rollouts[0].ID == ro.ID, err)
	same, err := c.Rollout(ctx, "a", ro.ID)
	check("rollout", same.ID == ro.ID, err)
	replicas, err := c.Replicas(ctx, "a")
	check("replicas", len(replicas) == 2, err)
	replica, err := c.Replica(ctx, "a", replicas[0].ID)
	check("replica", replica.ID == replicas[0].ID, err)
	a, err = c.EvictReplica(ctx, "a", replica.ID)
	check("evict", a.Changed, err)
	events, err := c.Events(ctx, "a", 1, 2)
	check("events", len(events) == 2, err)
	logs, err := c.Logs(ctx, "a", LogOptions{Replica: replicas[1].ID, Tail: 1})
	check("logs", logs != nil, err)
	text, err := io.ReadAll(logs)
	check("logs", string(text) == "line 3\n", err)
	logs.Close()
	a, err = c.Stop(ctx, "a")
	settle("stop", a, err, Halted)
	a, err = c.Start(ctx, "a")
	settle("start", a, err, Steady)
	a, err = c.Apply(ctx, document(t, strings.Replace(file, "v1", "v3", 1)))
	settle("apply", a, err, Rolled)
	a, err = c.Apply(ctx, document(t, strings.Replace(file, `"a"`, `"b"`, 1)))
	settle("apply of a new one", a, err, Rolled)
	a, err = c.Delete(ctx, "a")
	settle("delete", a, err, Gone)
}

func TestProblems(t *testing.T) {
	c, memory, web := connect(t)
	ctx := t.Context()
	created(t, c)
	_, notFound := c.Service(ctx, "a/../b")
	_, exists := c.Create(ctx, document(t, file))
	_, stale := c.Scale(ctx, "a", 9, IfRevision(99))
	_, invalid := c.Update(ctx, "a", document(t, `{"metadata":{"instnce":1}}`), Merge)
	_, refused := c.Rollback(ctx, "a", api.Rollback{Version: 1})
	_, unauthorized := New(web.URL, "wrong").Services(ctx)
	_, anonymous := New(web.URL, "").Services(ctx)
	memory.FailWith(errors.New("the disk is full"))
	_, unavailable := c.Stop(ctx, "a")
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		says   string
	}{
		"not found":    {notFound, 404, CodeNotFound, `"a/../b" does not exist`},
		"exists":       {exists, 409, CodeExists, "exists already"},
		"stale":        {stale, 412, CodeStale, "revision 99"},
		"invalid":      {invalid, 422, CodeInvalid, `did you mean "instance"`},
		"refused":      {refused, 409, CodeRefused, "current version already; choose another"},
		"unauthorized": {unauthorized, 401, CodeUnauthorized, "not known"},
		"anonymous":    {anonymous, 401, CodeUnauthorized, "a token is needed"},
		"unavailable":  {unavailable, 503, CodeUnavailable, "the disk is full; what serves goes on"},
	} {
		var p *Problem
		if !errors.As(c.err, &p) || p.Status != c.status || p.Code != c.code || !strings.Contains(p.Error(), c.says) {
			t.Errorf("%s: %+v (%v), want %d %s %q", name, p, c.err, c.status, c.code, c.says)
		}
	}
}

func TestWhatIsNotSluice(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/services/broken" {
			w.WriteHeader(502)
		}
		io.WriteString(w, "<html>")
	}))
	defer page.Close()
	c := New(page.URL, "")
	var unreachable *UnreachableError
	if _, err := c.Services(t.Context()); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "not Sluice") {
		t.Errorf("a page: %v", err)
	}
	var problem *Problem
	if _, err := c.Service(t.Context(), "broken"); !errors.As(err, &problem) || err.Error() != "the server answers 502 Bad Gateway" {
		t.Errorf("502: %v", err)
	}
	page.Close()
	if _, err := c.Services(t.Context()); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("closed: %v", err)
	}
	for _, address := range []string{"::", "http://", "tcp://127.0.0.1:1"} {
		if _, err := New(address, "").Services(t.Context()); !errors.As(err, &unreachable) {
			t.Errorf("%q: %v", address, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Services(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
