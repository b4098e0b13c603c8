package gateway

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingRunsTwice drives replicas that close connections at the worst
// moments: idle, after reading a head, after running the request, in the middle
// of the answer. Callers may get errors; no request may run twice, and none that
// got its answer may have run on anything but one.
func TestNothingRunsTwice(t *testing.T) {
	var runs once
	hostile := func(conn net.Conn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			fate := rand.IntN(12)
			if fate == 0 { // dies with the head read
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			id := r.Header.Get("X-Id")
			runs.run(id)
			switch fate {
			case 1: // dies after the work
				return
			case 2: // dies in the answer
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				return
			case 3: // resets
				conn.(*net.TCPConn).SetLinger(0)
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(id)+len(body), id+string(body))
			switch fate {
			case 4: // closes the idle connection at once
				return
			case 5: // and a moment later
				time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
				return
			}
		}
	}
	b := start(t, Config{})
	b.route(rawReplica(t, hostile), rawReplica(t, hostile), rawReplica(t, hostile), deadAddress(t))

	var mu sync.Mutex
	var answered []string
	var failed int
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range 250 {
				id := nextID()
				method, body := "GET", io.Reader(nil)
				if (c+i)%2 == 0 {
					method, body = "POST", strings.NewReader("body")
				}
				r, _ := http.NewRequest(method, b.url, body)
				r.Header.Set("X-Id", id)
				r.GetBody = nil
				answer, err := client.Do(r)
				ok := false
				if err == nil {
					text, err := io.ReadAll(answer.Body)
					answer.Body.Close()
					ok = err == nil && answer.StatusCode == 200 && strings.HasPrefix(string(text), id)
				}
				mu.Lock()
				if ok {
					answered = append(answered, id)
				} else {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	runs.check(t, answered)
	if len(answered) == 0 || failed == 0 {
		t.Errorf("%d answered, %d failed: the test does not test", len(answered), failed)
	}
	b.settle()
	var w = b.tallied(3)
	if w.Lost == 0 || w.Cut == 0 {
		t.Errorf("counted %+v, want some lost and some cut", w)
	}
}

func TestAnotherReplicaWhereNoByteWent(t *testing.T) {
	b := start(t, Config{})
	good := replica(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	b.route(deadAddress(t), deadAddress(t), good, deadAddress(t))
	for range 50 {
		r, err := http.Post(b.url, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if body := slurp(t, r); r.StatusCode != 200 || body != "hello" || r.Header.Get("X-Sluice-Replica") != "r3" {
			t.Fatalf("got %d %q from %s", r.StatusCode, body, r.Header.Get("X-Sluice-Replica"))
		}
	}
	b.route(deadAddress(t), deadAddress(t))
	r, _ := b.get("")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("with no replica to connect to: %d", r.StatusCode)
	}
	b.settle()
}

func TestStaleConnectionsAreNotUsed(t *testing.T) {
	closed := make(chan struct{}, 1)
	var runs once
	b := start(t, Config{})
	b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		runs.run(r.Header.Get("X-Id"))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		conn.Close() // without having said so
		closed <- struct{}{}
	}))
	var answered []string
	for range 100 {
		id := nextID()
		r, _ := http.NewRequest("POST", b.url, strings.NewReader("x"))
		r.Header.Set("X-Id", id)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		slurp(t, answer)
		if answer.StatusCode != 200 {
			t.Fatalf("got %d", answer.StatusCode)
		}
		answered = append(answered, id)
		<-closed
	}
	runs.check(t, answered)
}

func TestIdleConnectionsEnd(t *testing.T) {
	var mu sync.Mutex
	open := 0
	s := rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		mu.Lock()
		open++
		mu.Unlock()
		for readRequest(in) == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		mu.Lock()
		open--
		mu.Unlock()
	})
	connections := func() int { mu.Lock(); defer mu.Unlock(); return open }

	b := start(t, Config{UpstreamIdle: 100 * time.Millisecond})
	b.route(s)
	b.get("")
	until(t, "the idle connection is closed in time", func() bool { return connections() == 0 })

	b = start(t, Config{UpstreamIdle: time.Hour})
	b.route(s)
	b.get("")
	b.get("")
	if n := connections(); n != 1 {
		t.Errorf("%d connections after two requests, want 1", n)
	}
	b.route()
	until(t, "the idle connection is closed with the withdrawal", func() bool { return connections() == 0 })
}

func TestKeepAliveTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"timeout=4": 3 * time.Second, "max=5, timeout=8": 6 * time.Second, "": 0, "timeout=x": 0, "timeout=-1": 0,
	} {
		if got := keepAliveTimeout(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
