package gateway

import (
	"io"
	"math"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/hub"
)

// TestOldestInHand has three streams at one replica, and the hub know how old the
// oldest is, whichever of them end.
func TestOldestInHand(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	b := start(t, Config{Control: socket})
	ends := map[string]chan struct{}{"/1": make(chan struct{}), "/2": make(chan struct{}), "/3": make(chan struct{})}
	address := replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-ends[r.URL.Path]
	})
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1})
	h.Open()
	until(t, "the gateway has dialed", func() bool { return h.Acked() != math.MaxUint64 })
	acked(t, h, h.Publish(routeTo("svc-1", address)))

	open := func(path string) (before, after time.Time, body io.Closer) {
		t.Helper()
		before = time.Now()
		r, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		return before, time.Now(), r.Body
	}
	oldest := func(what string, inFlight int, before, after time.Time) {
		t.Helper()
		// The report's way to the hub makes a request look younger by as long as it takes.
		until(t, what, func() bool {
			d := h.Drain("svc-1")
			return d.InFlight == inFlight && !d.Oldest.Before(before) && d.Oldest.Before(after.Add(time.Second))
		})
	}
	before, after, first := open("/1")
	defer first.Close()
	oldest("the first is in hand", 1, before, after)
	time.Sleep(1100 * time.Millisecond) // so that they are told apart
	before2, after2, second := open("/2")
	defer second.Close()
	_, _, third := open("/3")
	defer third.Close()
	oldest("all are in hand", 3, before, after)
	close(ends["/3"])
	oldest("the youngest has ended", 2, before, after)
	close(ends["/1"])
	oldest("the oldest has ended", 1, before2, after2)
	if ids := h.Holders("svc-1"); len(ids) != 1 || ids[0] != "g" {
		t.Errorf("in hand at %v", ids)
	}
	if g := h.Gateways(); g[0].InFlight != 1 || g[0].Oldest.Before(before2) {
		t.Errorf("the gateway has %d in hand since %v", g[0].InFlight, g[0].Oldest)
	}
	close(ends["/2"])
	until(t, "nothing is in hand", func() bool { d := h.Drain("svc-1"); return d.InFlight == 0 && d.Oldest.IsZero() })
}

// TestHandsAreReused: exchanges that are used again keep theirs, and what is in
// hand of nobody is not found.
func TestHandsAreReused(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, answers("ok")))
	for range 200 {
		b.get("")
	}
	until(t, "nobody's hand is held", func() bool { return len(b.g.board.hands.oldest()) == 0 })
	if n := len(b.g.board.hands.all); n == 0 || n > 100 {
		t.Errorf("%d hands for 200 requests, one after the other", n)
	}
}
