package gateway

import (
	"context"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// callers accepts callers' connections.
type callers struct {
	net.Listener
	wait    time.Duration
	leavers *leavers
}

func (l callers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s, err := newSocket(conn.(*net.TCPConn))
	if err != nil { // it is closed already, which its first read will say
		return conn, nil
	}
	return &callerConn{socket: s, wait: l.wait, leavers: l.leavers}, nil
}

// callerConn is a connection on which a write ends with an error when the caller
// takes none of it for wait: else one that stops reading would hold its request,
// and a place at the replica, for ever. It says nothing about the time between
// writes, so that a stream may be silent as long as it likes.
type callerConn struct {
	*socket
	wait  time.Duration
	armed atomic.Int64 // instant at which the deadline was last set; far ahead when it is not ours
	ready atomic.Bool  // reads do not wait

	leavers *leavers
	frames  framing
}

// Read returns 0 and nil where ready is set and nothing is there. Reads of one
// byte always wait: with such a one, beside all others, net/http watches for the
// caller's leaving, from the moment at which a read of the body finds its end.
func (c *callerConn) Read(p []byte) (int, error) {
	if len(p) > 1 && c.ready.Load() {
		return c.readReady(p)
	}
	return c.socket.Read(p)
}

// callerKey is where the context of a request has its callerConn, if that is
// what net/http reads from: not with TLS.
type callerKey struct{}

func withCaller(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*callerConn); ok {
		return context.WithValue(ctx, callerKey{}, c)
	}
	return ctx
}

const notOurs = math.MaxInt64

func (c *callerConn) write(p []byte) (int, error) {
	// Moving the deadline costs more than looking at the time: a quarter of wait
	// is the price.
	if at, was := now(), c.armed.Load(); was != notOurs && (was == 0 || at-instant(was) > instant(c.wait/4)) {
		c.armed.Store(int64(at))
		if err := c.TCPConn.SetWriteDeadline(at.plus(c.wait)); err != nil {
			return 0, err
		}
	}
	return c.socket.Write(p)
}

// SetWriteDeadline is for those who know better, such as the end of TLS.
func (c *callerConn) SetWriteDeadline(t time.Time) error {
	c.own(t)
	return c.TCPConn.SetWriteDeadline(t)
}

func (c *callerConn) SetDeadline(t time.Time) error {
	c.own(t)
	return c.TCPConn.SetDeadline(t)
}

func (c *callerConn) own(t time.Time) {
	if t.IsZero() {
		c.armed.Store(0)
	} else {
		c.armed.Store(notOurs)
	}
}

// unbound is a hijacked connection without limits: what a tunnel carries, and
// how fast, is for its ends to say.
func unbound(conn net.Conn) net.Conn {
	bare := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		bare = t.NetConn()
	}
	c, ok := bare.(*callerConn)
	if !ok {
		return conn
	}
	c.armed.Store(notOurs)
	c.TCPConn.SetDeadline(time.Time{})
	if bare == conn {
		return c.TCPConn // so that the kernel can copy by itself
	}
	return conn
}

// arm and disarm bound one write of an HTTP/2 answer. There a caller that does
// not read stops its own stream only, by flow control, and the connection's
// writes go on. A deadline that passes ends such a stream even when nothing is
// being written, so none may be left standing while the replica is silent.
func (x *exchange) arm() { x.bound(now().plus(x.gateway.cfg.WriteWait)) }

func (x *exchange) disarm() { x.bound(time.Time{}) }

func (x *exchange) bound(t time.Time) {
	if x.request.ProtoMajor != 2 {
		return
	}
	if w, ok := x.writer.(interface{ SetWriteDeadline(time.Time) error }); ok {
		w.SetWriteDeadline(t)
	}
}

// reading is what the caller's body is read under.
type reading = int32

const (
	readingBound   reading = iota // each byte must come within Config.BodyWait
	readingFree                   // the answer has begun: it is a stream, whose caller may pause
	readingBroken                 // no more is wanted
	readingThrough                // it has come to its end
)

// bindRead sets the deadline for the next read of the body. The answer may begin
// and the upload may be broken off at the same time: whoever changes reading
// sets its own deadline afterwards, and this looks once more, so that the last
// deadline set is that of the last change.
func (x *exchange) bindRead(free bool) (nowFree bool) {
	for {
		is := x.reading.Load()
		switch is {
		case readingBound:
			setReadDeadline(x.writer, now().plus(x.gateway.cfg.BodyWait))
		case readingFree:
			if !free {
				setReadDeadline(x.writer, time.Time{})
			}
		case readingBroken:
			setReadDeadline(x.writer, time.Now())
		}
		if x.reading.Load() == is {
			return is == readingFree
		}
		free = false
	}
}

// freeRead lets the caller take its time from now on.
func (x *exchange) freeRead(was, is reading) {
	if x.reading.CompareAndSwap(was, is) {
		setReadDeadline(x.writer, time.Time{})
	}
}

func setReadDeadline(w http.ResponseWriter, t time.Time) {
	if w, ok := w.(interface{ SetReadDeadline(time.Time) error }); ok {
		w.SetReadDeadline(t)
	}
}
