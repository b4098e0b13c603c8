package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// mirrored starts a gateway with service "svc" at one address, whose requests
// are copied to service "shadow" at another.
func mirrored(t testing.TB, percent int, source, target string) *bench {
	b := start(t, Config{})
	svc := serving("svc", source)
	svc.Mirror = &traffic.Mirror{Service: "shadow", Percent: percent}
	b.table(wire.Table{Full: true, Routes: []traffic.Route{svc, serving("shadow", target)}})
	return b
}

func (b *bench) copies() wire.Mirror {
	b.g.board.mu.Lock()
	defer b.g.board.mu.Unlock()
	w, _ := b.g.board.lane("svc", "shadow").snapshot()
	return w
}

// outcomes is how many copies have come to an end of any kind.
func outcomes(m wire.Mirror) (n uint64) {
	for _, class := range m.Copies.Class {
		n += class
	}
	return n + m.Skipped + m.Dropped + m.Failed + m.Copies.Lost + m.Copies.Canceled
}

// quietened checks that every copy is accounted for and nothing is held.
func (b *bench) quietened(copies uint64) {
	b.t.Helper()
	until(b.t, "every copy has come to its end", func() bool { return outcomes(b.copies()) == copies })
	until(b.t, "no byte is held", func() bool { return b.g.board.held.Load() == 0 })
	b.settle()
}

func TestMirrorCopies(t *testing.T) {
	type request struct {
		method, uri, host, body string
		header                  http.Header
	}
	var mu sync.Mutex
	var at [2][]request // the service, its mirror
	record := func(i int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			at[i] = append(at[i], request{r.Method, r.RequestURI, r.Host, string(body), r.Header})
			mu.Unlock()
			if i == 1 {
				w.WriteHeader(500)
			}
			io.WriteString(w, "answer")
		}
	}
	b := mirrored(t, 30, replica(t, record(0)), replica(t, record(1)))
	// The target has a mirror too: copies are not copied again.
	shadow := serving("shadow", b.g.board.current.Load().services["shadow"].ready[0].address)
	shadow.Mirror = &traffic.Mirror{Service: "svc", Percent: 100}
	shadow.Token = "of-shadow"
	b.table(wire.Table{Routes: []traffic.Route{shadow}})
	large := strings.Repeat("l", 300<<10)
	for i := range 100 {
		body := []string{"", "small", large}[i%3]
		r, _ := http.NewRequest("POST", b.url+"/v2/x?y=%2F", strings.NewReader(body))
		r.Header.Set("X-Id", "7")
		answer, err := http.DefaultClient.Do(r)
		if err != nil || slurp(t, answer) != "answer" || answer.StatusCode != 200 || answer.Header.Get("X-Sluice-Service") != "svc" {
			t.Fatalf("%v %v", answer, err)
		}
	}
	b.quietened(30)
	if m := b.copies(); m.Copies.Class[5] != 30 || len(m.Copies.Latency) == 0 {
		t.Errorf("counted %+v", m)
	}
	if n := b.tallied(1).Class; n[2] != 100 || n[5] != 0 {
		t.Errorf("the copies' answers count among the service's own: %v", n)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(at[0]) != 100 || len(at[1]) != 30 {
		t.Fatalf("%d requests and %d copies", len(at[0]), len(at[1]))
	}
	sizes := map[int]int{}
	for _, r := range at[1] {
		sizes[len(r.body)]++
		if r.header.Get("X-Sluice-Mirror") != "svc" || r.method != "POST" || r.uri != "/v2/x?y=%2F" || r.header.Get("X-Id") != "7" ||
			r.host != at[0][0].host || !strings.HasPrefix(large, r.body) && r.body != "small" {
			t.Errorf("copy %s %s of %d bytes: %v", r.method, r.uri, len(r.body), r.header)
		}
	}
	if sizes[0] == 0 || sizes[5] == 0 || sizes[len(large)] == 0 || len(sizes) != 3 {
		t.Errorf("copies by size: %v", sizes)
	}
}

// TestMirrorSkips sends what cannot be copied, and what was copied already.
func TestMirrorSkips(t *testing.T) {
	var copies atomic.Int64
	b := mirrored(t, 100, replica(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }),
		replica(t, func(w http.ResponseWriter, r *http.Request) { copies.Add(1) }))
	post := func(body io.Reader, header string) {
		t.Helper()
		r, _ := http.NewRequest("POST", b.url, body)
		if header != "" {
			r.Header.Set("X-Sluice-Mirror", header)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%v %v", answer, err)
		}
		slurp(t, answer)
	}
	post(io.MultiReader(strings.NewReader("of unknown length")), "")
	post(bytes.NewReader(make([]byte, mirrorBody+1)), "")
	b.quietened(2)
	post(strings.NewReader("a copy"), "other")
	post(bytes.NewReader(make([]byte, mirrorBody)), "")
	conn, _ := b.dialRaw() // a body that breaks off
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	until(t, "it has come", func() bool { return b.inFlight() > 0 })
	conn.Close()
	b.quietened(4)
	if m := b.copies(); m.Skipped != 3 || m.Copies.Class[2] != 1 || copies.Load() != 1 {
		t.Errorf("%d copies, counted %+v", copies.Load(), m)
	}

	// A mirror that speaks another protocol, one that is not ready, and none.
	shadow := serving("shadow", "")
	b.table(wire.Table{Routes: []traffic.Route{shadow}})
	post(nil, "")
	shadow = serving("shadow", deadAddress(t))
	b.table(wire.Table{Routes: []traffic.Route{shadow}})
	post(nil, "")
	b.quietened(6)
	b.table(wire.Table{Withdrawn: []string{"shadow"}})
	post(nil, "")
	b.quietened(7)
	shadow.GRPC = true
	b.table(wire.Table{Routes: []traffic.Route{shadow}})
	post(nil, "")
	b.quietened(8)
	if m := b.copies(); m.Failed != 3 || m.Skipped != 4 {
		t.Errorf("counted %+v", m)
	}
}

// TestMirrorNeverHolds has a target that takes requests and never answers,
// under a load that fills all there is room for. Every caller is served; what is
// too much is dropped; and when the target leaves the table, nothing is left.
func TestMirrorNeverHolds(t *testing.T) {
	var got atomic.Int64
	target := rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		skipRequest(in)
		got.Add(1)
		io.Copy(io.Discard, in) // until it is cut
	})
	b := mirrored(t, 100, replica(t, answers("svc")), target)
	const n = mirrorQueue + mirrorWorkers + 200
	expect(t, "callers", b.load(mirrorWorkers), map[string]int{"svc": mirrorWorkers})
	until(t, "all workers are busy", func() bool { return got.Load() == mirrorWorkers })
	until(t, "nothing is held of what is sent", func() bool { return b.g.board.held.Load() == 0 })
	expect(t, "callers", b.load(n-mirrorWorkers), map[string]int{"svc": n - mirrorWorkers})
	if m := b.copies(); m.Dropped != 200 || b.g.board.held.Load() > mirrorHeld {
		t.Errorf("counted %+v, %d bytes held", m, b.g.board.held.Load())
	}

	// Bodies have a bound of their own.
	before := b.copies().Dropped
	b.table(wire.Table{Routes: []traffic.Route{func() traffic.Route {
		r := serving("svc", b.g.board.current.Load().services["svc"].ready[0].address)
		r.Mirror = &traffic.Mirror{Service: "shadow", Percent: 100}
		return r
	}()}})
	b.g.board.held.Add(mirrorHeld - 1000)
	answer, err := http.Post(b.url, "", strings.NewReader(strings.Repeat("x", 2000)))
	if err != nil || slurp(t, answer) != "svc" || b.copies().Dropped != before+1 {
		t.Errorf("%v %v: dropped %d", answer, err, b.copies().Dropped)
	}
	b.g.board.held.Add(-(mirrorHeld - 1000))

	// The replica leaves the table: it is not waited for.
	b.table(wire.Table{Routes: []traffic.Route{serving("shadow", "")}})
	until(t, "the table can be acknowledged", func() bool { return b.g.board.acknowledgeable() == b.revision })
	b.quietened(n + 1)
	if m := b.copies(); m.Copies.Canceled != mirrorWorkers || m.Failed != mirrorQueue {
		t.Errorf("counted %+v", m)
	}
}

// TestMirrorShareOutlivesTables changes tables between requests.
func TestMirrorShareOutlivesTables(t *testing.T) {
	address := replica(t, answers("svc"))
	b := mirrored(t, 25, address, address)
	for range 8 {
		b.get("")
		route := serving("svc", address)
		route.Mirror = &traffic.Mirror{Service: "shadow", Percent: 25}
		b.table(wire.Table{Routes: []traffic.Route{route}})
	}
	b.quietened(2)
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if outcomes(b.copies()) > 2 {
			t.Fatalf("counted %+v", b.copies())
		}
	}
}
