package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// bench is a gateway without a control plane, fed with tables by the test.
type bench struct {
	t        testing.TB
	g        *Gateway
	url      string // of service "svc"
	revision uint64
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func start(t testing.TB, cfg Config) *bench {
	t.Helper()
	cfg.ID, cfg.Listen = "g", "127.0.0.1:0"
	if cfg.Log == nil {
		cfg.Log = quiet()
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { g.Run(ctx) })
	t.Cleanup(func() { cancel(); g.server.Close(); done.Wait() })
	return &bench{t: t, g: g, url: "http://" + g.Addr() + "/api/predict/svc"}
}

// route puts a route for service "svc" in force, with replicas r1, r2 and so on
// at the given addresses.
func (b *bench) route(addresses ...string) { b.apply(traffic.Route{Service: "svc"}, addresses...) }

func (b *bench) apply(route traffic.Route, addresses ...string) {
	for i, address := range addresses {
		route.Endpoints = append(route.Endpoints, traffic.Endpoint{Replica: fmt.Sprintf("r%d", i+1), Version: 3, Address: address})
	}
	b.revision++
	b.g.board.apply(wire.Table{Revision: b.revision, Routes: []traffic.Route{route}})
}

// replica starts a real HTTP/1.1 server and returns its address.
func replica(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// rawReplica answers connections as the test says, byte by byte.
func rawReplica(t testing.TB, serve func(conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// deadAddress is one where nobody listens.
func deadAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (b *bench) get(path string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.Get(b.url + path)
	if err != nil {
		b.t.Fatal(err)
	}
	return r, slurp(b.t, r)
}

func slurp(t testing.TB, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	return string(body)
}

// dialRaw opens a connection to the gateway.
func (b *bench) dialRaw() (net.Conn, *bufio.Reader) {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.g.Addr())
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	b.t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReader(conn)
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

// inFlight sums what is in flight at all endpoints.
func (b *bench) inFlight() int64 { return b.inFlightAt("") }

// inFlightAt sums what is in flight at an address.
func (b *bench) inFlightAt(address string) (n int64) {
	b.g.board.mu.Lock()
	defer b.g.board.mu.Unlock()
	for _, e := range b.g.board.endpoints {
		if address == "" || e.address == address {
			n += e.inFlight.Load()
		}
	}
	return n
}

// unwritten sums the requests that have picked an endpoint and sent nothing.
func (b *bench) unwritten() (n int64) {
	b.g.board.mu.Lock()
	defer b.g.board.mu.Unlock()
	for _, e := range b.g.board.endpoints {
		n += e.unwritten.Load()
	}
	return n
}

// tallied is the tally of a version of "svc".
func (b *bench) tallied(version int) wire.Tally {
	b.g.board.mu.Lock()
	defer b.g.board.mu.Unlock()
	w, _ := b.g.board.tally("svc", version).snapshot()
	return w
}

// settle waits for the end of all requests and checks that nothing leaks.
func (b *bench) settle() {
	b.t.Helper()
	until(b.t, "nothing is in flight", func() bool { return b.inFlight() == 0 && b.unwritten() == 0 })
}

// once counts how often each id was run.
type once struct {
	mu   sync.Mutex
	runs map[string]int
}

func (o *once) run(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.runs == nil {
		o.runs = map[string]int{}
	}
	o.runs[id]++
}

// check fails for an id that ran more than once, and for one of those answered
// that did not run.
func (o *once) check(t testing.TB, answered []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, n := range o.runs {
		if n > 1 {
			t.Errorf("request %s ran %d times", id, n)
		}
	}
	for _, id := range answered {
		if o.runs[id] != 1 {
			t.Errorf("request %s was answered and ran %d times", id, o.runs[id])
		}
	}
}

var ids atomic.Int64

func nextID() string { return fmt.Sprint(ids.Add(1)) }
