package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// succession is gateways that follow each other, and their control plane.
type succession struct {
	t    *testing.T
	hub  *hub.Hub
	base Config
}

func newSuccession(t *testing.T) *succession {
	dir := t.TempDir()
	s := &succession{t: t, base: Config{Listen: "127.0.0.1:0", Control: filepath.Join(dir, "gateway.sock"), Handover: filepath.Join(dir, "gateway.next"), Log: quiet()}}
	s.hub = startHub(t, hub.Config{Socket: s.base.Control, Epoch: 1})
	return s
}

// running is one gateway and how to end it.
type running struct {
	*Gateway
	stop  context.CancelFunc
	ended chan struct{}
}

func (s *succession) start(id string, change func(*Config)) *running {
	s.t.Helper()
	cfg := s.base
	cfg.ID = id
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.base.Listen = g.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{g, cancel, make(chan struct{})}
	go func() { g.Run(ctx); close(r.ended) }()
	s.t.Cleanup(func() { cancel(); g.server.Close(); <-r.ended })
	return r
}

func (s *succession) state(id string) string {
	for _, g := range s.hub.Gateways() {
		if g.ID == id {
			return g.State
		}
	}
	return "gone"
}

func (s *succession) is(id, state string) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("gateway %s is %q", id, state), func() bool { return s.state(id) == state })
}

func dialTo(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReader(conn)
}

// serves waits until a gateway accepts callers with this revision in force.
func (s *succession) serves(id string, revision uint64) {
	s.t.Helper()
	s.is(id, "")
	acked(s.t, s.hub, revision)
}

// TestHandover follows one gateway by another while callers connect without
// pause, and a stream and a tunnel go on.
func TestHandover(t *testing.T) {
	s := newSuccession(t)
	next := make(chan string)
	address := replica(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Upgrade") != "":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			io.Copy(conn, conn)
		case strings.HasSuffix(r.URL.Path, "/stream"):
			for line := range next {
				io.WriteString(w, line)
				w.(http.Flusher).Flush()
			}
		default:
			io.Copy(w, r.Body)
		}
	})
	revision := s.hub.Publish(routeTo("svc-1", address))
	s.hub.Open()
	old := s.start("one", nil)
	s.serves("one", revision)
	url := "http://" + old.Addr() + "/api/predict/svc"

	stream := make(chan string, 1)
	go func() {
		r, err := http.Get(url + "/stream")
		if err != nil {
			stream <- err.Error()
			return
		}
		text, err := io.ReadAll(r.Body)
		stream <- fmt.Sprint(string(text), err)
	}()
	next <- "a"
	tunnel, in := echoing(t, old.Addr())
	idle, idleIn := keptAlive(t, old.Addr())

	stop := make(chan struct{})
	var callers sync.WaitGroup
	var asked atomic.Int64
	for i := range 4 {
		callers.Go(func() {
			fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			kept := &http.Client{Transport: &http.Transport{}}
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				client, want := fresh, fmt.Sprint(i, n)
				if n%2 == 0 {
					client = kept
				}
				r, err := client.Post(url, "text/plain", strings.NewReader(want))
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				if got, err := io.ReadAll(r.Body); err != nil || string(got) != want || r.StatusCode != 200 {
					t.Errorf("got %d %q %v, want %q", r.StatusCode, got, err, want)
				}
				r.Body.Close()
				asked.Add(1)
			}
		})
	}
	more := func(n int64) {
		t.Helper()
		aim := asked.Load() + n
		until(t, "callers have asked more", func() bool { return asked.Load() >= aim })
	}
	more(50)
	young := s.start("two", nil)
	s.is("one", wire.Retiring)
	s.is("two", "")
	more(200)
	if young.Addr() != old.Addr() {
		t.Errorf("the new one listens on %s, the old one on %s", young.Addr(), old.Addr())
	}
	// The stream and the tunnel are the old one's, and count.
	if n, known := s.hub.InFlight("svc-1"); n < 2 || !known {
		t.Errorf("in flight: %d, %v; a stream and a tunnel are", n, known)
	}
	// An idle connection is as good as ever, once.
	for _, c := range ask(t, idle, idleIn, "late") {
		if !c.Close {
			t.Error("a caller of the old gateway is not told to connect anew")
		}
	}
	fmt.Fprintln(tunnel, "still here")
	if line, err := in.ReadString('\n'); line != "still here\n" {
		t.Errorf("through the tunnel: %q %v", line, err)
	}
	next <- "b"
	close(next)
	if got := <-stream; got != "ab<nil>" {
		t.Errorf("the stream: %s", got)
	}
	close(stop)
	callers.Wait()
	select {
	case <-old.ended:
		t.Error("the old gateway ended before its tunnel")
	default:
	}
	http.DefaultClient.CloseIdleConnections()
	tunnel.Close()
	select {
	case <-old.ended:
	case <-time.After(15 * time.Second):
		t.Fatalf("the old gateway has %d connections and %d tunnels left", old.callers.Load(), old.tunnels.count())
	}
	s.is("one", "gone")
	third := s.start("three", nil)
	s.is("two", wire.Retiring)
	if _, body := (&bench{t: t, g: third.Gateway, url: url}).get("/x"); body != "" {
		t.Errorf("the third answers %q", body)
	}
}

// echoing opens a tunnel.
func echoing(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, in := dialTo(t, address)
	io.WriteString(conn, "GET /api/predict/svc/up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 101 {
		t.Fatalf("%+v %v", r, err)
	}
	return conn, in
}

// keptAlive opens a connection, asks once and leaves it idle.
func keptAlive(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, in := dialTo(t, address)
	for _, r := range ask(t, conn, in, "first") {
		if r.Close {
			t.Error("the connection is closed after one answer")
		}
	}
	return conn, in
}

func ask(t *testing.T, conn net.Conn, in *bufio.Reader, body string) []*http.Response {
	t.Helper()
	fmt.Fprintf(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Errorf("%q was not answered: %v", body, err)
		return nil
	}
	if got := slurp(t, r); got != body {
		t.Errorf("%q was answered with %q", body, got)
	}
	return []*http.Response{r}
}

// TestSuccessorWaitsForItsTable: one that has no table accepts nobody, and when
// it ends the other goes on as if nothing had been.
func TestSuccessorWaitsForItsTable(t *testing.T) {
	s := newSuccession(t)
	address := replica(t, answers("yes"))
	s.hub.Publish(routeTo("svc-1", address))
	old := s.start("one", func(c *Config) { c.Control = "" })
	old.board.apply(wire.Table{Revision: 1, Full: true, Routes: []traffic.Route{routeTo("svc-1", address)}})
	b := &bench{t: t, g: old.Gateway, url: "http://" + old.Addr() + "/api/predict/svc"}
	until(t, "it answers", func() bool { r, _ := b.get(""); return r.StatusCode == 200 })
	until(t, "it hands over", func() bool {
		c, err := net.Dial("unix", s.base.Handover)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	young := s.start("two", nil) // the hub is not open: no table comes
	s.is("two", wire.Waiting)
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		r, err := fresh.Get(b.url)
		if err != nil || slurp(t, r) != "yes" {
			t.Fatalf("while the successor waits: %v", err)
		}
	}
	if old.retiring() {
		t.Error("the old gateway retires before the new one has a table")
	}
	young.stop()
	<-young.ended
	for range 20 {
		r, err := fresh.Get(b.url)
		if err != nil || slurp(t, r) != "yes" {
			t.Fatalf("after the successor gave up: %v", err)
		}
	}
	// The next one finds the listener where it was, and needs no predecessor any
	// more once it has it.
	again := s.start("three", nil)
	s.is("three", wire.Waiting)
	old.stop()
	<-old.ended
	s.hub.Open()
	s.is("three", "")
	r, err := fresh.Get(b.url)
	if err != nil || slurp(t, r) != "yes" {
		t.Errorf("after the old one died in the middle: %v", err)
	}
	_ = again
}

// TestRetiringHasALimit cuts what goes on for longer than Config.Retire.
func TestRetiringHasALimit(t *testing.T) {
	s := newSuccession(t)
	hold := make(chan struct{})
	revision := s.hub.Publish(routeTo("svc-1", replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-hold
	})))
	t.Cleanup(func() { close(hold) }) // before the replica's own end, which waits for it
	s.hub.Open()
	old := s.start("one", func(c *Config) { c.Retire = 200 * time.Millisecond })
	s.serves("one", revision)
	conn, in := dialTo(t, old.Addr())
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	s.start("two", nil)
	select {
	case <-old.ended:
	case <-time.After(15 * time.Second):
		t.Error("it has no limit")
	}
}

// TestElsewhere: a gateway for another address takes over from nobody.
func TestElsewhere(t *testing.T) {
	s := newSuccession(t)
	s.hub.Open()
	old := s.start("one", nil)
	s.is("one", "")
	other := s.start("two", func(c *Config) { c.Listen = "127.0.0.2:0" })
	s.is("two", "")
	if s.state("one") != "" || other.Addr() == old.Addr() {
		t.Errorf("%q at %s, the other at %s", s.state("one"), old.Addr(), other.Addr())
	}
}
