package gateway

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// table puts a change in force.
func (b *bench) table(change wire.Table) {
	b.revision++
	change.Revision = b.revision
	b.g.board.apply(change)
}

// serving is a route of a service with one replica, or none for "".
func serving(service, address string) traffic.Route {
	r := traffic.Route{Service: service, Unavailable: service + " has stopped"}
	if address != "" {
		r.Endpoints = []traffic.Endpoint{{Replica: service + "-1", Version: 1, Address: address}}
	}
	return r
}

// groupOf is group "grp" of services with these weights: "a=70 b=30".
func groupOf(weights string, rules ...traffic.Rule) traffic.Group {
	g := traffic.Group{Name: "grp", Rules: rules}
	for part := range strings.FieldsSeq(weights) {
		name, weight, _ := strings.Cut(part, "=")
		m := traffic.Member{Service: name}
		fmt.Sscan(weight, &m.Weight)
		g.Members = append(g.Members, m)
	}
	return g
}

// startGroup serves group "grp", each member by one replica that says its name.
func startGroup(t testing.TB, g traffic.Group) *bench {
	t.Helper()
	b := start(t, Config{})
	var routes []traffic.Route
	for _, m := range g.Members {
		routes = append(routes, serving(m.Service, replica(t, answers(m.Service))))
	}
	b.table(wire.Table{Full: true, Routes: routes, Groups: []traffic.Group{g}})
	b.url = "http://" + b.g.Addr() + "/api/predict/grp"
	return b
}

// load sends n requests from 10 callers that keep their connections, and counts
// who answered. Any failure is one of the test.
func (b *bench) load(n int) map[string]int {
	b.t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	return b.callers(func() bool { return left.Add(-1) >= 0 })
}

func (b *bench) callers(more func() bool) map[string]int {
	b.t.Helper()
	var mu sync.Mutex
	counts := map[string]int{}
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for more() {
				r, err := client.Get(b.url + "/x")
				if err != nil {
					b.t.Errorf("a request was lost: %v", err)
					return
				}
				body, _ := io.ReadAll(r.Body)
				r.Body.Close()
				if r.StatusCode != 200 || r.Header.Get("X-Sluice-Service") != string(body) {
					b.t.Errorf("answer %d of %q: %s", r.StatusCode, r.Header["X-Sluice-Service"], body)
					return
				}
				mu.Lock()
				counts[string(body)]++
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return counts
}

func (b *bench) shared(service string) wire.Share {
	b.g.board.mu.Lock()
	defer b.g.board.mu.Unlock()
	w, _ := b.g.board.share("grp", service).snapshot()
	return w
}

func expect(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestSplitIsExactUnderLoad(t *testing.T) {
	b := startGroup(t, groupOf("a=70 b=30 c=0"))
	expect(t, "70/30/0 over 500", b.load(500), map[string]int{"a": 350, "b": 150})
	if s := b.shared("a"); s.Split != 350 || s.Aimed+s.Others+s.Tested+s.Instead != 0 {
		t.Errorf("counted %+v", s)
	}
	nine := "a=1 b=2 c=3 d=50 e=100 f=144 g=200 h=233 i=267"
	b = startGroup(t, groupOf(nine))
	expect(t, "nine weights over 1000", b.load(1000), map[string]int{"a": 1, "b": 2, "c": 3, "d": 50, "e": 100, "f": 144, "g": 200, "h": 233, "i": 267})
}

// beginning is what the first n turns of weights give to whom.
func beginning(g traffic.Group, n int) map[string]int {
	counts := map[string]int{}
	turns := traffic.NewSplit(g.Members).Among(func(string) bool { return true })
	for range n {
		i, _ := turns.Next()
		counts[turns.Services()[i]]++
	}
	return counts
}

// TestWeightsChangeUnderLoad changes weights in the middle of a load. Whatever
// the moment, what the callers saw is so many first turns by the old weights and
// so many by the new ones.
func TestWeightsChangeUnderLoad(t *testing.T) {
	before, after := groupOf("a=70 b=30 c=0"), groupOf("a=0 b=45 c=55")
	b := startGroup(t, before)
	const all = 2000
	var begun atomic.Int64
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		until(t, "a part is done", func() bool { return begun.Load() > 700 })
		b.table(wire.Table{Groups: []traffic.Group{after}})
	}()
	got := b.callers(func() bool { return begun.Add(1) <= all })
	<-changed
	for k := 0; ; k++ {
		if k > all {
			t.Fatalf("%v is not so many turns of the old weights and then of the new", got)
		}
		want := beginning(before, k)
		for service, n := range beginning(after, all-k) {
			want[service] += n
		}
		if maps.Equal(got, want) {
			break
		}
	}
	// The same weights, in proportion, again and other routes: nothing begins anew.
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=0 b=45 c=55")}})
	first := b.load(7)
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=0 b=90 c=110", traffic.Rule{Service: "a", Header: "X-Never"})}, Routes: []traffic.Route{serving("z", "")}})
	second := b.load(13)
	expect(t, "20 requests over tables", map[string]int{"b": first["b"] + second["b"], "c": first["c"] + second["c"]}, map[string]int{"b": 9, "c": 11})
}

// TestNoTurnByOldWeights has a request that read the table before a change take
// its turn after it.
func TestNoTurnByOldWeights(t *testing.T) {
	b := startGroup(t, groupOf("a=1 b=1", traffic.Rule{Service: "b", Cookie: "uid", Percent: 0.0001}))
	r, _ := http.NewRequest("GET", "/", nil)
	user, _ := http.NewRequest("GET", "/", nil)
	user.Header.Set("Cookie", "uid=user1")
	late := b.g.board.current.Load().groups["grp"]
	b.table(wire.Table{Routes: []traffic.Route{serving("z", "")}})
	if m, ok := late.choose(r); m == nil || !ok {
		t.Errorf("after a change of something else: %v %v", m, ok)
	}
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=0 b=1")}})
	for _, r := range []*http.Request{r, user} {
		if m, ok := late.choose(r); m != nil || ok {
			t.Errorf("after a change of weights: %v %v", m, ok)
		}
	}
	was := b.shared("b").Split
	b.g.serveGroup(httptest.NewRecorder(), r, late, "/", now())
	if is := b.shared("b").Split; is != was+1 {
		t.Errorf("by the new weights b had %d turns", is-was)
	}
}

func TestMemberLeavesAndComesBack(t *testing.T) {
	b := startGroup(t, groupOf("a=50 b=30 c=20"))
	route := serving("c", b.g.board.current.Load().services["c"].ready[0].address)
	first := b.load(7) // in mid-window
	b.table(wire.Table{Routes: []traffic.Route{serving("c", "")}})
	expect(t, "without c", b.load(80), map[string]int{"a": 50, "b": 30})
	b.table(wire.Table{Withdrawn: []string{"c"}})
	expect(t, "with c deleted", b.load(16), map[string]int{"a": 10, "b": 6})
	b.table(wire.Table{Routes: []traffic.Route{route}})
	rest := b.load(3)
	for service, n := range first {
		rest[service] += n
	}
	expect(t, "the window that c's absence parted", rest, map[string]int{"a": 5, "b": 3, "c": 2})
	expect(t, "afterwards", b.load(100), map[string]int{"a": 50, "b": 30, "c": 20})
}

// TestAnotherMemberTakesOver has one replica that nobody can connect to. Its
// turns go to the others, and theirs stay exact.
func TestAnotherMemberTakesOver(t *testing.T) {
	b := startGroup(t, groupOf("a=5 b=3 c=2"))
	b.table(wire.Table{Routes: []traffic.Route{serving("c", deadAddress(t))}})
	got := b.load(100)
	if got["c"] != 0 || got["a"]+got["b"] != 100 {
		t.Errorf("%v", got)
	}
	for service, want := range map[string]uint64{"a": 50, "b": 30, "c": 20} {
		if s := b.shared(service); s.Split != want {
			t.Errorf("%s had %d turns, want %d", service, s.Split, want)
		}
	}
	if a, b := b.shared("a").Instead, b.shared("b").Instead; a+b != 20 || a < 12 || a > 13 {
		t.Errorf("a took %d and b %d of c's 20", a, b)
	}
	b.table(wire.Table{Routes: []traffic.Route{serving("a", deadAddress(t)), serving("b", deadAddress(t))}})
	r, body := b.get("")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(body, "can be connected to") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	b.settle()
}

func TestNothingBehindAnyWeight(t *testing.T) {
	for _, c := range []struct{ weights, missing, want string }{
		{"a=0 b=0", "", "group grp: every weight is 0"},
		{"", "", "group grp has no members"},
		{"a=1 b=2 c=0", "a b", "no service with a share of group grp has a ready replica (a: a has stopped; b: b has stopped)"},
	} {
		b := startGroup(t, groupOf(c.weights))
		for service := range strings.FieldsSeq(c.missing) {
			route := serving(service, "")
			route.RetryAfter = 3
			b.table(wire.Table{Routes: []traffic.Route{route}})
		}
		r, _ := http.Get(b.url)
		p := problemOf(t, r)
		if r.StatusCode != 503 || p.Detail != c.want || r.Header.Get("Retry-After") == "" || p.Service != "grp" {
			t.Errorf("%q: %d %+v", c.weights, r.StatusCode, p)
		}
	}
}

func TestGroupAddress(t *testing.T) {
	var seen atomic.Pointer[http.Request]
	address := replica(t, func(w http.ResponseWriter, r *http.Request) { seen.Store(r) })
	b := start(t, Config{})
	private := serving("b", address)
	private.Token = "of-b"
	open := groupOf("a=1 b=0")
	locked := groupOf("a=1 b=0")
	locked.Name, locked.Token = "locked", "of-grp"
	b.table(wire.Table{Full: true, Routes: []traffic.Route{serving("a", address), private}, Groups: []traffic.Group{open, locked}})
	for _, c := range []struct {
		path, host, auth, test string
		status                 int
		service, detail        string
	}{
		{path: "/api/predict/grp/v2/x?y=%2F", status: 200, service: "a"},
		{path: "/v2/x?y=%2F", host: "GRP.models.example:80", status: 200, service: "a"},
		{path: "/api/predict/grp/v2/x?y=%2F", auth: "of-b", status: 200, service: "a"}, // b's token is for the gateway
		{path: "/api/predict/a/v2/x?y=%2F", status: 200, service: "a"},
		{path: "/api/predict/b/v2/x", status: 401, service: "b", detail: "service b needs its token"},
		{path: "/api/predict/b/v2/x?y=%2F", auth: "Bearer of-b", status: 200, service: "b"},
		{path: "/api/predict/locked/", status: 401, service: "locked", detail: "group locked needs its token"},
		{path: "/api/predict/locked/", auth: "of-b", status: 401, service: "locked", detail: "group locked"},
		{path: "/api/predict/locked/v2/x?y=%2F", auth: "of-grp", status: 200, service: "a"},
		{path: "/api/predict/locked/v2/x?y=%2F", auth: "of-grp", test: "a", status: 200, service: "a"},
		{path: "/api/predict/locked/", test: "a", status: 401, service: "locked", detail: "group locked"},
		{path: "/api/predict/locked/", auth: "of-grp", test: "b", status: 401, service: "locked", detail: "service b, named by X-Sluice-Service, needs"},
		{path: "/api/predict/locked/v2/x?y=%2F", auth: "Bearer of-b", test: "b", status: 200, service: "b"},
		{path: "/api/predict/grp/", test: "b", status: 401, service: "grp", detail: "service b"},
		{path: "/api/predict/grp/v2/x?y=%2F", test: "a", status: 200, service: "a"},
		{path: "/api/predict/grp/", test: "z", status: 404, service: "grp", detail: `names "z", which is not in group grp; its services are a, b`},
		{path: "/api/predict/locked/", test: "z", status: 401, service: "locked", detail: "group locked"},
		{path: "/api/predict/none/", status: 404, detail: `no service or group named "none"`},
	} {
		r, _ := http.NewRequest("POST", "http://"+b.g.Addr()+c.path, nil)
		r.Host = c.host
		for key, value := range map[string]string{"Authorization": c.auth, "X-Sluice-Service": c.test} {
			if value != "" {
				r.Header.Set(key, value)
			}
		}
		seen.Store(nil)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := slurp(t, answer)
		if answer.StatusCode != c.status || answer.Header.Get("X-Sluice-Service") != c.service || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), c.detail) {
			t.Errorf("%+v: %d %q %s", c, answer.StatusCode, answer.Header["X-Sluice-Service"], body)
		}
		got := seen.Load()
		if (got != nil) != (c.status == 200) {
			t.Errorf("%+v: at the replica: %v", c, got)
		}
		if got != nil && (got.RequestURI != "/v2/x?y=%2F" || got.Header["Authorization"] != nil || got.Header["X-Sluice-Service"] != nil) {
			t.Errorf("%+v: passed on as %s %v", c, got.RequestURI, got.Header)
		}
	}
	if s := b.shared("a"); s.Tested != 1 || s.Split != 3 {
		t.Errorf("counted %+v", s)
	}

	b.table(wire.Table{Routes: []traffic.Route{serving("grp", replica(t, answers("itself")))}})
	b.url = "http://" + b.g.Addr() + "/api/predict/grp"
	if _, body := b.get(""); body != "itself" {
		t.Errorf("a service in the group's place: %q", body)
	}
	b.table(wire.Table{Groups: []traffic.Group{open}})
	if r, _ := b.get(""); r.Header.Get("X-Sluice-Service") != "a" {
		t.Errorf("a group in the service's place: %v", r.Header)
	}
	b.table(wire.Table{Withdrawn: []string{"grp"}})
	if r, _ := b.get(""); r.StatusCode != 404 {
		t.Errorf("a group that ended: %d", r.StatusCode)
	}
}

// TestGroupOverTheLink has a real hub between the test and the gateway: the
// change is in force when it is acknowledged, and counts come up.
func TestGroupOverTheLink(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1})
	for _, name := range []string{"a", "b"} {
		h.Publish(serving(name, replica(t, answers(name))))
	}
	first := h.PublishGroup(groupOf("a=70 b=30"))
	h.Open()
	b := start(t, Config{Control: socket})
	b.url = "http://" + b.g.Addr() + "/api/predict/grp"
	until(t, "the gateway is there", func() bool { return len(h.Gateways()) == 1 })
	acked(t, h, first)
	expect(t, "first weights", b.load(100), map[string]int{"a": 70, "b": 30})
	acked(t, h, h.PublishGroup(groupOf("a=1 b=9")))
	expect(t, "next weights", b.load(100), map[string]int{"a": 10, "b": 90})
	acked(t, h, h.PublishGroup(groupOf("a=0 b=9")))
	expect(t, "last weights", b.load(100), map[string]int{"b": 100})
	until(t, "the counts have come", func() bool {
		n := h.GroupNumbers("grp")
		return n["a"] == hub.Shares{Split: 80} && n["b"] == hub.Shares{Split: 220}
	})

	h.Close()
	h = startHub(t, hub.Config{Socket: socket, Epoch: 2})
	for name, s := range b.g.board.current.Load().services {
		h.Publish(serving(name, s.ready[0].address))
	}
	h.PublishGroup(groupOf("a=0 b=9"))
	h.Open()
	until(t, "a new control plane has taken over the counts", func() bool { return h.GroupNumbers("grp")["b"].Split == 220 })
	expect(t, "under the new control plane", b.load(10), map[string]int{"b": 10})
}
