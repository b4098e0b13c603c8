package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

func startHub(t *testing.T, cfg hub.Config) *hub.Hub {
	t.Helper()
	cfg.Log = quiet()
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func acked(t *testing.T, h *hub.Hub, revision uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := h.WaitAcked(ctx, revision); err != nil {
		t.Fatalf("revision %d was not acknowledged: %v", revision, err)
	}
}

func routeTo(replica, address string) traffic.Route {
	return traffic.Route{Service: "svc", Endpoints: []traffic.Endpoint{{Replica: replica, Version: 1, Address: address}}}
}

func answers(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) }
}

func TestServesOnWithoutTheControlPlane(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	b := start(t, Config{Control: socket}) // before there is a control plane
	older, newer := replica(t, answers("old")), replica(t, answers("new"))

	var mu sync.Mutex
	var known []store.Gateway
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1, OnGateway: func(g store.Gateway) { mu.Lock(); known = append(known, g); mu.Unlock() }})
	first := h.Publish(routeTo("svc-1", older))
	h.Open()
	until(t, "the gateway has dialed", func() bool { return h.Acked() != math.MaxUint64 })
	acked(t, h, first)
	if _, body := b.get(""); body != "old" {
		t.Errorf("got %q", body)
	}
	mu.Lock()
	if len(known) != 1 || known[0].ID != "g" || known[0].Pid == 0 || known[0].Listen != b.g.Addr() {
		t.Errorf("told of %+v", known)
	}
	records := known
	mu.Unlock()

	h.Close()
	for range 5 {
		if _, body := b.get(""); body != "old" {
			t.Errorf("without a control plane: %q", body)
		}
	}

	h = startHub(t, hub.Config{Socket: socket, Epoch: 2, Known: records})
	if h.Settled() || h.Acked() != 0 {
		t.Errorf("before the gateway is back: settled %v, acked %d", h.Settled(), h.Acked())
	}
	until(t, "the gateway is back", h.Settled)
	if _, body := b.get(""); body != "old" {
		t.Errorf("before the new control plane is open: %q", body)
	}
	second := h.Publish(routeTo("svc-2", newer))
	h.Open()
	acked(t, h, second)
	if second <= first {
		t.Errorf("revision %d of the second epoch after %d", second, first)
	}
	if _, body := b.get(""); body != "new" {
		t.Errorf("in the new epoch: %q", body)
	}
	acked(t, h, h.Withdraw("svc"))
	if r, _ := b.get(""); r.StatusCode != 404 {
		t.Errorf("after the withdrawal: %d", r.StatusCode)
	}
	until(t, "the numbers arrive", func() bool {
		for _, n := range h.Numbers() {
			if n.Service == "svc" && n.Version == 1 && n.Class[2] >= 7 {
				return true
			}
		}
		return false
	})
}

func TestDrainIsSeenAtOnce(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	b := start(t, Config{Control: socket})
	next := make(chan string)
	address := replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		for line := range next {
			io.WriteString(w, line)
			w.(http.Flusher).Flush()
		}
	})
	news := make(chan struct{}, 1)
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1, OnChange: func([]string) {
		select {
		case news <- struct{}{}:
		default:
		}
	}})
	h.Open()
	until(t, "the gateway has dialed", func() bool { return h.Acked() != math.MaxUint64 })
	acked(t, h, h.Publish(routeTo("svc-1", address)))
	r, err := http.Get(b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	acked(t, h, h.Publish(traffic.Route{Service: "svc", Unavailable: "draining"}))
	d := h.Drain("svc-1")
	if !d.Known || d.InFlight != 1 || !d.IdleSince.IsZero() || d.LastPicked.IsZero() {
		t.Errorf("with a stream in hand: %+v", d)
	}
	next <- "last\n"
	if line, _ := bufio.NewReader(r.Body).ReadString('\n'); line != "last\n" {
		t.Errorf("got %q", line)
	}
	for len(news) > 0 {
		<-news
	}
	close(next)
	select {
	case <-news: // not only with the next heartbeat
	case <-time.After(15 * time.Second):
		t.Fatal("the end of the stream was not told")
	}
	until(t, "nothing is in flight", func() bool {
		d = h.Drain("svc-1")
		return d.InFlight == 0 && !d.IdleSince.IsZero()
	})
}

func TestDrainSurvivesTheControlPlane(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	b := start(t, Config{Control: socket})
	end := make(chan struct{})
	address := replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-end
	})
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1})
	h.Open()
	until(t, "the gateway has dialed", func() bool { return h.Acked() != math.MaxUint64 })
	acked(t, h, h.Publish(routeTo("svc-1", address)))
	r, err := http.Get(b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	empty := traffic.Route{Service: "svc", Unavailable: "draining"}
	acked(t, h, h.Publish(empty))
	known := []store.Gateway{{ID: "g", Pid: h.Gateways()[0].Pid, StartTime: h.Gateways()[0].StartTime}}
	h.Close()
	h = startHub(t, hub.Config{Socket: socket, Epoch: 2, Known: known})
	if d := h.Drain("svc-1"); d.Known || !d.IdleSince.IsZero() {
		t.Errorf("before the gateway is back: %+v", d)
	}
	revision := h.Publish(empty)
	h.Open()
	acked(t, h, revision)
	if d := h.Drain("svc-1"); !d.Known || d.InFlight != 1 || d.LastPicked.IsZero() {
		t.Errorf("after it is back: %+v", d)
	}
	close(end)
	until(t, "the stream has ended", func() bool { return !h.Drain("svc-1").IdleSince.IsZero() })
}

// TestNoLossWhenReplicasAreKilledAfterTheirDrain plays the control plane: under
// load, replicas come, leave the table, and are killed as soon as the hub says
// that nothing is in hand. Every request must be answered, and run once.
func TestNoLossWhenReplicasAreKilledAfterTheirDrain(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	b := start(t, Config{Control: socket})
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1})
	h.Open()
	until(t, "the gateway has dialed", func() bool { return h.Acked() != math.MaxUint64 })

	var runs once
	newReplica := func() *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			runs.run(r.Header.Get("X-Id"))
			time.Sleep(time.Millisecond)
			io.WriteString(w, "ok")
		}))
	}
	live := map[string]*httptest.Server{}
	publish := func() {
		r := traffic.Route{Service: "svc"}
		for id, s := range live {
			r.Endpoints = append(r.Endpoints, traffic.Endpoint{Replica: id, Version: 1, Address: strings.TrimPrefix(s.URL, "http://")})
		}
		acked(t, h, h.Publish(r))
	}
	for i := range 3 {
		live[fmt.Sprint("svc-", i)] = newReplica()
	}
	publish()

	stop := make(chan struct{})
	var failed atomic.Int64
	var mu sync.Mutex
	var done []string
	var load sync.WaitGroup
	for c := range 6 {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := nextID()
				body := io.Reader(nil)
				if c%2 == 0 {
					body = strings.NewReader(strings.Repeat("x", 5000))
				}
				r, _ := http.NewRequest("POST", b.url, body)
				r.Header.Set("X-Id", id)
				answer, err := client.Do(r)
				if err != nil || answer.StatusCode != 200 {
					failed.Add(1)
					continue
				}
				slurp(t, answer)
				mu.Lock()
				done = append(done, id)
				mu.Unlock()
			}
		})
	}
	for i := 3; i < 40; i++ {
		live[fmt.Sprint("svc-", i)] = newReplica()
		publish()
		id := fmt.Sprint("svc-", i-3)
		leaving := live[id]
		delete(live, id)
		publish()
		until(t, "it has nothing in hand", func() bool { d := h.Drain(id); return d.Known && d.InFlight == 0 })
		leaving.CloseClientConnections() // as a SIGKILL would
		leaving.Close()
	}
	close(stop)
	load.Wait()
	for _, s := range live {
		s.Close()
	}
	runs.check(t, done)
	if failed.Load() > 0 || len(done) == 0 {
		t.Errorf("%d requests failed, %d were answered", failed.Load(), len(done))
	}
}

func TestGatewaySaysGoodbye(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	var gone atomic.Int64
	h := startHub(t, hub.Config{Socket: socket, Epoch: 1, OnGone: func(string) { gone.Add(1) }})
	h.Open()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	listening := make(chan string, 1)
	go func() {
		ended <- Run(ctx, Config{ID: "g", Listen: "127.0.0.1:0", Control: socket, Log: quiet()}, func(addr string) { listening <- addr })
	}()
	<-listening
	until(t, "the gateway has dialed", func() bool { return len(h.Gateways()) == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	until(t, "the gateway is gone", func() bool { return len(h.Gateways()) == 0 && gone.Load() == 1 })
}

func FuzzTables(f *testing.F) {
	f.Add(`{"table":{"revision":1,"full":true,"routes":[{"service":"svc","endpoints":[{"replica":"r","version":1,"address":"x"},{"replica":"r","version":1,"address":"x"}]}]}}` + "\n" +
		`{"table":{"revision":0,"withdrawn":["svc","svc"]}}` + "\n")
	f.Add(`{"table":{"revision":5,"more":true,"routes":[{}]}}` + "\n" + `{"refused":"no"}` + "\n")
	f.Add(`{"table":{"revision":2,"routes":[{"service":"a","endpoints":[{"replica":"r","address":"x"}]},{"service":"a"},{"service":"b","endpoints":[{"replica":"r","address":"x"}]}]}}` + "\n" + `{"table":{"full":true}}` + "\n")
	f.Fuzz(func(t *testing.T, lines string) {
		g := newGateway(Config{ID: "g", Log: quiet()})
		g.receive(wire.NewReader(strings.NewReader(lines)))
		g.board.acknowledgeable()
		g.board.report(true)
		g.board.report(false)
		named := 0
		if table := g.board.current.Load(); table != nil {
			for name, s := range table.services {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", "/", nil)
				r.RequestURI = prefix + name
				if len(s.ready) == 0 && name != "" && !strings.ContainsAny(name, "/?") {
					g.ServeHTTP(w, r)
				}
				for _, e := range s.ready {
					if named++; e.closed.Load() || e.routes < 1 {
						t.Errorf("endpoint %s is in the table and closed", e.replica)
					}
				}
			}
		}
		for _, e := range g.board.endpoints {
			if e.routes == 0 != e.closed.Load() || e.routes > named {
				t.Errorf("endpoint %s is named %d times, closed %v", e.replica, e.routes, e.closed.Load())
			}
		}
	})
}
