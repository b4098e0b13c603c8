package gateway

import (
	"crypto/sha256"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// table is a routing table in force. It is immutable; a change is a new table.
type table struct {
	revision uint64
	services map[string]*service
	groups   map[string]*group // names of services and groups differ
}

// service is a route made ready for use.
type service struct {
	name        string
	header      []string // the name as a header value
	token       [sha256.Size]byte
	private     bool // callers must send the token
	grpc        bool
	limits      limits
	ramp        ramp
	ready       []*endpoint
	unavailable string
	retryAfter  []string
	unserved    *tally  // of requests that reached no replica
	mirror      *mirror // nil without one
}

// board puts tables in force. Requests read its current table without a lock;
// everything else is for the link alone.
type board struct {
	current atomic.Pointer[table] // nil before the first table
	cfg     *Config
	wake    chan struct{}
	clock   func() instant // now, but for tests
	hands   hands

	mu        sync.Mutex
	endpoints map[endpointKey]*endpoint
	tallies   map[tallyKey]*tally
	shares    map[shareKey]*shares
	lanes     map[laneKey]*lane
	closing   []closing
	held      atomic.Int64 // bytes of copies not yet sent, see lane
}

type endpointKey struct{ replica, address string }

type tallyKey struct {
	service string
	version int
}

// closing is an endpoint that left the table while requests had picked it and
// not written yet. Until it is settled, before is the revision that can be
// acknowledged.
type closing struct {
	endpoint *endpoint
	before   uint64
}

func newBoard(cfg *Config) *board {
	return &board{
		cfg: cfg, wake: make(chan struct{}, 1), clock: now,
		endpoints: map[endpointKey]*endpoint{},
		tallies:   map[tallyKey]*tally{},
		shares:    map[shareKey]*shares{},
		lanes:     map[laneKey]*lane{},
	}
}

// apply puts a change in force: first the new table, then the end of what left
// it, so that a request that finds an endpoint closed finds a table without it.
func (b *board) apply(change wire.Table) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.current.Load()
	if old == nil {
		old = &table{}
	}
	next := &table{revision: change.Revision, services: map[string]*service{}}
	if !change.Full {
		maps.Copy(next.services, old.services)
	}
	for _, name := range change.Withdrawn {
		delete(next.services, name)
	}
	for _, g := range change.Groups { // of the same name, which it has taken
		delete(next.services, g.Name)
	}
	routes := make(map[string]*traffic.Route, len(change.Routes)) // the last word on each
	for i := range change.Routes {
		routes[change.Routes[i].Service] = &change.Routes[i]
	}
	for name, route := range routes {
		next.services[name] = b.service(route, old.services[name])
	}
	ended := b.regroup(old, next, &change)
	left := b.recount(old, next)
	b.current.Store(next)
	for _, split := range ended { // whoever finds it closed finds the new table
		split.Close()
	}
	for _, e := range left {
		e.close()
		b.closing = append(b.closing, closing{e, old.revision})
	}
}

func (b *board) service(route *traffic.Route, was *service) *service {
	s := &service{
		name: route.Service, header: []string{route.Service}, grpc: route.GRPC, limits: newLimits(route.Limits),
		unavailable: route.Unavailable, retryAfter: []string{strconv.Itoa(max(1, route.RetryAfter))},
		unserved: b.tally(route.Service, 0),
	}
	s.lock(route.Token)
	s.mirror = b.mirror(route, was)
	at := b.clock()
	named := map[endpointKey]bool{}
	for _, e := range route.Endpoints {
		key := endpointKey{e.Replica, e.Address}
		if named[key] {
			continue
		}
		named[key] = true
		live := b.endpoints[key]
		if live == nil {
			live = newEndpoint(route.Service, e, b.tally(route.Service, e.Version), b.cfg, at, b.wake)
			b.endpoints[key] = live
		}
		if live.closed.Load() { // it comes back
			live.joined.Store(int64(at))
		}
		if live.label.Load().version != e.Version {
			live.label.Store(newLabel(e, b.tally(route.Service, e.Version)))
		}
		s.ready = append(s.ready, live)
	}
	s.ramp = newRamp(s.ready, b.cfg.SlowStart)
	return s
}

func (b *board) tally(service string, version int) *tally {
	key := tallyKey{service, version}
	t := b.tallies[key]
	if t == nil {
		t = &tally{service: service, version: version}
		b.tallies[key] = t
	}
	return t
}

// recount counts anew which endpoints the services that differ name, opens
// those that came back, and returns those that no service names any more.
func (b *board) recount(old, next *table) (left []*endpoint) {
	for name, s := range next.services {
		if old.services[name] != s {
			for _, e := range s.ready {
				e.routes++
			}
		}
	}
	for name, s := range old.services {
		if next.services[name] != s {
			for _, e := range s.ready {
				if e.routes--; e.routes == 0 {
					left = append(left, e)
				}
			}
		}
	}
	for name, s := range next.services {
		if old.services[name] != s {
			for _, e := range s.ready {
				if e.closed.Load() {
					e.open()
				}
			}
		}
	}
	return left
}

// acknowledgeable is the highest revision of which design rule 8 holds.
func (b *board) acknowledgeable() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	current := b.current.Load()
	if current == nil {
		return 0
	}
	kept, revision := b.closing[:0], current.revision
	for _, c := range b.closing {
		if c.endpoint.settled() || !c.endpoint.closed.Load() {
			continue
		}
		if len(kept) == 0 { // they are in the order in which they left
			revision = c.before
		}
		kept = append(kept, c)
	}
	clear(b.closing[len(kept):])
	b.closing = kept
	return revision
}

// rouse has the link send a report.
func (b *board) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
