package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func echoSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	for {
		kind, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		c.Write(r.Context(), kind, data)
	}
}

func TestWebSocket(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, echoSocket))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, r, err := websocket.Dial(ctx, strings.Replace(b.url, "http", "ws", 1)+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	if r.Header.Get("X-Sluice-Replica") != "r1" {
		t.Errorf("the handshake's header: %v", r.Header)
	}
	say := func(text string) {
		t.Helper()
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.Read(ctx); err != nil || string(data) != text {
			t.Fatalf("said %.20q, heard %.20q, %v", text, data, err)
		}
	}
	say("hello")
	if b.inFlight() != 1 {
		t.Error("an open WebSocket is not in flight")
	}
	b.route() // it leaves the table
	say("still there")
	say(strings.Repeat("long ", 50_000))
	c.Close(websocket.StatusNormalClosure, "")
	b.settle()
	if w := b.tallied(3); w.Class[1] != 1 || w.Cut != 0 {
		t.Errorf("counted %+v", w)
	}
}

// upgraded answers an upgrade and hands the connection to the test.
func upgraded(t *testing.T, b *bench, early string) (caller net.Conn, replica *net.TCPConn) {
	t.Helper()
	conns := make(chan *net.TCPConn, 1)
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.Header.Get("Upgrade") != "raw" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			t.Errorf("the replica was asked with %v", r.Header)
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n"+early)
		conns <- conn.(*net.TCPConn)
		<-hold
	}))
	conn, in := b.dialRaw()
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: raw\r\n\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil || r.StatusCode != 101 || r.Header.Get("Upgrade") != "raw" {
		t.Fatalf("%v, %v", r, err)
	}
	got := make([]byte, len(early))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != early {
		t.Fatalf("early bytes %q, %v", got, err)
	}
	return conn, <-conns
}

func TestTunnelHalvesCloseOnTheirOwn(t *testing.T) {
	b := start(t, Config{})
	caller, replica := upgraded(t, b, "early")
	io.WriteString(caller, "question")
	caller.(*net.TCPConn).CloseWrite()
	replica.SetDeadline(time.Now().Add(15 * time.Second))
	if got, err := io.ReadAll(replica); err != nil || string(got) != "question" {
		t.Fatalf("the replica read %q, %v", got, err)
	}
	if b.inFlight() != 1 {
		t.Error("half a tunnel is not in flight")
	}
	io.WriteString(replica, "answer")
	replica.CloseWrite()
	if got, err := io.ReadAll(caller); err != nil || string(got) != "answer" {
		t.Fatalf("the caller read %q, %v", got, err)
	}
	b.settle()
}

func TestTunnelBreaksWithItsReplica(t *testing.T) {
	b := start(t, Config{})
	caller, replica := upgraded(t, b, "")
	replica.SetLinger(0)
	replica.Close()
	if _, err := io.ReadAll(caller); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the caller got %v", err)
	}
	b.settle()
	if w := b.tallied(3); w.Cut != 1 {
		t.Errorf("counted %+v, want one cut", w)
	}
}

func TestUpgradeRefusedIsAnAnswer(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	_, r, err := websocket.Dial(t.Context(), strings.Replace(b.url, "http", "ws", 1), nil)
	if err == nil || r == nil || r.StatusCode != 403 {
		t.Errorf("%v, %v", r, err)
	}
	b.settle()
}

func TestUpgradeToHTTP2IsNotTakenUp(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Upgrade")+r.Header.Get("Http2-Settings"))
	}))
	conn, in := b.dialRaw()
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, r); r.StatusCode != 200 || body != "" {
		t.Errorf("got %d %q", r.StatusCode, body)
	}
}
