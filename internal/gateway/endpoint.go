package gateway

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/internal/traffic"
)

// endpoint is the live state of one replica at one address. It outlives the
// tables that name it: requests in hand still count after it has left them.
//
// How an acknowledgement becomes exact. A request that picks an endpoint first
// raises unwritten, then reads closed; only if that is false it goes on, and it
// lowers unwritten once its first byte is written. A table change sets closed,
// then waits for unwritten to be zero. Both sides write one and then read the
// other, in one total order, so either the request sees closed and picks
// another endpoint, or the change sees the request and waits for its byte.
type endpoint struct {
	replica string
	address string
	service string // the first that named it
	label   atomic.Pointer[label]
	wake    chan<- struct{} // tells the link that a withdrawn endpoint has come to rest
	conns   pool
	streams streams

	// Owned by the board, under its lock.
	routes   int // that name it
	reported reported

	_         [64]byte // what follows is written by every request
	inFlight  atomic.Int64
	unwritten atomic.Int64
	joined    atomic.Int64 // instant at which it came, or came back, to the table
	idle      atomic.Int64 // instant of the last end of a request
	picked    atomic.Int64 // instant at which a request was last handed over; 0 for never
	due       atomic.Int64 // instant at which its bucket is full again (limits.go)
	shunned   atomic.Int64 // instant until which others go first, after a failure to connect
	closed    atomic.Bool  // it has left the table
	dials     atomic.Pointer[dialScope]
	_         [64]byte
}

// label is what the replica counts as. It may change while it serves: a live
// update gives its version another number and replaces nothing (design rule 5).
// Header values are made once; they are shared and not changed.
type label struct {
	version int
	tally   *tally
	headers struct{ version, replica []string }
}

func newLabel(e traffic.Endpoint, t *tally) *label {
	l := &label{version: e.Version, tally: t}
	l.headers.version, l.headers.replica = []string{strconv.Itoa(e.Version)}, []string{e.Replica}
	return l
}

// dialScope ends the connection attempts of an endpoint that leaves the table,
// so that no acknowledgement waits for a dial.
type dialScope struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func newEndpoint(service string, e traffic.Endpoint, t *tally, cfg *Config, joined instant, wake chan<- struct{}) *endpoint {
	p := &endpoint{
		replica: e.Replica, address: e.Address, service: service, wake: wake,
	}
	p.label.Store(newLabel(e, t))
	p.conns.limit = cfg.UpstreamIdle
	p.idle.Store(int64(now()))
	p.joined.Store(int64(joined))
	p.open()
	return p
}

// open lets requests pick it, at first and when it comes back to the table.
func (e *endpoint) open() {
	ctx, cancel := context.WithCancel(context.Background())
	e.dials.Store(&dialScope{ctx, cancel})
	e.conns.open()
	e.closed.Store(false)
}

// close takes it out of use: no new request, no idle connection. The table
// without it must be in force already.
func (e *endpoint) close() {
	e.closed.Store(true)
	e.dials.Load().cancel()
	e.conns.close()
	e.streams.closeIdle()
}

// settled tells that no request is between picking e and its first byte.
func (e *endpoint) settled() bool { return e.unwritten.Load() == 0 }

// begin counts a request that picked e, unless e has left the table or is at a
// limit.
func (e *endpoint) begin(l *limits, at instant) verdict {
	if !e.take(l, at) {
		return spent
	}
	if !e.enter(l.queue) {
		e.giveBack(l)
		return full
	}
	e.unwritten.Add(1)
	if !e.closed.Load() {
		return begun
	}
	e.giveBack(l)
	e.abandon()
	return left
}

// handed says that the first byte of a request is written.
func (e *endpoint) handed() {
	e.picked.Store(int64(now()))
	e.written()
}

// abandon says that a request that began will not be sent to e.
func (e *endpoint) abandon() {
	e.written()
	e.end()
}

func (e *endpoint) written() {
	if e.unwritten.Add(-1) == 0 && e.closed.Load() {
		e.rouse()
	}
}

// end says that a request is over.
func (e *endpoint) end() {
	// Before the count falls: who sees zero must not see an older instant.
	e.idle.Store(int64(now()))
	if e.inFlight.Add(-1) == 0 && e.closed.Load() {
		e.streams.closeIdle()
		e.rouse()
	}
}

func (e *endpoint) rouse() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// shunFor is how long an endpoint that could not be connected to stands behind
// the others.
const shunFor = 200 * time.Millisecond

func (e *endpoint) shun() { e.shunned.Store(int64(now()) + int64(shunFor)) }

// burden orders endpoints: the lower goes first.
func (e *endpoint) burden() int64 {
	n := e.inFlight.Load()
	if until := e.shunned.Load(); until != 0 && until > int64(now()) {
		n += shunnedRung
	}
	return n
}
