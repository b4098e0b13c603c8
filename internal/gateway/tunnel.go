package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// tunnel joins caller and replica after the replica has agreed to another
// protocol, until both directions have ended. A direction that ends is closed
// alone: the other may have more to say.
func (x *exchange) tunnel(c *upstream) error {
	hijacker, ok := x.writer.(http.Hijacker)
	if !ok {
		return errCaller
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		return errCaller
	}
	conn = unbound(conn)
	defer conn.Close()
	x.hijacked, x.answered = true, true
	x.endpoint.label.Load().tally.answered(http.StatusSwitchingProtocols, x.start)
	ends := x.gateway.tunnels.add(conn, c)
	defer x.gateway.tunnels.remove(ends)
	if _, err := conn.Write(x.switching()); err != nil {
		return errCaller
	}

	var up sync.WaitGroup
	var upErr error
	up.Go(func() {
		if upErr = pour(c.TCPConn, buffered.Reader, conn); upErr != nil {
			c.Close()
			conn.Close()
		}
	})
	err = pour(conn, c.in, c.TCPConn)
	if err != nil {
		c.Close()
		conn.Close()
	}
	up.Wait()
	if err == nil && upErr != nil {
		return errCaller
	}
	return err
}

// switching is the head of the answer that ends HTTP on the caller's connection.
func (x *exchange) switching() []byte {
	h := http.Header{}
	x.answer.copyHeader(h)
	x.mark(h)
	b := append(x.scratch[:0], "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"...)
	b = appendField(b, "Upgrade", x.answer.upgrade)
	for key, values := range h {
		for _, value := range values {
			b = appendField(b, key, value)
		}
	}
	x.scratch = append(b, "\r\n"...)
	return x.scratch
}

// pour copies from src, of which some may lie in buffered already, and passes
// on its end. The kernel copies by itself where it can.
func pour(dst net.Conn, buffered *bufio.Reader, src net.Conn) error {
	if n := buffered.Buffered(); n > 0 {
		if _, err := io.CopyN(dst, buffered, int64(n)); err != nil {
			return err
		}
	}
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.ErrClosedPipe // it has no half to close
}

// tunnels knows the open tunnels, which net/http lets go of.
type tunnels struct {
	mu    sync.Mutex
	open  map[*tunnelEnds]struct{}
	empty chan struct{} // made by end, closed when the last is gone
}

type tunnelEnds struct{ caller, replica net.Conn }

func (t *tunnels) add(caller, replica net.Conn) *tunnelEnds {
	ends := &tunnelEnds{caller, replica}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[*tunnelEnds]struct{}{}
	}
	t.open[ends] = struct{}{}
	return ends
}

func (t *tunnels) remove(ends *tunnelEnds) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, ends)
	if len(t.open) == 0 && t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
}

func (t *tunnels) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// end waits until no tunnel is open; when ctx is done first it cuts those that
// are left and returns their number.
func (t *tunnels) end(ctx context.Context) (cut int) {
	t.mu.Lock()
	if len(t.open) == 0 {
		t.mu.Unlock()
		return 0
	}
	empty := make(chan struct{})
	t.empty = empty
	t.mu.Unlock()
	select {
	case <-empty:
		return 0
	case <-ctx.Done():
	}
	t.mu.Lock()
	cut = len(t.open)
	for ends := range t.open {
		ends.caller.Close()
		ends.replica.Close()
	}
	t.mu.Unlock()
	if cut > 0 {
		<-empty
	}
	return cut
}
