// Package hub is the control plane's end of the gateway protocol (package
// wire): it keeps the routing table, sends it to every gateway, and knows which
// revision each has acknowledged and what each has in hand. The controller
// drives it and is told of news through Config.OnChange; it decides nothing
// about replicas.
//
// The contract that draining rests on (design rules 8 to 10): after Publish or
// Withdraw returned revision r, and once Acked() >= r, no gateway that counts
// will pick a request for an endpoint that left the table, and what Drain says
// of that endpoint's replica can only fall from then on. A gateway counts while
// its lease runs: ten seconds since it was last heard, or since this hub began
// for one that is recorded and has yet to come back.
package hub

import (
	"cmp"
	"container/list"
	"context"
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

// DefaultLease is how long a gateway counts after it was last heard (rule 8).
const DefaultLease = 10 * time.Second

// Config is what a hub needs. Callbacks must not block; they are called without
// a lock held and may call the hub, all but its Close.
type Config struct {
	Socket string          // path of the unix socket; its folder must exist and should be 0700
	Epoch  uint64          // of this start of the control plane, at least 1 and below 2^32 (store.NextEpoch)
	Known  []store.Gateway // recorded gateways; each has a full lease from now to come back
	Lease  time.Duration   // 0 is DefaultLease

	// OnChange tells that an answer of Acked, Settled, Drain or InFlight may
	// have changed for these services and groups; nil means for all.
	OnChange func(services []string)
	// OnGateway tells of a gateway that connected, so that it can be recorded.
	OnGateway func(store.Gateway)
	// OnGone tells that a gateway said goodbye, was dropped, or let its lease
	// run out; its record can go.
	OnGone func(id string)

	Log *slog.Logger // nil is slog.Default()
}

// Hub serves gateways. Its methods may be called from any goroutine.
type Hub struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	sessions sync.WaitGroup
	started  time.Time

	mu       sync.Mutex
	open     bool
	closed   bool
	revision uint64
	entries  map[string]*list.Element // by name; each holds an *entry
	order    *list.List               // of *entry, ascending revision
	peers    map[string]*peer         // those that count, by id
	conns    map[net.Conn]struct{}    // open connections, before and after their Hello
	lapsed   map[string]*peer         // by id: those whose lease ran out, for their counts
	retired  counted                  // by processes that are gone
	changed  chan struct{}            // closed and replaced on every change
	mark     uint64                   // counts reports that counted something
	counted  map[string]uint64        // by service: the last of them that counted something of it
	before   map[tallyKey]*Total      // what gateways had counted when they were first heard
}

// entry is the newest word on one name, of a service or of a group.
type entry struct {
	name      string
	route     traffic.Route
	group     *traffic.Group // nil for a service
	withdrawn bool
	revision  uint64
}

// New listens and begins to accept gateways. Nothing is sent to them before
// Open.
func New(cfg Config) (*Hub, error) {
	h := newHub(cfg)
	l, err := listen(cfg.Socket)
	if err != nil {
		h.Close()
		return nil, err
	}
	h.listener = l
	h.sessions.Go(h.accept)
	return h, nil
}

func newHub(cfg Config) *Hub {
	cfg.Lease = cmp.Or(cfg.Lease, DefaultLease)
	if cfg.OnChange == nil {
		cfg.OnChange = func([]string) {}
	}
	if cfg.OnGateway == nil {
		cfg.OnGateway = func(store.Gateway) {}
	}
	if cfg.OnGone == nil {
		cfg.OnGone = func(string) {}
	}
	h := &Hub{
		cfg: cfg, log: cmp.Or(cfg.Log, slog.Default()), started: time.Now(),
		revision: cfg.Epoch << 32,
		entries:  map[string]*list.Element{},
		order:    list.New(),
		peers:    map[string]*peer{},
		conns:    map[net.Conn]struct{}{},
		lapsed:   map[string]*peer{},
		retired:  newCounted(),
		changed:  make(chan struct{}),
		counted:  map[string]uint64{},
		before:   map[tallyKey]*Total{},
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, record := range cfg.Known {
		h.peers[record.ID] = h.newPeer(record)
	}
	return h
}

// Open lets tables out. The controller calls it after it has published every
// service for the first time, so that a control plane that has just started
// never empties the table of a gateway that serves.
func (h *Hub) Open() {
	h.mu.Lock()
	h.open = true
	h.wakeAll()
	h.mu.Unlock()
}

// Publish puts a route in force and returns the first revision that holds it.
// Publishing what is already in force changes nothing.
func (h *Hub) Publish(route traffic.Route) (revision uint64) {
	route.Endpoints = slices.Clone(route.Endpoints)
	slices.SortFunc(route.Endpoints, func(a, b traffic.Endpoint) int {
		return cmp.Or(strings.Compare(a.Replica, b.Replica), strings.Compare(a.Address, b.Address))
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.entries[route.Service]; at != nil {
		if e := at.Value.(*entry); !e.withdrawn && e.group == nil && sameRoute(e.route, route) {
			return e.revision
		}
	}
	return h.put(&entry{name: route.Service, route: route})
}

// Withdraw ends a service's address and returns the first revision without it.
func (h *Hub) Withdraw(service string) (revision uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.entries[service]
	if at == nil { // any table of this epoch is without it
		return h.cfg.Epoch << 32
	}
	if e := at.Value.(*entry); e.withdrawn || e.group != nil {
		return e.revision
	}
	return h.put(&entry{name: service, withdrawn: true})
}

func (h *Hub) put(e *entry) uint64 {
	h.revision++
	e.revision = h.revision
	if at := h.entries[e.name]; at != nil {
		h.order.Remove(at)
	}
	h.entries[e.name] = h.order.PushBack(e)
	h.forgetWithdrawn()
	h.wakeAll()
	return h.revision
}

func sameRoute(a, b traffic.Route) bool {
	return a.Token == b.Token && a.GRPC == b.GRPC && a.Limits == b.Limits && a.Unavailable == b.Unavailable &&
		a.RetryAfter == b.RetryAfter && slices.Equal(a.Endpoints, b.Endpoints) && sameMirror(a.Mirror, b.Mirror)
}

func sameMirror(a, b *traffic.Mirror) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// forgetWithdrawn lets go of withdrawn services that every connected gateway
// has been told of; one that connects later gets a table without them.
func (h *Hub) forgetWithdrawn() {
	told := uint64(math.MaxUint64)
	for _, p := range h.peers {
		if p.conn != nil {
			told = min(told, p.sent)
		}
	}
	for at := h.order.Front(); at != nil; {
		e, next := at.Value.(*entry), at.Next()
		if e.revision > told || e.revision == h.revision {
			return
		}
		if e.withdrawn {
			delete(h.entries, e.name)
			h.order.Remove(at)
		}
		at = next
	}
}

// Acked is the lowest revision that the gateways that count have acknowledged,
// math.MaxUint64 when there is none, and 0 while one of them has acknowledged
// nothing in this epoch.
func (h *Hub) Acked() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ackedLocked()
}

func (h *Hub) ackedLocked() uint64 {
	lowest := uint64(math.MaxUint64)
	for _, p := range h.peers {
		lowest = min(lowest, p.acked)
	}
	return lowest
}

// WaitAcked returns when Acked() has reached the revision, or with the error of
// ctx.
func (h *Hub) WaitAcked(ctx context.Context, revision uint64) error {
	for {
		h.mu.Lock()
		reached, changed := h.ackedLocked() >= revision, h.changed
		h.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Settled tells that every gateway known at the start has come back, or will
// not be waited for any longer.
func (h *Hub) Settled() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.peers {
		if !p.reported {
			return false
		}
	}
	return true
}

// Close ends all connections; gateways go on with the table they have.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.closed = true
	for conn := range h.conns {
		conn.Close()
	}
	for _, p := range h.peers {
		p.lease.Stop()
	}
	h.mu.Unlock()
	if h.listener != nil {
		h.listener.Close()
	}
	h.sessions.Wait()
	return nil
}

// notify wakes WaitAcked and tells the controller. The lock must not be held.
func (h *Hub) notify(services []string) {
	h.mu.Lock()
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	h.cfg.OnChange(services)
}

func (h *Hub) wakeAll() {
	for _, p := range h.peers {
		p.wakeUp()
	}
}

// Revision is that of the newest routing table.
func (h *Hub) Revision() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.revision
}
