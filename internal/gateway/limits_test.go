package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// zeros is a body of n bytes whose length the client is not told.
func zeros(n int64) io.Reader { return io.MultiReader(io.LimitReader(endless{}, n)) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestBodyLimit(t *testing.T) {
	var whole atomic.Int64
	b := start(t, Config{MaxBody: 1 << 20})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			whole.Add(1)
		}
		fmt.Fprint(w, n)
	}))
	for name, c := range map[string]struct {
		size   int64
		sized  bool
		status int
	}{
		"sized at the limit": {1 << 20, true, 200}, "chunked at the limit": {1 << 20, false, 200},
		"sized above": {1<<20 + 1, true, 413}, "chunked above": {1<<20 + 1, false, 413},
		"100 MB": {100 << 20, true, 413}, "100 MB chunked": {100 << 20, false, 413},
	} {
		t.Run(name, func(t *testing.T) {
			whole.Store(0)
			r, _ := http.NewRequest("POST", b.url, zeros(c.size))
			if c.sized {
				r.ContentLength = c.size
			}
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			answer, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatalf("the refusal did not arrive: %v", err)
			}
			body := slurp(t, answer)
			if answer.StatusCode != c.status || c.status == 413 && !strings.Contains(body, "1048576") {
				t.Errorf("got %d %s", answer.StatusCode, body)
			}
			b.settle()
			if c.status == 413 && whole.Load() > 0 {
				t.Error("the replica took part of a body for the whole")
			}
		})
	}
	open := start(t, Config{MaxBody: -1})
	open.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	r, err := http.Post(open.url, "", zeros(100<<20))
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, r); body != fmt.Sprint(100<<20) {
		t.Errorf("without a limit: %d %s", r.StatusCode, body)
	}
}

func TestHeaderLimit(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {}))
	for size, want := range map[int]int{60 << 10: 200, 80 << 10: 431} {
		r, _ := http.NewRequest("GET", b.url, nil)
		r.Header.Set("X-Big", strings.Repeat("x", size))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if slurp(t, answer); answer.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", size, answer.StatusCode, want)
		}
	}
}

func TestSlowHeadIsHungUpOn(t *testing.T) {
	b := start(t, Config{HeaderWait: 100 * time.Millisecond})
	conn, in := b.dialRaw()
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHos")
	if _, err := io.ReadAll(in); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

func TestSmuggling(t *testing.T) {
	for name, head := range map[string]string{
		"both framings":   "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
		"two lengths":     "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"space in name":   "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\nX Y: 1\r\n\r\n",
		"two hosts":       "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
		"unknown coding":  "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"negative length": "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			uris := make(chan string, 9)
			b := start(t, Config{})
			b.route(replica(t, func(w http.ResponseWriter, r *http.Request) { uris <- r.RequestURI }))
			conn, in := b.dialRaw()
			io.WriteString(conn, head)
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			line, _ := in.ReadString('\n')
			b.settle()
			for len(uris) > 0 {
				if uri := <-uris; uri != "/" {
					t.Errorf("the replica was asked for %q", uri)
				}
			}
			if name != "both framings" && !strings.Contains(line, " 400 ") && !strings.Contains(line, " 501 ") {
				t.Errorf("answered %q", line)
			}
		})
	}
}

func TestSpaceInAnHTTP2Target(t *testing.T) {
	if plain("/a b") || plain("/a\r\nX: y") || plain("") || plain("*") || !plain("/a%20b?c=d") {
		t.Error("plain lets through what would break a request line, or stops what does not")
	}
}

func TestShutdownFinishesWhatIsInHand(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	g, err := New(Config{ID: "g", Listen: "127.0.0.1:0", Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, g: g, url: "http://" + g.Addr() + "/api/predict/svc"}
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "be")
		w.(http.Flusher).Flush()
		close(arrived)
		<-finish
		io.WriteString(w, "gun")
	}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	r, err := http.Get(b.url)
	if err != nil {
		t.Fatal(err)
	}
	<-arrived
	cancel()
	until(t, "no new connection is taken", func() bool {
		_, err := http.Get("http://" + g.Addr() + healthPath)
		return err != nil
	})
	close(finish)
	if body := slurp(t, r); body != "begun" {
		t.Errorf("got %q", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsAtTheLimit(t *testing.T) {
	g, err := New(Config{ID: "g", Listen: "127.0.0.1:0", Log: quiet(), Grace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, g: g, url: "http://" + g.Addr() + "/api/predict/svc"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	caller, _ := upgraded(t, b, "")
	cancel()
	if _, err := io.ReadAll(caller); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the caller got %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestListenErrors(t *testing.T) {
	g, err := New(Config{ID: "g", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.listener.Close()
	if _, err := New(Config{ID: "h", Listen: g.Addr()}); err == nil || !strings.Contains(err.Error(), g.Addr()) {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := New(Config{Listen: "127.0.0.1:0"}); err == nil {
		t.Error("no id was accepted")
	}
}
