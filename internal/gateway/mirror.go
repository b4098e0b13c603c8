package gateway

import (
	"io"
	"net/http"
	"slices"
	"sync/atomic"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// mirrorHeader names, in a copy, the service whose request it is a copy of. A
// request that has it is never copied.
const mirrorHeader = "X-Sluice-Mirror"

// Bounds of what mirrors may cost a gateway.
const (
	mirrorBody    = 1 << 20  // bytes of a body; a larger one is not copied
	mirrorHeld    = 16 << 20 // bytes of all copies that are not sent yet
	mirrorQueue   = 1024     // copies of one lane that wait to be sent
	mirrorWorkers = 64       // copies of one lane that are under way
)

// mirror has a share of a service's requests copied. It goes on over tables
// while the share stays.
type mirror struct {
	of    traffic.Mirror
	turns *traffic.Turns // of the target, which is 0, and perhaps of none
	lane  *lane
}

// mirror makes a route's mirror ready for use, nil for none.
func (b *board) mirror(route *traffic.Route, was *service) *mirror {
	of := route.Mirror
	if of == nil || of.Percent <= 0 {
		return nil
	}
	if was != nil && was.mirror != nil && was.mirror.of == *of {
		return was.mirror
	}
	// A tilde is in no service's name, and sorts behind all of them.
	shares := []traffic.Member{{Service: of.Service, Weight: min(of.Percent, 100)}, {Service: "~", Weight: max(0, 100-of.Percent)}}
	turns := traffic.NewSplit(shares).Among(func(string) bool { return true })
	return &mirror{of: *of, turns: turns, lane: b.lane(route.Service, of.Service)}
}

// drawn tells that it is a request's turn to be copied.
func (m *mirror) drawn(r *http.Request) bool {
	if r.Header[mirrorHeader] != nil {
		return false
	}
	turn, _ := m.turns.Next()
	return turn == 0
}

// lane is the way of copies from one service to another. It lives as long as the
// process, so that its counts only grow.
type lane struct {
	source  string
	board   *board
	queue   chan *duplicate
	workers atomic.Int64

	skipped, dropped, failed atomic.Uint64
	copies                   tally // of the target

	said uint64 // sum of all counts when last reported; owned by the board
}

type laneKey struct{ source, target string }

func (b *board) lane(source, target string) *lane {
	key := laneKey{source, target}
	l := b.lanes[key]
	if l == nil {
		l = &lane{source: source, board: b, queue: make(chan *duplicate, mirrorQueue), copies: tally{service: target}}
		b.lanes[key] = l
	}
	return l
}

func (l *lane) snapshot() (w wire.Mirror, sum uint64) {
	w = wire.Mirror{Source: l.source, Skipped: l.skipped.Load(), Dropped: l.dropped.Load(), Failed: l.failed.Load()}
	w.Copies, sum = l.copies.snapshot()
	return w, sum + w.Skipped + w.Dropped + w.Failed
}

// duplicate is the copy of one request. It stands in for the request's body and
// keeps what is read of it, until it is whole; then it is sent.
type duplicate struct {
	io.ReadCloser // the caller's body
	lane          *lane
	method        string
	bytes         []byte // head and body as they go to the replica
	size          int    // of bytes, once whole; counted in board.held until sent
	left          bool   // with the lane, or given up
}

// mirror has a copy made of the request, if it is its turn. The head is made,
// and nothing of the body is read.
func (x *exchange) mirror() {
	m, r := x.service.mirror, x.request
	if !m.drawn(r) {
		return
	}
	if x.upgrade != "" || x.body == bodyChunked || r.ContentLength > mirrorBody {
		m.lane.skipped.Add(1)
		return
	}
	body := int(max(r.ContentLength, 0))
	room := x.headSize + len(mirrorHeader) + len(x.service.name) + len(": \r\n")
	if l := m.lane; l.board.held.Add(int64(room+body)) > mirrorHeld {
		l.board.held.Add(-int64(room + body))
		l.dropped.Add(1)
		return
	}
	head := make([]byte, 0, room)
	head = append(head, x.head[:x.headSize-len("\r\n")]...)
	head = appendField(head, mirrorHeader, x.service.name)
	head = append(head, "\r\n"...)
	x.copied = &duplicate{ReadCloser: r.Body, lane: m.lane, method: r.Method, bytes: head, size: room + body}
	if body == 0 {
		x.copied.hand()
	} else {
		r.Body = x.copied
	}
}

// skipMirror counts a request that cannot be copied: what a stream carries is
// not known before its end.
func (x *exchange) skipMirror() {
	if m := x.service.mirror; m != nil && m.drawn(x.request) {
		m.lane.skipped.Add(1)
	}
}

func (d *duplicate) Read(p []byte) (n int, err error) {
	n, err = d.ReadCloser.Read(p)
	if n > 0 && !d.left {
		if cap(d.bytes) < d.size {
			d.bytes = slices.Grow(d.bytes, d.size-len(d.bytes))
		}
		d.bytes = append(d.bytes, p[:n]...)
		if len(d.bytes) == d.size {
			d.hand()
		}
	}
	return n, err
}

// end gives up a copy whose body has not come whole. Nothing reads the body any
// more.
func (d *duplicate) end() {
	if d != nil && !d.left {
		d.left = true
		d.release()
		d.lane.skipped.Add(1)
	}
}

// release forgets the bytes of a copy that will not be sent, or has been.
func (d *duplicate) release() {
	d.lane.board.held.Add(-int64(d.size))
	d.bytes, d.size = nil, 0
}

// hand gives the copy to its lane, which is never waited for.
func (d *duplicate) hand() {
	d.left = true
	l, sent := d.lane, &duplicate{lane: d.lane, method: d.method, bytes: d.bytes, size: d.size}
	d.bytes = nil
	select {
	case l.queue <- sent:
		l.hire()
	default:
		sent.release()
		l.dropped.Add(1)
	}
}

// hire starts one more worker, unless there are enough.
func (l *lane) hire() {
	for {
		n := l.workers.Load()
		if n >= mirrorWorkers {
			return
		}
		if l.workers.CompareAndSwap(n, n+1) {
			go l.work()
			return
		}
	}
}

// work sends copies until none waits.
func (l *lane) work() {
	for {
		select {
		case d := <-l.queue:
			l.send(d)
			continue
		default:
		}
		l.workers.Add(-1)
		if len(l.queue) > 0 { // it came when there seemed to be workers enough
			l.hire()
		}
		return
	}
}
