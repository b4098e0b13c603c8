package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestReadEarly: what has come is taken, what has not is not waited for.
func TestReadEarly(t *testing.T) {
	t.Parallel()
	const whole = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: "
	for name, c := range map[string]struct {
		sent  string
		early int
		ended error
	}{
		"all of it":         {whole + "3\r\n\r\nabc", 3, io.EOF},
		"one byte":          {whole + "1\r\n\r\na", 1, io.EOF},
		"a part":            {whole + "3\r\n\r\nab", 2, nil},
		"nothing":           {whole + "3\r\n\r\n", 0, nil},
		"more than it may":  {whole + "999999\r\n\r\n" + strings.Repeat("x", 2*earlySize), earlySize, nil},
		"no body":           {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0, nil},
		"chunks":            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 0, nil},
		"it waits for 100":  {whole + "3\r\nExpect: 100-continue\r\n\r\nabc", 0, nil},
		"with another next": {whole + "3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", 3, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			took := make(chan *exchange, 1)
			s := &http.Server{ConnContext: withCaller, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				x := &exchange{request: r, body: bodyOf(r), head: []byte("head"), headSize: 4}
				if len(c.sent) > earlySize {
					time.Sleep(100 * time.Millisecond) // it takes several packets
				}
				x.readEarly()
				if x.bodyErr == nil && r.Context().Value(callerKey{}).(*callerConn).ready.Load() {
					t.Error("later reads do not wait, either")
				}
				took <- x
			})}
			go s.Serve(callers{l, time.Minute, &leavers{}})
			defer s.Close()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, c.sent)
			x := <-took
			if len(x.head) != 4+c.early || x.bodyErr != c.ended {
				t.Errorf("%d bytes were read, %v", len(x.head)-4, x.bodyErr)
			}
		})
	}
}

// TestEarlyBody: however a body comes, early, late or in parts, all of it
// arrives, and the connections stay.
func TestEarlyBody(t *testing.T) {
	t.Parallel()
	head, sum := make(chan struct{}, 1), make(chan string, 1)
	b := start(t, Config{})
	b.route(replica(t, func(_ http.ResponseWriter, r *http.Request) {
		head <- struct{}{}
		body, _ := io.ReadAll(r.Body)
		sum <- string(body)
	}))
	conn, in := b.dialRaw()
	for _, c := range []struct {
		name        string
		size, early int // of the body, and how much of it is sent with the head
	}{
		{"small", 1000, 1000}, {"one byte", 1, 1}, {"fills what is read early", earlySize, earlySize},
		{"not there yet", 10, 0}, {"partly there", 1000, 400}, {"the last byte missing", 100, 99},
		{"large", 1 << 20, 1 << 20}, {"small again", 5, 5},
	} {
		body := strings.Repeat("0123456789", c.size/10+1)[:c.size]
		fmt.Fprintf(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", c.size, body[:c.early])
		<-head // also where nothing of the body has come
		io.WriteString(conn, body[c.early:])
		if got := <-sum; got != body {
			t.Errorf("%s: a body of %d bytes came, and not that of %d that was sent", c.name, len(got), c.size)
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil || r.StatusCode != 200 || slurp(t, r) != "" {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	b.settle()
	if n := b.tallied(3); n.Class[2] != 8 {
		t.Errorf("counted as %+v", n)
	}
}

// TestEarlyBodyBreaksOff: the part that came early is not taken for the whole.
func TestEarlyBodyBreaksOff(t *testing.T) {
	t.Parallel()
	b := start(t, Config{})
	ended := make(chan error, 2)
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	for _, part := range []string{"", "abc"} {
		conn, _ := b.dialRaw()
		io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"+part)
		conn.Close()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("the replica took part of a body for the whole")
			}
		case <-time.After(100 * time.Millisecond): // it was seen to have gone before the replica had its head
		}
		b.settle()
	}
	if n := b.tallied(3); n.Lost != 0 {
		t.Errorf("counted as %+v", n)
	}
}

// TestCallerLeavesAfterEarlyBody: the whole request is sent, and who asked goes
// away. net/http watches for that; the replica hears of it.
func TestCallerLeavesAfterEarlyBody(t *testing.T) {
	t.Parallel()
	b := start(t, Config{})
	began := make(chan struct{})
	left := make(chan struct{})
	b.route(replica(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(began)
		<-r.Context().Done()
		close(left)
	}))
	conn, _ := b.dialRaw()
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
	<-began
	conn.Close()
	select {
	case <-left:
	case <-time.After(15 * time.Second):
		t.Fatal("the replica goes on for nobody")
	}
	b.settle()
	if n := b.tallied(3); n.Canceled != 1 || n.Lost != 0 {
		t.Errorf("counted as %+v", n)
	}
}

// deadlines is a caller whose read deadlines are written down.
type deadlines struct {
	http.ResponseWriter
	read []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = append(d.read, t)
	return nil
}

// TestCarry looks at an upload from within.
func TestCarry(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken off")
	for name, c := range map[string]struct {
		pending string // was read early and not written
		bodyErr error
		rest    string // is still to be read
		refused bool
		want    string
		err     error
	}{
		"all of it":                      {rest: "abc", want: "abc"},
		"what was left":                  {pending: "ab", bodyErr: io.EOF, want: "ab"},
		"what was left and more":         {pending: "ab", rest: "cd", want: "abcd"},
		"an early end is not read again": {pending: "ab", bodyErr: broken, rest: "cd", want: "ab", err: broken},
		"nothing to one that refused":    {pending: "ab", rest: "cd", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			u := &upstream{socket: s, in: bufio.NewReader(s)}
			rest := strings.NewReader(c.rest)
			w := &deadlines{}
			x := newExchange(newGateway(Config{Log: quiet()}))
			x.writer, x.request = w, &http.Request{Body: io.NopCloser(rest)}
			x.body, x.pending, x.bodyErr, x.refused = bodySized, []byte(c.pending), c.bodyErr, c.refused
			if err := x.carry(u); err != c.err {
				t.Errorf("ended with %v", err)
			}
			s.Close()
			if got, err := io.ReadAll(peer); string(got) != c.want || err != nil {
				t.Errorf("%q came, %v", got, err)
			}
			if c.bodyErr != nil {
				if len(w.read) > 0 || rest.Len() != len(c.rest) {
					t.Error("it was read again")
				}
				return
			}
			// Each read was bound; the one that follows the body is the next request's.
			if n := len(w.read); n < 2 || w.read[0].IsZero() || !w.read[n-1].IsZero() {
				t.Errorf("the caller's deadlines: %v", w.read)
			}
			if rest.Len() > 0 {
				t.Errorf("%d bytes of the caller were not read", rest.Len())
			}
		})
	}
}

// TestCarrySlow: the deadline of a body is that of its bytes, and says so.
func TestCarrySlow(t *testing.T) {
	t.Parallel()
	s, _ := sockets(t)
	x := newExchange(newGateway(Config{Log: quiet()}))
	x.writer, x.body = &deadlines{}, bodySized
	x.request = &http.Request{Body: io.NopCloser(slow{})}
	if err := x.carry(&upstream{socket: s}); err != errBodySlow {
		t.Errorf("ended with %v", err)
	}
}

// TestCallerReady: where reads do not wait, those that watch for the caller's
// leaving still do.
func TestCallerReady(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	c := &callerConn{socket: s, wait: time.Minute}
	c.ready.Store(true)
	if n, err := c.Read(make([]byte, 2)); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { peer.Write([]byte("x")) })
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("a read of one byte: %d, %v", n, err)
	}
}

type slow struct{}

func (slow) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
