package hub

import (
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

// fake is a gateway's end of a connection, driven by hand.
type fake struct {
	t    *testing.T
	conn net.Conn
	in   *wire.Reader
}

// dial connects a fake gateway over a pipe, which synctest can see through.
func dial(t *testing.T, h *Hub, id string, pid int) *fake {
	t.Helper()
	ours, theirs := net.Pipe()
	h.sessions.Go(func() { h.session(theirs) })
	f := &fake{t: t, conn: ours, in: wire.NewReader(ours)}
	t.Cleanup(func() { ours.Close() })
	f.say(wire.Up{Hello: &wire.Hello{Protocol: wire.Protocol, ID: id, Pid: pid, Listen: "127.0.0.1:1"}})
	return f
}

func (f *fake) say(up wire.Up) {
	f.t.Helper()
	if err := wire.Write(f.conn, &up); err != nil {
		f.t.Fatalf("write: %v", err)
	}
	synctest.Wait()
}

func (f *fake) report(r wire.Report) { f.t.Helper(); f.say(wire.Up{Report: &r}) }

func (f *fake) table() wire.Table {
	f.t.Helper()
	var down wire.Down
	if err := f.in.Read(&down); err != nil {
		f.t.Fatalf("read: %v", err)
	}
	if down.Table == nil {
		f.t.Fatalf("got %+v, want a table", down)
	}
	return *down.Table
}

func route(service string, replicas ...string) traffic.Route {
	r := traffic.Route{Service: service}
	for _, id := range replicas {
		r.Endpoints = append(r.Endpoints, traffic.Endpoint{Replica: id, Version: 1, Address: "127.0.0.1:9"})
	}
	return r
}

func services(table wire.Table) (names []string) {
	for _, r := range table.Routes {
		names = append(names, r.Service)
	}
	slices.Sort(names)
	return names
}

func TestPublishNumbersChanges(t *testing.T) {
	h := newHub(Config{Epoch: 7})
	defer h.Close()
	first := h.Publish(route("a", "a-1", "a-2"))
	if want := uint64(7<<32 | 1); first != want {
		t.Errorf("first revision %d, want %d", first, want)
	}
	if again := h.Publish(route("a", "a-2", "a-1")); again != first {
		t.Errorf("the same route in another order: revision %d, want %d", again, first)
	}
	limited := route("a", "a-1", "a-2")
	limited.Limits.MaxQueue = 5
	if of := h.Publish(limited); of <= first {
		t.Errorf("the same replicas with another limit: revision %d after %d", of, first)
	}
	second := h.Publish(route("a", "a-1"))
	third := h.Withdraw("a")
	if second <= first || third <= second {
		t.Errorf("revisions %d, %d, %d do not rise", first, second, third)
	}
	if again := h.Withdraw("a"); again != third {
		t.Errorf("a second withdrawal: revision %d, want %d", again, third)
	}
	if none := h.Withdraw("never"); none != 7<<32 {
		t.Errorf("withdrawal of an unknown service: revision %d, want the epoch's first", none)
	}
	if h.Acked() != math.MaxUint64 || !h.Settled() {
		t.Errorf("without gateways: acked %d, settled %v", h.Acked(), h.Settled())
	}
}

func TestTablesComeWholeThenAsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		h.Publish(route("a", "a-1"))
		h.Publish(route("b", "b-1"))
		g := dial(t, h, "g", 1)
		g.report(wire.Report{All: true})
		h.Withdraw("b")
		h.Publish(route("c", "c-1"))
		h.Open()
		full := g.table()
		if !full.Full || !slices.Equal(services(full), []string{"a", "c"}) || full.Withdrawn != nil {
			t.Errorf("first table %+v, want the whole of a and c", full)
		}
		h.Publish(route("a", "a-1", "a-2"))
		h.Publish(route("a", "a-2"))
		h.Withdraw("c")
		synctest.Wait()
		// The first change went out while the pipe was not read, the others together after it.
		var got []string
		var gone []string
		for last := uint64(0); last < 1<<32|7; {
			delta := g.table()
			if delta.Full || delta.Revision <= full.Revision {
				t.Fatalf("after the whole table: %+v", delta)
			}
			got, gone, last = append(got, services(delta)...), append(gone, delta.Withdrawn...), delta.Revision
		}
		if slices.Contains(got, "b") || !slices.Equal(gone, []string{"c"}) {
			t.Errorf("changes name %v and withdraw %v, want a and c", got, gone)
		}
	})
}

func TestNothingIsSentBeforeOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 2})
		defer h.Close()
		h.Publish(route("a", "a-1"))
		g := dial(t, h, "g", 1)
		g.report(wire.Report{Revision: 1<<32 | 9, All: true})
		g.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		var down wire.Down
		if err := g.in.Read(&down); err == nil {
			t.Fatalf("before Open the gateway was sent %+v", down)
		}
		if h.Acked() != 0 {
			t.Errorf("a revision of an earlier epoch counts as acknowledged: %d", h.Acked())
		}
		if !h.Settled() {
			t.Error("the gateway has come back, and the hub is not settled")
		}
	})
}

func TestAckedIsTheLowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var news [][]string
		h := newHub(Config{Epoch: 1, OnChange: func(s []string) { mu.Lock(); news = append(news, s); mu.Unlock() }})
		defer h.Close()
		h.Open()
		one, two := dial(t, h, "one", 1), dial(t, h, "two", 2)
		one.table()
		two.table()
		one.report(wire.Report{Revision: 1 << 32, All: true})
		two.report(wire.Report{Revision: 1 << 32, All: true})
		r := h.Publish(route("a", "a-1"))
		one.table()
		two.table()
		one.report(wire.Report{Revision: r})
		if h.Acked() != 1<<32 {
			t.Errorf("acked %d before the second gateway said so", h.Acked())
		}
		mu.Lock()
		news = nil
		mu.Unlock()
		two.report(wire.Report{Revision: r})
		if h.Acked() != r {
			t.Errorf("acked %d, want %d", h.Acked(), r)
		}
		mu.Lock()
		if len(news) != 1 || !slices.Equal(news[0], []string{"a"}) {
			t.Errorf("told of %v, want of service a once", news)
		}
		mu.Unlock()
		if err := h.WaitAcked(t.Context(), r); err != nil {
			t.Error(err)
		}
	})
}

func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan string, 2)
		h := newHub(Config{Epoch: 1, Known: []store.Gateway{{ID: "old", Pid: 9}}, OnGone: func(id string) { gone <- id }})
		defer h.Close()
		h.Open()
		if h.Acked() != 0 || h.Settled() || h.Drain("x").Known {
			t.Error("a recorded gateway that has not come back yet does not count")
		}
		g := dial(t, h, "g", 1)
		g.table()
		g.report(wire.Report{Revision: 1 << 32, All: true})
		time.Sleep(9 * time.Second)
		g.report(wire.Report{Revision: 1 << 32})
		time.Sleep(DefaultLease - 9*time.Second - time.Millisecond)
		if h.Settled() {
			t.Error("the lease ended early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if !h.Settled() || h.Acked() != 1<<32 || len(gone) != 1 || <-gone != "old" {
			t.Errorf("after the lease: settled %v, acked %d", h.Settled(), h.Acked())
		}
		// A gateway that stays connected and says nothing loses its lease too.
		time.Sleep(DefaultLease)
		synctest.Wait()
		if h.Acked() != math.MaxUint64 || len(h.Gateways()) != 0 {
			t.Errorf("a silent gateway still counts: acked %d", h.Acked())
		}
	})
}

func TestBrokenConnectionKeepsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		h.Open()
		g := dial(t, h, "g", 1)
		g.table()
		g.report(wire.Report{Revision: 1 << 32, All: true, Loads: []wire.Load{{Service: "a", Replica: "a-1", InFlight: 2}}})
		g.conn.Close()
		synctest.Wait()
		r := h.Publish(route("a"))
		if h.Acked() != 1<<32 {
			t.Errorf("acked %d while the gateway's lease runs", h.Acked())
		}
		if n, ok := h.InFlight("a-1"); n != 2 || !ok {
			t.Errorf("in flight %d, %v, want what it last said", n, ok)
		}
		g = dial(t, h, "g", 1)
		if table := g.table(); !table.Full || table.Revision != r {
			t.Errorf("a new connection was sent %+v, want the whole table", table)
		}
		g.report(wire.Report{Revision: r, All: true})
		if n, _ := h.InFlight("a-1"); n != 0 || h.Acked() != r {
			t.Errorf("in flight %d, acked %d", n, h.Acked())
		}
	})
}

func TestGoodbyeAndDropEndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1, Known: []store.Gateway{{ID: "dead"}}})
		defer h.Close()
		g := dial(t, h, "g", 1)
		h.Drop("dead")
		if h.Settled() {
			t.Error("settled before the gateway has reported")
		}
		g.say(wire.Up{Bye: true})
		if h.Acked() != math.MaxUint64 || !h.Settled() {
			t.Errorf("acked %d, settled %v", h.Acked(), h.Settled())
		}
	})
}

func TestSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gateway.sock")
	h, err := New(Config{Socket: path, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := New(Config{Socket: path, Epoch: 1}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second hub on the same socket: %v", err)
	}

	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	again, err := New(Config{Socket: stale, Epoch: 1})
	if err != nil {
		t.Fatalf("a socket that a dead process left: %v", err)
	}
	again.Close()

	file := filepath.Join(dir, "file")
	os.WriteFile(file, []byte("mine"), 0o600)
	if _, err := New(Config{Socket: file, Epoch: 1}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way: %v", err)
	}
	if _, err := New(Config{Socket: filepath.Join(dir, strings.Repeat("x", 100)), Epoch: 1}); err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("a long path: %v", err)
	}
}
