package hub

import (
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
)

// loadsKept is how long the last word on an endpoint that has nothing in hand
// is kept. Nothing that is decided looks further back (rules 9 and 10 ask for
// 250 ms and 100 ms).
const loadsKept = time.Minute

// load is what an endpoint has in hand at one gateway, as last reported.
type load struct {
	address   string
	inFlight  int
	withdrawn bool
	idleSince time.Time // zero while something is in flight
	picked    time.Time // zero for never
	oldest    time.Time // when the oldest in flight came; zero for none or not known
}

// Drain is what the gateways that count have in hand for one replica. It is
// exact once the revision that took the replica out of the table is
// acknowledged: from then on InFlight only falls and LastPicked stays. Before
// that it lags by up to a second.
type Drain struct {
	// Known is false while a gateway that counts has yet to report to this
	// control plane; InFlight is then at least what is shown.
	Known    bool
	InFlight int // requests, streams and tunnels
	// LastPicked is when a request was last handed to it; zero for never.
	LastPicked time.Time
	// IdleSince is since when nothing is in flight at any gateway; zero while
	// something is, or may be.
	IdleSince time.Time
	// Oldest is when the oldest request came that is in hand; zero for none, and
	// when a gateway that has some does not tell.
	Oldest time.Time
}

// Drain tells what is in hand for a replica.
func (h *Hub) Drain(replica string) Drain {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := Drain{Known: true}
	said := h.started // since when nobody has had anything to say of it
	untold := false
	for _, p := range h.peers {
		if !p.reported {
			d.Known = false
			continue
		}
		said = latest(said, p.since)
		for _, l := range p.loads[replica] {
			d.InFlight += l.inFlight
			d.LastPicked = latest(d.LastPicked, l.picked)
			d.IdleSince = latest(d.IdleSince, l.idleSince)
			d.Oldest, untold = older(d.Oldest, l, untold)
		}
	}
	switch {
	case d.InFlight > 0 || !d.Known:
		d.IdleSince = time.Time{}
	case d.IdleSince.IsZero():
		d.IdleSince = said
	}
	if untold {
		d.Oldest = time.Time{}
	}
	return d
}

// older takes a load into when the oldest request came.
func older(oldest time.Time, l load, untold bool) (time.Time, bool) {
	switch {
	case l.inFlight == 0:
		return oldest, untold
	case l.oldest.IsZero():
		return oldest, true
	case oldest.IsZero() || l.oldest.Before(oldest):
		return l.oldest, untold
	}
	return oldest, untold
}

// Holders are the gateways that have a request of the replica in hand, by id.
func (h *Hub) Holders(replica string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := []string{}
	for id, p := range h.peers {
		if slices.ContainsFunc(p.loads[replica], func(l load) bool { return l.inFlight > 0 }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// InFlight is the number of requests, streams and tunnels that the replica has
// in hand; ok is false while a gateway that counts has yet to report.
func (h *Hub) InFlight(replica string) (n int, ok bool) {
	d := h.Drain(replica)
	return d.InFlight, d.Known
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// takeLoads takes in reported loads and returns the services where the last
// request of an endpoint that left the table has ended. The lock must be held.
func (p *peer) takeLoads(r *wire.Report) (idle []string) {
	now := p.heard
	before := p.loads
	if r.All {
		p.loads = make(map[string][]load, len(r.Loads))
		for replica, list := range before { // what is not named has ended
			for _, l := range list {
				if l.inFlight > 0 {
					l.inFlight, l.idleSince, l.oldest = 0, now, time.Time{}
				}
				p.loads[replica] = append(p.loads[replica], l)
			}
		}
	}
	for _, w := range r.Loads {
		l := load{address: w.Address, inFlight: w.InFlight, withdrawn: w.Withdrawn}
		if w.InFlight == 0 {
			l.idleSince = now.Add(-age(w.IdleAge))
		}
		if w.PickedAge >= 0 {
			l.picked = now.Add(-age(w.PickedAge))
		}
		if w.OldestAge > 0 {
			l.oldest = now.Add(-age(w.OldestAge))
		}
		if p.put(w.Replica, l) {
			idle = append(idle, w.Service)
		}
	}
	if now.After(p.nextPrune) {
		p.nextPrune = now.Add(loadsKept)
		p.prune(now.Add(-loadsKept))
	}
	return idle
}

// put records l and tells whether its endpoint has, with this, left the table
// and become idle.
func (p *peer) put(replica string, l load) bool {
	ended := l.withdrawn && l.inFlight == 0
	list := p.loads[replica]
	for i := range list {
		if list[i].address == l.address {
			was := list[i].withdrawn && list[i].inFlight == 0
			list[i] = l
			return ended && !was
		}
	}
	p.loads[replica] = append(list, l)
	return ended
}

func (p *peer) prune(before time.Time) {
	for replica, list := range p.loads {
		kept := list[:0]
		for _, l := range list {
			if l.inFlight > 0 || l.idleSince.After(before) {
				kept = append(kept, l)
			}
		}
		if len(kept) == 0 {
			delete(p.loads, replica)
		} else {
			p.loads[replica] = kept
		}
	}
}

// age turns reported microseconds into a duration that cannot overflow.
func age(us int64) time.Duration {
	return time.Duration(min(us, math.MaxInt64/2000)) * time.Microsecond
}
