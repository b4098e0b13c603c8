package hub

import (
	"cmp"
	"slices"

	"sluice.dev/sluice/internal/gateway/wire"
)

type tallyKey struct {
	service string
	version int
}

// Total is what all gateways together have counted for one version of a
// service. The counts only grow, also when a gateway ends; see wire.Tally for
// what each means. A control plane that starts again takes over the counts of
// the gateways that run.
type Total struct {
	Service  string
	Version  int // 0 for requests that reached no replica
	Class    [6]uint64
	Lost     uint64
	Cut      uint64
	Canceled uint64
	Latency  [wire.Buckets]uint64 // per bucket of wire.Bounds, not cumulative; the last is unbounded
}

func (t *Total) add(w wire.Tally) {
	for i, n := range w.Class {
		t.Class[i] += n
	}
	t.Lost += w.Lost
	t.Cut += w.Cut
	t.Canceled += w.Canceled
	for _, pair := range w.Latency {
		t.Latency[pair[0]] += pair[1]
	}
}

// Requests is how many requests came to an end at a replica: answered, or lost.
// Those whose caller went away first are not among them.
func (t *Total) Requests() uint64 {
	n := t.Lost
	for _, class := range t.Class {
		n += class
	}
	return n
}

// Errors is how many of them failed: answered with 5xx, lost or cut.
func (t *Total) Errors() uint64 { return t.Class[5] + t.Lost + t.Cut }

// Numbers are the totals by service and version.
func (h *Hub) Numbers() []Total {
	return h.numbers(func(string) bool { return true })
}

// Of are the totals of one service by version.
func (h *Hub) Of(service string) []Total {
	return h.numbers(func(s string) bool { return s == service })
}

func (h *Hub) numbers(wanted func(service string) bool) []Total {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sum(wanted)
}

// sum adds up what all gateways have counted. The lock must be held.
func (h *Hub) sum(wanted func(service string) bool) []Total {
	sums := make(map[tallyKey]*Total)
	for key, t := range h.retired.totals {
		if wanted(key.service) {
			copied := *t
			sums[key] = &copied
		}
	}
	for _, p := range h.lapsed {
		p.addTo(sums, wanted)
	}
	for _, p := range h.peers {
		p.addTo(sums, wanted)
	}
	totals := make([]Total, 0, len(sums))
	for _, t := range sums {
		totals = append(totals, *t)
	}
	slices.SortFunc(totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Version, b.Version))
	})
	return totals
}

// said is what one gateway process has counted since it began, as it said last.
type said struct {
	tallies map[tallyKey]wire.Tally
	shares  map[shareKey]wire.Share
	mirrors map[mirrorKey]wire.Mirror
}

func newSaid() said {
	return said{map[tallyKey]wire.Tally{}, map[shareKey]wire.Share{}, map[mirrorKey]wire.Mirror{}}
}

// counted is a sum of what gateways said.
type counted struct {
	totals  map[tallyKey]*Total
	shares  map[shareKey]*Shares
	mirrors map[mirrorKey]*Mirrored
}

func newCounted() counted {
	return counted{map[tallyKey]*Total{}, map[shareKey]*Shares{}, map[mirrorKey]*Mirrored{}}
}

// retire keeps the counts of a process that is gone for good. The lock must be
// held.
func (h *Hub) retire(p *peer) {
	all := func(string) bool { return true }
	p.addTo(h.retired.totals, all)
	p.addShares(h.retired.shares, all)
	p.addMirrors(h.retired.mirrors, all)
}

// comeBack settles what becomes of the counts of a gateway whose lease ran out,
// when its id is heard of again: the same process goes on counting from them,
// and another one begins at zero. The lock must be held.
func (h *Hub) comeBack(p *peer) {
	before := h.lapsed[p.record.ID]
	if before == nil {
		return
	}
	delete(h.lapsed, p.record.ID)
	if sameProcess(before.record, p.record) {
		p.said, p.begun = before.said, before.begun
	} else {
		h.retire(before)
	}
}

func (p *peer) addTo(sums map[tallyKey]*Total, wanted func(service string) bool) {
	for key, w := range p.said.tallies {
		if !wanted(key.service) {
			continue
		}
		t := sums[key]
		if t == nil {
			t = &Total{Service: key.service, Version: key.version}
			sums[key] = t
		}
		t.add(w)
	}
}

// take takes in the counts of a report.
func (p *peer) take(r *wire.Report) {
	for _, w := range r.Tallies {
		p.said.tallies[tallyKey{w.Service, w.Version}] = w
	}
	for _, w := range r.Shares {
		p.said.shares[shareKey{w.Group, w.Service}] = w
	}
	for _, w := range r.Mirrors {
		p.said.mirrors[mirrorKey{w.Source, w.Copies.Service}] = w
	}
}
