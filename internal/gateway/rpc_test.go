package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

func TestKeepalive(t *testing.T) {
	t.Parallel()
	b := start(t, Config{})
	release := make(chan struct{})
	defer close(release)
	slow := replica(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			io.Copy(io.Discard, r.Body)
			<-release
		case "/interim":
			w.WriteHeader(http.StatusEarlyHints)
			<-release
		case "/stream":
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			time.Sleep(1500 * time.Millisecond)
			io.WriteString(w, "b")
		}
	})
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{Keepalive: time.Second}}, slow)
	for _, path := range []string{"/silent", "/interim"} {
		r, err := http.Post(b.url+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if body := slurp(t, r); r.StatusCode != 408 || !strings.Contains(body, "metadata.rpc.keepalive") || r.Header.Get("X-Sluice-Replica") != "r1" {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
	}
	for range 2 { // the connection is used again, without the limit of the one before
		if r, body := b.get("/stream"); r.StatusCode != 200 || body != "ab" {
			t.Errorf("a stream that goes on beyond it: %d %q", r.StatusCode, body)
		}
	}
	b.settle()
	if n := b.tallied(3); n.Lost != 0 || n.Cut != 0 || n.Class[4] != 2 || n.Class[2] != 2 {
		t.Errorf("counted as %+v", n)
	}
}

func TestKeepaliveLeavesTunnelsAlone(t *testing.T) {
	t.Parallel()
	b := start(t, Config{})
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{Keepalive: time.Second}}, replica(t, echoSocket))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, strings.Replace(b.url, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	time.Sleep(1500 * time.Millisecond)
	if err := c.Write(ctx, websocket.MessageText, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := c.Read(ctx); err != nil || string(data) != "still here" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestKeepaliveOfGRPC: the replica says nothing at all. As long as the caller
// sends, nothing is due.
func TestKeepaliveOfGRPC(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		<-s.Context().Done()
		return nil
	}))
	go silent.Serve(l)
	t.Cleanup(silent.Stop)
	b := start(t, Config{})
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{Keepalive: 400 * time.Millisecond}}, l.Addr().String())
	c, ctx := grpcClient(t, b, "svc")
	stream, err := c.NewStream(ctx, &echo.Streams[0], "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		time.Sleep(350 * time.Millisecond)
		if err := stream.SendMsg(wrapperspb.String("x")); err != nil {
			t.Fatal("cut while the caller still sends: ", err)
		}
	}
	if b.inFlight() != 1 {
		t.Error("the stream is not in flight any more")
	}
	stream.CloseSend()
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "metadata.rpc.keepalive") {
		t.Errorf("got %v", err)
	}
	b.settle()
	if n := b.tallied(3); n.Lost != 0 || n.Class[4] != 1 {
		t.Errorf("counted as %+v", n)
	}
}

func TestQueueLimit(t *testing.T) {
	b := start(t, Config{})
	release := make(chan struct{})
	var most, running [2]atomic.Int64
	held := func(i int) string {
		return replica(t, func(w http.ResponseWriter, r *http.Request) {
			n := running[i].Add(1)
			defer running[i].Add(-1)
			for m := most[i].Load(); n > m && !most[i].CompareAndSwap(m, n); m = most[i].Load() {
			}
			<-release
		})
	}
	one, two := held(0), held(1)
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{MaxQueue: 3}}, one, two)
	codes := make(chan int, 20)
	ask := func() {
		r, err := http.Get(b.url)
		if err != nil {
			t.Error(err)
			codes <- 0
			return
		}
		body := slurp(t, r)
		if r.StatusCode == 450 {
			var p problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || p.Title != "Queue Full" || !strings.Contains(p.Detail, " (metadata.rpc.max_queue_size)") {
				t.Errorf("%s, %v", body, err)
			}
		}
		codes <- r.StatusCode
	}
	for range 10 {
		go ask()
	}
	for range 4 {
		if code := <-codes; code != 450 {
			t.Errorf("beyond the limit: %d, want 450", code)
		}
	}
	until(t, "6 are in hand", func() bool { return running[0].Load() == 3 && running[1].Load() == 3 })
	// The limit is raised under what is in hand: no replica is replaced.
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{MaxQueue: 4}}, one, two)
	for range 3 {
		go ask()
	}
	if code := <-codes; code != 450 {
		t.Errorf("beyond the new limit: %d, want 450", code)
	}
	until(t, "8 are in hand", func() bool { return running[0].Load() == 4 && running[1].Load() == 4 })
	close(release)
	for range 8 {
		if code := <-codes; code != 200 {
			t.Errorf("within the limit: %d", code)
		}
	}
	b.settle()
	if most[0].Load() > 4 || most[1].Load() > 4 {
		t.Errorf("at most %d and %d at once, want 4", most[0].Load(), most[1].Load())
	}
}

// TestRateLimit: within any time the bucket gives out its rate, and one second's
// worth at the start.
func TestRateLimit(t *testing.T) {
	for _, c := range []struct {
		rate              float64
		first, afterwards int // at once; in the 10 seconds after
	}{{5, 5, 50}, {0.5, 1, 5}, {2.5, 2, 25}, {1000, 1000, 10000}} {
		l := newLimits(api.Limits{RateLimit: c.rate})
		e := &endpoint{}
		e.due.Store(int64(time.Hour)) // left by a stricter limit: it has to wait for its next one, and no longer
		at, got := instant(time.Second), 0
		if e.take(&l, at) {
			t.Errorf("rate %g: taken from an empty bucket", c.rate)
		}
		at += instant(l.burst)
		count := func() (n int) {
			for e.take(&l, at) {
				n++
			}
			return n
		}
		if n := count(); n != c.first {
			t.Errorf("rate %g: %d at once, want %d", c.rate, n, c.first)
		}
		for range 1000 {
			at += instant(10 * time.Millisecond)
			got += count()
		}
		if got < c.afterwards-1 || got > c.afterwards+1 {
			t.Errorf("rate %g: %d in ten seconds, want %d", c.rate, got, c.afterwards)
		}
	}
}

func TestRateLimitIsPerReplica(t *testing.T) {
	b := start(t, Config{})
	ok := func(w http.ResponseWriter, r *http.Request) {}
	// So slow that no second one is due while the test runs.
	b.apply(traffic.Route{Service: "svc", Limits: api.Limits{RateLimit: 0.01}}, replica(t, ok), replica(t, ok))
	var got []int
	for range 4 {
		r, body := b.get("")
		got = append(got, r.StatusCode)
		if r.StatusCode == 429 && (r.Header.Get("Retry-After") != "100" || !strings.Contains(body, "0.01 a second (metadata.rpc.rate_limit)")) {
			t.Errorf("Retry-After %q, %s", r.Header.Get("Retry-After"), body)
		}
	}
	if got[0] != 200 || got[1] != 200 || got[2] != 429 || got[3] != 429 {
		t.Errorf("got %v, want one for each of two replicas", got)
	}
}

// TestLimitsAndTableSwap: a full replica that has left the table is no reason
// for 450 when the next table has another.
func TestLimitsAndTableSwap(t *testing.T) {
	cfg := Config{}.withDefaults()
	b := newBoard(&cfg)
	route := func(revision uint64, address string) *service {
		b.apply(wire.Table{Revision: revision, Routes: []traffic.Route{{Service: "svc", Limits: api.Limits{MaxQueue: 1},
			Endpoints: []traffic.Endpoint{{Replica: "r", Version: 1, Address: address}}}}})
		return b.current.Load().services["svc"]
	}
	old := route(1, "a")
	if _, v := old.pick(nil, now()); v != begun {
		t.Fatalf("the first is not taken: %v", v)
	}
	if _, v := old.pick(nil, now()); v != full {
		t.Errorf("verdict %v, want full", v)
	}
	route(2, "b")
	if _, v := old.pick(nil, now()); v != left {
		t.Errorf("verdict %v of an endpoint that has left, want left", v)
	}
}
