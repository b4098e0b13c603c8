package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// ask sends one request to the group's address and says which member answered.
func (b *bench) ask(query string, header ...string) string {
	b.t.Helper()
	r, _ := http.NewRequest("GET", b.url+query, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	slurp(b.t, answer)
	if answer.StatusCode != 200 {
		return answer.Status
	}
	return answer.Header.Get("X-Sluice-Service")
}

func TestRulesAim(t *testing.T) {
	b := startGroup(t, groupOf("a=1 b=0 c=0",
		traffic.Rule{Service: "gone", Header: "X-Beta"},
		traffic.Rule{Service: "b", Header: "X-Bad", Matches: "(["},
		traffic.Rule{Service: "b", Header: "x-beta", Equals: "yes"},
		traffic.Rule{Service: "c", Header: "X-Beta", Matches: "c[0-9]|d"},
		traffic.Rule{Service: "b", Cookie: "beta"},
		traffic.Rule{Service: "c", Query: "model", Equals: "a b"},
		traffic.Rule{Service: "b", Query: "any"},
		traffic.Rule{Service: "c", Header: "Host", Matches: `127\..*`, Equals: "no"}, // two ways: left out
	))
	for _, c := range []struct {
		query  string
		header []string
		want   string
	}{
		{"", nil, "a"},
		{"", []string{"X-Beta", "yes"}, "b"},
		{"", []string{"X-Beta", "no", "X-Beta", "yes"}, "b"},
		{"", []string{"X-Beta", "yes!"}, "a"},
		{"", []string{"X-Beta", "c7"}, "c"},
		{"", []string{"X-Beta", "d"}, "c"},
		{"", []string{"X-Beta", "dd"}, "a"},
		{"", []string{"X-Bad", "(["}, "a"},
		{"", []string{"Cookie", "x=1; beta=0"}, "b"},
		{"", []string{"Cookie", "x=beta"}, "a"},
		{"?model=a%20b", nil, "c"},
		{"?model=ab", nil, "a"},
		{"?any", nil, "b"},
		{"?model=a%20b&any=", []string{"X-Beta", "yes"}, "b"}, // the first rule counts
	} {
		if got := b.ask(c.query, c.header...); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.query, c.header, got, c.want)
		}
	}
	if s := b.shared("b"); s.Aimed != 5 || s.Split != 0 {
		t.Errorf("counted %+v", s)
	}
	b.table(wire.Table{Routes: []traffic.Route{serving("b", "")}})
	if got := b.ask("", "X-Beta", "yes"); got != "a" {
		t.Errorf("aimed at a service without replicas: %s", got)
	}
	if got := b.ask("", "X-Sluice-Service", "b"); got != "503 Service Unavailable" {
		t.Errorf("a test of a service without replicas: %s", got)
	}
	b.table(wire.Table{Withdrawn: []string{"b"}})
	if got := b.ask("", "X-Beta", "yes"); got != "a" {
		t.Errorf("aimed at a service that was deleted: %s", got)
	}
}

// TestUsersStay sends 300 users, three times each, between other callers: whose
// key has its place below the percent goes to the member, always, the other
// users never, and callers without a key go by the exact split.
func TestUsersStay(t *testing.T) {
	t.Parallel()
	users := func(percent float64) traffic.Rule { return traffic.Rule{Service: "b", Cookie: "uid", Percent: percent} }
	b := startGroup(t, groupOf("a=50 b=30 c=20", users(20)))
	round := func(percent float64) (chosen map[string]bool) {
		chosen = map[string]bool{}
		anybody, others := map[string]int{}, map[string]int{}
		for i := range 300 {
			user := fmt.Sprintf("user%d", i)
			got := b.ask("", "Cookie", "uid="+user)
			if want := traffic.KeyPlace(user) < percent; want != (got == "b") {
				t.Errorf("%v%%: %s, at %.2f, went to %s", percent, user, traffic.KeyPlace(user), got)
			}
			if chosen[user] = got == "b"; !chosen[user] {
				others[got]++
			}
			anybody[b.ask("")]++
		}
		expect(t, "without a key", anybody, map[string]int{"a": 150, "b": 90, "c": 60})
		if n := others["a"] + others["c"]; others["a"]*7 < n*5-7 || others["a"]*7 > n*5+7 {
			t.Errorf("%v%%: the other users: %v, want 5 to 2", percent, others)
		}
		return chosen
	}
	first := round(20)
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=50 b=30 c=20", users(45))}})
	second := round(45)
	for user, was := range first {
		if was && !second[user] {
			t.Errorf("%s was taken away from b when the percent grew", user)
		}
	}
	if s := b.shared("b"); s.Split != 180 || s.Others != 0 || s.Aimed == 0 {
		t.Errorf("counted %+v", s)
	}
	if s := b.shared("a"); s.Split != 300 || s.Aimed != 0 || s.Others == 0 {
		t.Errorf("counted %+v", s)
	}

	// Two percents of the same key stand next to each other.
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=1 b=0 c=0", users(30), traffic.Rule{Service: "c", Cookie: "uid", Percent: 30})}})
	for i := range 100 {
		user := fmt.Sprintf("user%d", i)
		want := "a"
		if place := traffic.KeyPlace(user); place < 30 {
			want = "b"
		} else if place < 60 {
			want = "c"
		}
		if got := b.ask("", "Cookie", "uid="+user); got != want {
			t.Errorf("%s went to %s, want %s", user, got, want)
		}
	}

	// Nobody but b has a weight: the others are served all the same.
	b.table(wire.Table{Groups: []traffic.Group{groupOf("a=0 b=1", users(0.0001))}})
	if got := b.ask("", "Cookie", "uid=user1"); got != "b" {
		t.Errorf("the only one with a weight: %s", got)
	}
}

// TestGroupOfStreams sends HTTP/2 and gRPC through a group.
func TestGroupOfStreams(t *testing.T) {
	b := start(t, Config{})
	_, first := grpcReplica(t)
	dead, second := serving("a", deadAddress(t)), serving("b", first)
	dead.GRPC, second.GRPC = true, true
	b.table(wire.Table{Full: true, Routes: []traffic.Route{dead, second}, Groups: []traffic.Group{groupOf("a=9 b=1")}})
	client, ctx := grpcClient(t, b, "grp.example")
	for range 20 {
		if text, err := say(ctx, client, "hello"); err != nil || !strings.Contains(text, "hello") {
			t.Fatalf("%q %v", text, err)
		}
	}
	if s := b.shared("b"); s.Split != 2 || s.Instead != 18 {
		t.Errorf("counted %+v", s)
	}

	plain := httptest.NewServer(answers("c"))
	defer plain.Close()
	b.table(wire.Table{Routes: []traffic.Route{serving("c", strings.TrimPrefix(plain.URL, "http://"))}, Groups: []traffic.Group{groupOf("c=1")}})
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", b.g.Addr())
	}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Get("http://grp/x")
	if err != nil || slurp(t, r) != "c" || r.ProtoMajor != 2 {
		t.Errorf("HTTP/2: %v %v", r, err)
	}
	b.settle()
}
