package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// sockets are both ends of a connection; the second is the peer.
func sockets(t *testing.T) (*socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); peer.Close() })
	s, err := newSocket(conn.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	return s, peer.(*net.TCPConn)
}

func TestSocketReads(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	p := make([]byte, 4)
	if n, err := s.readReady(p); n != 0 || err != nil {
		t.Fatalf("nothing to read: %d, %v", n, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { peer.Write([]byte("abcdef")) }) // the reader waits
	if n, err := s.Read(p); string(p[:n]) != "abcd" || err != nil {
		t.Fatalf("%q, %v", p[:n], err)
	}
	if n, err := s.Read(p); string(p[:n]) != "ef" || err != nil {
		t.Fatalf("%q, %v", p[:n], err)
	}

	s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err := s.Read(p)
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() || err.(*net.OpError).Op != "read" {
		t.Errorf("after the deadline: %v", err)
	}
	s.SetReadDeadline(time.Time{})

	peer.CloseWrite()
	if n, err := s.Read(p); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := s.readReady(p); n != 0 || err != io.EOF && err != nil {
		t.Errorf("ready at the end: %d, %v", n, err)
	}
}

func TestSocketErrors(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	peer.SetLinger(0)
	peer.Close()
	_, err := s.Read(make([]byte, 4))
	if op := new(net.OpError); !errors.As(err, &op) || op.Op != "read" || op.Addr == nil {
		t.Errorf("read of a reset connection: %#v", err)
	}
	n, err := s.Write([]byte("a"))
	if op := new(net.OpError); n != 0 || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("write to a reset connection: %d, %#v", n, err)
	}

	s, _ = sockets(t)
	time.AfterFunc(20*time.Millisecond, func() { s.Close() })
	if _, err := s.Read(make([]byte, 4)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed under a reader: %v", err)
	}
	if _, err := s.Write([]byte("a")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

// TestSocketWrites: a peer that takes nothing.
func TestSocketWrites(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	much := bytes.Repeat([]byte("x"), 32<<20)
	s.SetWriteDeadline(time.Now().Add(20 * time.Second))
	at := 0
	if n, err := s.writeAtLeast(much, 10); err != nil || n < 10 || n > len(much) {
		t.Fatalf("%d, %v", n, err)
	} else {
		at = n
	}
	read := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, peer)
		read <- n
	}()
	n, err := s.Write(much[at:])
	if err != nil || at+n != len(much) {
		t.Fatalf("%d after %d, %v", n, at, err)
	}
	s.CloseWrite()
	if n := <-read; n != int64(len(much)) {
		t.Errorf("%d of %d bytes came", n, len(much))
	}

	s, _ = sockets(t)
	s.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := s.Write(much); n == 0 || n == len(much) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("with a deadline: %d, %v", n, err)
	}
}

func TestSocketStale(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		does  func(s *socket, peer *net.TCPConn)
		stale bool
	}{
		"nothing":      {func(*socket, *net.TCPConn) {}, false},
		"it sends":     {func(_ *socket, peer *net.TCPConn) { peer.Write([]byte("x")) }, true},
		"it ends":      {func(_ *socket, peer *net.TCPConn) { peer.CloseWrite() }, true},
		"it breaks":    {func(_ *socket, peer *net.TCPConn) { peer.SetLinger(0); peer.Close() }, true},
		"closed by us": {func(s *socket, _ *net.TCPConn) { s.Close() }, true},
	} {
		s, peer := sockets(t)
		if s.stale() {
			t.Errorf("%s: stale before", name)
		}
		c.does(s, peer)
		if !c.stale {
			if s.stale() {
				t.Errorf("%s: stale", name)
			}
			continue
		}
		until(t, name+": is stale", s.stale)
	}
}
