package hub

import (
	"cmp"
	"net"
	"slices"
	"time"

	"sluice.dev/sluice/internal/store"
)

// peer is a gateway that counts: connected, or with a lease that still runs.
type peer struct {
	record    store.Gateway
	conn      net.Conn  // nil while it is not connected
	sent      uint64    // the revision last sent over conn
	acked     uint64    // in this epoch; 0 for none
	state     string    // as it reported last, see wire.Report
	reported  bool      // it has said, to this hub, all it has in hand
	begun     bool      // what it had counted when it was first heard is in Hub.before
	since     time.Time // of that report
	heard     time.Time
	lease     *time.Timer
	wake      chan struct{}     // of conn
	loads     map[string][]load // by replica
	said      said              // what it has counted
	groups    bool              // it knows groups and mirrors
	nextPrune time.Time
}

// newPeer begins a lease. The lock must be held.
func (h *Hub) newPeer(record store.Gateway) *peer {
	p := &peer{
		record: record, heard: time.Now(),
		loads: map[string][]load{},
		said:  newSaid(),
	}
	p.lease = time.AfterFunc(h.cfg.Lease, func() { h.expire(p) })
	return p
}

func (p *peer) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default: // woken already, or not connected
	}
}

func sameProcess(a, b store.Gateway) bool { return a.Pid == b.Pid && a.StartTime == b.StartTime }

// hear renews the lease. The lock must be held.
func (h *Hub) hear(p *peer) {
	p.heard = time.Now()
	p.lease.Reset(h.cfg.Lease)
}

// expire ends a lease that has run out.
func (h *Hub) expire(p *peer) {
	h.mu.Lock()
	if h.closed || h.peers[p.record.ID] != p {
		h.mu.Unlock()
		return
	}
	// The timer may have fired just before a message renewed the lease.
	if left := h.cfg.Lease - time.Since(p.heard); left > 0 {
		p.lease.Reset(left)
		h.mu.Unlock()
		return
	}
	h.remove(p)
	h.lapsed[p.record.ID] = p
	h.mu.Unlock()
	h.log.Warn("a gateway was not heard from for the length of its lease; it is not waited for any longer",
		"gateway", p.record.ID, "pid", p.record.Pid, "lease", h.cfg.Lease)
	h.gone(p)
}

// Drop says that a gateway's process is known to be gone: nothing waits for it
// any longer.
func (h *Hub) Drop(id string) {
	h.mu.Lock()
	p := h.peers[id]
	if p != nil {
		h.remove(p)
		h.retire(p)
	}
	h.mu.Unlock()
	if p != nil {
		h.gone(p)
	}
}

// remove takes p out of all counts. The lock must be held.
func (h *Hub) remove(p *peer) {
	delete(h.peers, p.record.ID)
	p.lease.Stop()
	if p.conn != nil {
		p.conn.Close()
	}
}

func (h *Hub) gone(p *peer) {
	h.cfg.OnGone(p.record.ID)
	h.notify(nil)
}

// Info is a gateway as shown to people.
type Info struct {
	ID        string    `json:"id"`
	Listen    string    `json:"listen"`
	Pid       int       `json:"pid"`
	StartTime uint64    `json:"start_time"`
	Connected bool      `json:"connected"` // false: its lease still runs
	Revision  uint64    `json:"revision"`  // acknowledged in this epoch
	Sent      uint64    `json:"sent"`      // the revision sent last over its connection
	InFlight  int       `json:"in_flight"` // requests, streams and tunnels in hand
	Oldest    time.Time `json:"oldest"`    // when the oldest of them came; zero for none or not known
	SeenAt    time.Time `json:"seen_at"`
	Groups    bool      `json:"groups"` // it serves groups and mirrors; one of an older release does not
	State     string    `json:"state"`  // "" while it accepts callers, wire.Waiting before, wire.Retiring after; Unheard before it has said so
}

// Unheard is the state of a gateway that has yet to report to this hub.
const Unheard = "unheard"

func (p *peer) is() string {
	if !p.reported {
		return Unheard
	}
	return p.state
}

// Gateways lists the gateways that count, by id.
func (h *Hub) Gateways() []Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	infos := make([]Info, 0, len(h.peers))
	for _, p := range h.peers {
		inFlight, oldest := p.inHand()
		infos = append(infos, Info{
			Sent: p.sent, InFlight: inFlight, Oldest: oldest,
			ID: p.record.ID, Listen: p.record.Listen, Pid: p.record.Pid, StartTime: p.record.StartTime,
			Connected: p.conn != nil, Revision: p.acked, SeenAt: p.heard, Groups: p.groups, State: p.is(),
		})
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}

// inHand adds up what the gateway has in hand for all replicas.
func (p *peer) inHand() (inFlight int, oldest time.Time) {
	untold := false
	for _, list := range p.loads {
		for _, l := range list {
			inFlight += l.inFlight
			oldest, untold = older(oldest, l, untold)
		}
	}
	if untold {
		oldest = time.Time{}
	}
	return inFlight, oldest
}
