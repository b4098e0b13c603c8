package gateway

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// gate is a replica that notes requests that reach it after it was acknowledged
// to be out of the table.
type gate struct {
	address string
	out     atomic.Bool
	late    atomic.Int64
	served  atomic.Int64
}

// TestNoRequestAfterTheAcknowledgement swaps tables again and again under
// load. From the moment a withdrawal is acknowledged, no request may be sent to
// the replica: what had been sent before shows in inFlight, so once that is zero
// too, nothing may arrive at all.
func TestNoRequestAfterTheAcknowledgement(t *testing.T) {
	gates := make([]*gate, 4)
	for i := range gates {
		g := &gate{}
		g.address = replica(t, func(w http.ResponseWriter, r *http.Request) {
			if g.out.Load() {
				g.late.Add(1)
			}
			g.served.Add(1)
			io.Copy(w, r.Body)
		})
		gates[i] = g
	}
	b := start(t, Config{})
	route := func(without int) traffic.Route {
		r := traffic.Route{Service: "svc"}
		for i, g := range gates {
			if i != without {
				r.Endpoints = append(r.Endpoints, traffic.Endpoint{Replica: string(rune('a' + i)), Version: 1, Address: g.address})
			}
		}
		return r
	}
	b.g.board.apply(wire.Table{Revision: 1, Full: true, Routes: []traffic.Route{route(-1)}})

	stop := make(chan struct{})
	var failures atomic.Int64
	var load sync.WaitGroup
	for i := range 6 {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				body := io.Reader(nil)
				if i%2 == 0 {
					body = strings.NewReader("x")
				}
				answer, err := client.Post(b.url, "", body)
				if err != nil {
					t.Errorf("a request failed: %v", err)
					failures.Add(1)
					continue
				}
				if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 {
					t.Errorf("a request failed: %d %s %v", answer.StatusCode, text, err)
					failures.Add(1)
				}
				answer.Body.Close()
			}
		})
	}
	const swaps = 1000
	revision := uint64(1)
	for n, end := 0, time.Now().Add(8*time.Second); n < swaps && time.Now().Before(end); n++ {
		i := n % len(gates)
		revision++
		b.g.board.apply(wire.Table{Revision: revision, Routes: []traffic.Route{route(i)}})
		e := b.g.board.endpoints[endpointKey{string(rune('a' + i)), gates[i].address}]
		for b.g.board.acknowledgeable() < revision {
			<-b.g.board.wake
		}
		// Acknowledged: what was sent is in flight, and it only gets less.
		before := e.inFlight.Load()
		for left := before; left > 0; {
			now := e.inFlight.Load()
			if now == 0 {
				break
			}
			select {
			case <-b.g.board.wake:
			case <-time.After(10 * time.Second):
				t.Fatalf("%d requests never end", now)
			}
			left = e.inFlight.Load()
		}
		gates[i].out.Store(true)
		time.Sleep(200 * time.Microsecond) // for a late one to show
		gates[i].out.Store(false)
		revision++
		b.g.board.apply(wire.Table{Revision: revision, Routes: []traffic.Route{route(-1)}})
	}
	close(stop)
	load.Wait()
	for i, g := range gates {
		if g.late.Load() > 0 || g.served.Load() == 0 {
			t.Errorf("replica %d: %d requests, %d of them after the acknowledgement", i, g.served.Load(), g.late.Load())
		}
	}
	if failures.Load() > 0 {
		t.Errorf("%d requests failed", failures.Load())
	}
	t.Logf("%d swaps", revision/2)
	b.settle()
}

func TestSlowUploadOutlivesTheWithdrawal(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	reader, writer := io.Pipe()
	answers := make(chan *http.Response, 1)
	go func() {
		r, err := http.Post(b.url, "", reader)
		if err != nil {
			t.Error(err)
		}
		answers <- r
	}()
	io.WriteString(writer, "first ")
	until(t, "the head is written", func() bool { return b.inFlight() == 1 && b.unwritten() == 0 })
	b.route()
	if got := b.g.board.acknowledgeable(); got != b.revision {
		t.Errorf("acknowledgeable %d with the head written, want %d", got, b.revision)
	}
	report := b.g.board.report(true)
	if len(report.Loads) != 1 || !report.Loads[0].Withdrawn || report.Loads[0].InFlight != 1 || report.Loads[0].PickedAge < 0 {
		t.Errorf("reported %+v", report.Loads)
	}
	io.WriteString(writer, "second")
	writer.Close()
	if body := slurp(t, <-answers); body != "first second" {
		t.Errorf("got %q", body)
	}
	b.settle()
	report = b.g.board.report(false)
	if len(report.Loads) != 1 || report.Loads[0].InFlight != 0 {
		t.Errorf("reported %+v after the end", report.Loads)
	}
	b.g.board.report(false)
	if n := len(b.g.board.endpoints); n != 0 {
		t.Errorf("%d endpoints kept after their end was reported", n)
	}
}

// TestAcknowledgementIsExact does the same without sockets, so that picks and
// swaps meet far more often: at the moment its first byte would be written, no
// request may belong to an endpoint that was acknowledged to be out.
func TestAcknowledgementIsExact(t *testing.T) {
	cfg := Config{}.withDefaults()
	b := newBoard(&cfg)
	both := []traffic.Endpoint{{Replica: "a", Address: "x"}, {Replica: "b", Address: "x"}}
	table := func(revision uint64, endpoints ...traffic.Endpoint) wire.Table {
		return wire.Table{Revision: revision, Routes: []traffic.Route{{Service: "svc", Endpoints: endpoints}}}
	}
	b.apply(table(1, both...))
	var out [2]atomic.Bool
	var late, picks atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				s := b.current.Load().services["svc"]
				if n%3 == 0 {
					runtime.Gosched() // with a table that may be old by now
				}
				e, _ := s.pick(nil, now())
				if e == nil {
					continue
				}
				if n%3 == 1 {
					runtime.Gosched() // before the byte
				}
				if out[e.replica[0]-'a'].Load() {
					late.Add(1)
				}
				e.handed()
				e.end()
				picks.Add(1)
			}
		})
	}
	revision := uint64(1)
	for n := range 5000 {
		i := n % 2
		revision++
		b.apply(table(revision, both[1-i]))
		for b.acknowledgeable() < revision {
			<-b.wake
		}
		out[i].Store(true)
		runtime.Gosched()
		out[i].Store(false)
		revision++
		b.apply(table(revision, both...))
	}
	close(stop)
	callers.Wait()
	if late.Load() > 0 || picks.Load() == 0 {
		t.Errorf("%d of %d requests wrote their first byte after the acknowledgement", late.Load(), picks.Load())
	}
}

// TestAcknowledgementWaitsForTheByte holds a request between its pick and its
// first byte and sees the acknowledgement wait for it.
func TestAcknowledgementWaitsForTheByte(t *testing.T) {
	cfg := Config{}.withDefaults()
	b := newBoard(&cfg)
	withR := traffic.Route{Service: "svc", Endpoints: []traffic.Endpoint{{Replica: "r", Version: 1, Address: "127.0.0.1:1"}}}
	b.apply(wire.Table{Revision: 10, Full: true, Routes: []traffic.Route{withR}})
	old := b.current.Load().services["svc"]
	e, _ := old.pick(nil, now())
	b.apply(wire.Table{Revision: 11, Routes: []traffic.Route{{Service: "svc"}}})
	b.apply(wire.Table{Revision: 12, Routes: []traffic.Route{{Service: "other"}}})
	if got := b.acknowledgeable(); got != 10 {
		t.Errorf("acknowledgeable %d before the byte, want 10", got)
	}
	if late, _ := old.pick(nil, now()); late != nil {
		t.Error("a request with the old table in hand picked the endpoint")
	}
	for len(b.wake) > 0 {
		<-b.wake
	}
	e.handed()
	if got := b.acknowledgeable(); got != 12 {
		t.Errorf("acknowledgeable %d after the byte, want 12", got)
	}
	if len(b.wake) != 1 {
		t.Error("the link was not roused")
	}
	// A way back: the endpoint returns before it was settled.
	b.apply(wire.Table{Revision: 13, Routes: []traffic.Route{withR}})
	if again, _ := b.current.Load().services["svc"].pick(nil, now()); again != e {
		t.Error("an endpoint that came back is not the same")
	}
	if got := b.acknowledgeable(); got != 13 {
		t.Errorf("acknowledgeable %d, want 13", got)
	}
}

func TestPickEvensOut(t *testing.T) {
	cfg := Config{}.withDefaults()
	b := newBoard(&cfg)
	route := traffic.Route{Service: "svc"}
	for i := range 5 {
		route.Endpoints = append(route.Endpoints, traffic.Endpoint{Replica: string(rune('a' + i)), Address: "x"})
	}
	b.apply(wire.Table{Revision: 1, Full: true, Routes: []traffic.Route{route}})
	s := b.current.Load().services["svc"]
	for range 1000 { // none of them ends
		s.pick(nil, now())
	}
	for _, e := range s.ready {
		if n := e.inFlight.Load(); n < 190 || n > 210 {
			t.Errorf("%s has %d of 1000 in flight, want about 200", e.replica, n)
		}
	}
}
