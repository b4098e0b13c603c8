package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patient is a head for a body that comes by and by.
const patient = "POST /api/predict/svc%s HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n"

func TestSlowBody(t *testing.T) {
	t.Parallel()
	b := start(t, Config{BodyWait: 300 * time.Millisecond})
	ended := make(chan error, 9)
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	for name, c := range map[string]struct{ framing, part string }{
		"sized":           {"Content-Length: 10", "abc"},
		"chunked":         {"Transfer-Encoding: chunked", "3\r\nabc\r\n"},
		"nothing at all":  {"Content-Length: 10", ""},
		"half a chunk":    {"Transfer-Encoding: chunked", "9\r\nabc"},
		"expect continue": {"Content-Length: 10\r\nExpect: 100-continue", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := b.tallied(3).Canceled
			conn, in := b.dialRaw()
			io.WriteString(conn, strings.Replace(strings.Replace(patient, "%s", "", 1), "%s", c.framing, 1)+c.part)
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode == 100 {
				if r, err = http.ReadResponse(in, nil); err != nil {
					t.Fatal(err)
				}
			}
			if body := slurp(t, r); r.StatusCode != 408 || !strings.Contains(body, "--body-wait") {
				t.Errorf("%d %s", r.StatusCode, body)
			}
			if rest, err := io.ReadAll(in); errors.Is(err, os.ErrDeadlineExceeded) || len(rest) > 0 {
				t.Errorf("the connection stays open: %q, %v", rest, err)
			}
			if err := <-ended; err == nil {
				t.Error("the replica took part of a body for the whole")
			}
			b.settle()
			if n := b.tallied(3); n.Canceled != before+1 || n.Lost != 0 {
				t.Errorf("counted as %+v", n)
			}
		})
	}
}

// TestSlowBodyOverHTTP2 is the same where many requests share a connection: the
// others go on.
func TestSlowBodyOverHTTP2(t *testing.T) {
	t.Parallel()
	b := start(t, Config{BodyWait: time.Second})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	client := cleartextHTTP2(t)
	body, hold := io.Pipe()
	defer hold.Close()
	go hold.Write([]byte("abc"))
	r, err := client.Post(b.url, "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	if text := slurp(t, r); r.StatusCode != 408 || !strings.Contains(text, "--body-wait") {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	if r, err := client.Post(b.url, "text/plain", strings.NewReader("abc")); err != nil || r.StatusCode != 200 {
		t.Errorf("the next request: %v", err)
	}
	b.settle()
}

func cleartextHTTP2(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestPatience: what the limit is not meant for. Each pause is longer than
// BodyWait and WriteWait, or the sum of the parts is.
func TestPatience(t *testing.T) {
	t.Parallel()
	const wait, pause = time.Second, 1600 * time.Millisecond
	b := start(t, Config{BodyWait: wait, WriteWait: wait})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late": // the answer, after the whole body
			io.Copy(io.Discard, r.Body)
			time.Sleep(pause)
			io.WriteString(w, "late")
		case "/silent": // a stream with a pause
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			time.Sleep(pause)
			io.WriteString(w, "b")
		case "/echo": // a stream both ways
			http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
			part := make([]byte, 8)
			for {
				n, err := r.Body.Read(part)
				w.Write(part[:n])
				w.(http.Flusher).Flush()
				if err != nil {
					return
				}
			}
		default:
			io.Copy(w, r.Body)
		}
	}))
	var all sync.WaitGroup // all at once: they mostly sleep
	check := func(name string, r *http.Response, err error, want string) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		defer r.Body.Close()
		if got, err := io.ReadAll(r.Body); r.StatusCode != 200 || string(got) != want || err != nil {
			t.Errorf("%s: %d %q, %v", name, r.StatusCode, got, err)
		}
	}
	clients := map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{}}, "HTTP/2": cleartextHTTP2(t)}
	for name, client := range clients {
		defer client.CloseIdleConnections()
		for path, want := range map[string]string{"/late": "late", "/silent": "ab", "/again": "abc"} {
			all.Go(func() {
				for round := range 2 { // the second over a connection that has waited meanwhile
					time.Sleep(time.Duration(round) * pause)
					r, err := client.Post(b.url+path, "text/plain", strings.NewReader("abc"))
					check(name+path, r, err, want)
				}
			})
		}
		all.Go(func() {
			body, in := io.Pipe()
			go func() {
				for range 8 {
					time.Sleep(wait / 4)
					in.Write([]byte("x"))
				}
				in.Close()
			}()
			r, err := client.Post(b.url, "text/plain", body)
			check(name+" trickle", r, err, "xxxxxxxx")
		})
		all.Go(func() {
			body, in := io.Pipe()
			time.AfterFunc(pause, func() {
				in.Write([]byte("here"))
				in.Close()
			})
			r, err := client.Post(b.url+"/echo", "text/plain", body)
			check(name+" both ways", r, err, "here")
		})
	}
	all.Wait()
}

// TestSlowReader: a caller that stops reading holds nothing for long.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	flood := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		b := start(t, Config{WriteWait: 300 * time.Millisecond})
		b.route(replica(t, flood))
		conn, in := b.dialRaw()
		conn.(*net.TCPConn).SetReadBuffer(1 << 12)
		io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\n\r\n")
		in.Peek(1)
		until(t, "it is in flight", func() bool { return b.inFlight() == 1 })
		b.settle()
		if n := b.tallied(3); n.Cut != 0 || n.Lost != 0 {
			t.Errorf("counted as %+v: it is the caller's doing", n)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		b := start(t, Config{WriteWait: 300 * time.Millisecond})
		b.route(replica(t, flood))
		client := cleartextHTTP2(t)
		r, err := client.Get(b.url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b.settle()
		if n := b.tallied(3); n.Cut != 0 || n.Lost != 0 {
			t.Errorf("counted as %+v: it is the caller's doing", n)
		}
	})
}
