package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// mirrorWait is how long a copy may take, answer and all.
const mirrorWait = 30 * time.Second

// send gives a copy to a replica of the lane's target as it is now, and throws
// the answer away. The copy counts as in hand there like any request; but it
// holds up nothing: when the replica leaves the table, it is cut.
func (l *lane) send(d *duplicate) {
	defer d.release()
	start := now()
	s := l.board.current.Load().services[l.copies.service]
	if s != nil && s.grpc { // it speaks HTTP/2 alone
		l.skipped.Add(1)
		return
	}
	var tried []*endpoint
	for s != nil {
		e, _ := s.pick(tried, start)
		if e == nil {
			if newer := l.board.current.Load().services[s.name]; newer != s {
				s = newer
				continue
			}
			break
		}
		c, rest, err := l.begin(e, d)
		if c != nil {
			l.converse(c, e, d, rest, err, start)
			return
		}
		if !errors.Is(err, errLeft) {
			tried = append(tried, e)
		}
	}
	l.failed.Add(1)
}

// begin writes the first bytes of a copy. Without a connection none was taken,
// and the endpoint has been let go of.
func (l *lane) begin(e *endpoint, d *duplicate) (c *upstream, rest []byte, err error) {
	c, err = e.connect(context.Background(), l.board.cfg.DialWait)
	if err != nil {
		e.abandon()
		return nil, nil, err
	}
	if e.closed.Load() {
		c.Close()
		e.abandon()
		return nil, nil, errLeft
	}
	c.SetDeadline(time.Now().Add(mirrorWait))
	n, err := c.writeAtLeast(d.bytes, 1)
	if err != nil && n == 0 {
		c.Close()
		e.abandon()
		return nil, nil, err
	}
	e.handed()
	return c, d.bytes[n:], err
}

// converse sends what is left of the copy and reads the answer to its end.
func (l *lane) converse(c *upstream, e *endpoint, d *duplicate, rest []byte, err error, start instant) {
	defer e.end()
	scope := e.dials.Load().ctx // ends when the replica leaves the table
	stayed := context.AfterFunc(scope, c.abort)
	if len(rest) > 0 && err == nil {
		_, err = c.Write(rest)
	}
	refused := err != nil // it may have answered all the same
	d.release()
	var x exchange // for its reading of answers
	for interim := 0; ; interim++ {
		x.scratch, err = c.readAnswer(&x.answer, x.scratch)
		if err != nil || x.answer.status >= 200 {
			break
		}
		if x.answer.status == http.StatusSwitchingProtocols || interim == 20 {
			err = errors.New("no answer but interim ones")
			break
		}
	}
	keep := false
	switch {
	case err != nil && scope.Err() != nil:
		l.copies.canceled.Add(1)
	case err != nil:
		l.copies.lost.Add(1)
	default:
		l.copies.answered(x.answer.status, start)
		if keep, err = x.discard(c, d.method); err != nil {
			l.copies.cut.Add(1)
		}
	}
	if stayed() && keep && !refused && c.SetDeadline(time.Time{}) == nil {
		c.reused, c.keepAlive = true, x.answer.server
		e.conns.put(c)
	} else {
		c.Close()
	}
}

// discard reads an answer's body. keep tells that the connection can carry
// another request.
func (x *exchange) discard(c *upstream, method string) (keep bool, err error) {
	a := &x.answer
	if !a.bodiless(method) && a.length != 0 {
		buffer := buffers.Get().(*[32 << 10]byte)
		defer buffers.Put(buffer)
		x.chunks = chunks{in: c.in}
		for left := a.length; err == nil; {
			_, err = x.readBody(buffer[:], &left)
		}
		if err != io.EOF {
			return false, err
		}
		if a.chunked {
			if x.scratch, err = c.readLines(x.scratch[:0]); err != nil {
				return false, err
			}
		} else if a.length < 0 {
			return false, nil
		}
	}
	return !a.close && c.in.Buffered() == 0, nil
}
