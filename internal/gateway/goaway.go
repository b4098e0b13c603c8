package gateway

import (
	"encoding/binary"
	"sync"
	"time"
)

// A caller of HTTP/2 is asked in two steps to leave, as RFC 9113, 6.8 advises:
// first by a GOAWAY that rules nothing out, so that it opens no more streams here
// while those on their way are served; later by one that names the last stream.
// net/http knows the second step only, which refuses what is on its way: a
// caller may repeat that, but not every library does so for a request with a
// body. So the first step is written from here, between two frames of net/http,
// where the connection is not encrypted. Over TLS there is the second step alone.

// lastGoAway is how long after the first step the second follows, for a caller
// that still asks.
const lastGoAway = 5 * time.Second

// goAway is a GOAWAY of stream 2^31-1 and no error.
var goAway = []byte{0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// framing follows what is written to one connection, so that a frame can be put
// in between. It is for the holder of its lock.
type framing struct {
	mu     sync.Mutex
	http2  bool
	begun  bool
	header [9]byte
	got    int  // bytes of the header of the frame that is being written
	left   int  // bytes of its payload to come
	split  bool // a header block is not complete: only its continuation may follow
	owed   bool // a GOAWAY is to be written at the next boundary
}

const (
	frameHeaders      = 1
	framePushPromise  = 5
	frameContinuation = 9
	flagEndHeaders    = 4
)

// begin tells by its first byte whether a connection speaks cleartext HTTP/2: the
// server's first frame is short, an answer of HTTP/1 begins with H, TLS with 22.
func (f *framing) begin(p []byte) (http2 bool) {
	f.begun = true
	f.http2 = p[0] == 0
	return f.http2
}

func (f *framing) boundary() bool { return f.begun && f.got == 0 && f.left == 0 && !f.split }

// follow takes in what was written.
func (f *framing) follow(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left, p = f.left-n, p[n:]
			continue
		}
		n := copy(f.header[f.got:], p)
		f.got, p = f.got+n, p[n:]
		if f.got < len(f.header) {
			return
		}
		f.got = 0
		f.left = int(binary.BigEndian.Uint32(f.header[:4]) >> 8)
		switch f.header[3] {
		case frameHeaders, framePushPromise, frameContinuation:
			f.split = f.header[4]&flagEndHeaders == 0
		}
	}
}

// leavers are the connections that can be asked to leave in two steps.
type leavers struct {
	mu   sync.Mutex
	open map[*callerConn]struct{}
	over bool
}

func (l *leavers) add(c *callerConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*callerConn]struct{}{}
	}
	l.open[c] = struct{}{}
	c.frames.owed = l.over // it began to speak HTTP/2 after all were asked
}

func (l *leavers) remove(c *callerConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// ask asks all to leave, also those that begin later. One whose caller reads
// nothing may not hold up the others.
func (l *leavers) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for c := range l.open {
		go func() {
			c.frames.mu.Lock()
			defer c.frames.mu.Unlock()
			c.frames.owed = true
			c.leave()
		}()
	}
}

// leave writes the GOAWAY that is owed if it may be written here. The frames'
// lock must be held.
func (c *callerConn) leave() {
	if c.frames.owed && c.frames.boundary() {
		c.frames.owed = false
		c.write(goAway)
	}
}

// Write is write, and follows the frames of HTTP/2.
func (c *callerConn) Write(p []byte) (int, error) {
	f := &c.frames
	if f.begun && !f.http2 || len(p) == 0 { // only net/http's writer sets either
		return c.write(p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun && f.begin(p) {
		c.leavers.add(c)
	}
	n, err := c.write(p)
	if err == nil && f.http2 {
		f.follow(p)
		c.leave()
	}
	return n, err
}

func (c *callerConn) Close() error {
	c.leavers.remove(c)
	return c.TCPConn.Close()
}
