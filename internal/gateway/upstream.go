package gateway

import (
	"bufio"
	"context"
	"errors"
	"net"
	"time"
)

// upstream is a connection to a replica that speaks HTTP/1.1, used for one
// request at a time.
type upstream struct {
	*socket
	in        *bufio.Reader
	reused    bool          // it has carried a request before
	expires   instant       // while idle
	keepAlive time.Duration // how long the server says it keeps it, less a margin; 0 when it does not say

	abort func() // closes it; made once, because each request needs it
}

// connect returns an idle connection or a new one. An error means that nothing
// was sent.
func (e *endpoint) connect(ctx context.Context, timeout time.Duration) (*upstream, error) {
	if c := e.conns.get(); c != nil {
		return c, nil
	}
	conn, err := e.dial(ctx, timeout)
	if err != nil {
		return nil, err
	}
	return newUpstream(conn.(*net.TCPConn))
}

// errLeft says that the replica was taken out of the table; it need not have
// done anything wrong.
var errLeft = errors.New("the replica left the routing table")

// dial makes a connection. The attempt ends with the caller, and when e leaves
// the table.
func (e *endpoint) dial(ctx context.Context, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	scope := e.dials.Load().ctx
	defer context.AfterFunc(scope, cancel)()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", e.address)
	if err != nil && scope.Err() != nil {
		return nil, errLeft
	}
	return conn, err
}

func newUpstream(conn *net.TCPConn) (*upstream, error) {
	s, err := newSocket(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &upstream{socket: s, in: bufio.NewReaderSize(s, 4<<10)}
	c.abort = func() { c.Close() }
	return c, nil
}
