package hub

import (
	"cmp"
	"slices"

	"sluice.dev/sluice/internal/gateway/wire"
)

type shareKey struct{ group, service string }

type mirrorKey struct{ source, target string }

// Shares is what all gateways together gave to one member of a group, by what
// chose it; wire.Share says what each count means. Like all counts they only
// grow while this control plane runs, and it takes over those of the gateways
// that run when it starts.
type Shares struct {
	Split, Aimed, Others, Tested, Instead uint64
}

// Requests is how many requests the member was chosen for.
func (s Shares) Requests() uint64 { return s.Split + s.Aimed + s.Others + s.Tested }

// Mirrored is what became of the copies of one service's requests; wire.Mirror
// says what each count means.
type Mirrored struct {
	Source  string
	Skipped uint64
	Dropped uint64
	Failed  uint64
	Copies  Total // of Copies.Service, to which they were sent
}

// GroupNumbers are the shares of a group's members, by service; also of former
// members, and without those that were never chosen.
func (h *Hub) GroupNumbers(group string) map[string]Shares {
	all := h.shares(func(g string) bool { return g == group })[group]
	if all == nil {
		return map[string]Shares{}
	}
	return all
}

// AllGroupNumbers are the shares by group and service.
func (h *Hub) AllGroupNumbers() map[string]map[string]Shares {
	return h.shares(func(string) bool { return true })
}

func (h *Hub) shares(wanted func(group string) bool) map[string]map[string]Shares {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums := map[shareKey]*Shares{}
	for key, s := range h.retired.shares {
		if wanted(key.group) {
			copied := *s
			sums[key] = &copied
		}
	}
	for _, p := range h.lapsed {
		p.addShares(sums, wanted)
	}
	for _, p := range h.peers {
		p.addShares(sums, wanted)
	}
	groups := map[string]map[string]Shares{}
	for key, s := range sums {
		if groups[key.group] == nil {
			groups[key.group] = map[string]Shares{}
		}
		groups[key.group][key.service] = *s
	}
	return groups
}

func (p *peer) addShares(sums map[shareKey]*Shares, wanted func(group string) bool) {
	for key, w := range p.said.shares {
		if !wanted(key.group) {
			continue
		}
		s := sums[key]
		if s == nil {
			s = &Shares{}
			sums[key] = s
		}
		s.Split += w.Split
		s.Aimed += w.Aimed
		s.Others += w.Others
		s.Tested += w.Tested
		s.Instead += w.Instead
	}
}

// MirrorNumbers tell what became of the copies of a service's requests: one
// element for each service that it was ever mirrored to, by name.
func (h *Hub) MirrorNumbers(source string) []Mirrored {
	return h.mirrors(func(s string) bool { return s == source })
}

// AllMirrorNumbers are those of all services, by source and target.
func (h *Hub) AllMirrorNumbers() []Mirrored {
	return h.mirrors(func(string) bool { return true })
}

func (h *Hub) mirrors(wanted func(source string) bool) []Mirrored {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums := map[mirrorKey]*Mirrored{}
	for key, m := range h.retired.mirrors {
		if wanted(key.source) {
			copied := *m
			sums[key] = &copied
		}
	}
	for _, p := range h.lapsed {
		p.addMirrors(sums, wanted)
	}
	for _, p := range h.peers {
		p.addMirrors(sums, wanted)
	}
	list := make([]Mirrored, 0, len(sums))
	for _, m := range sums {
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b Mirrored) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Copies.Service, b.Copies.Service))
	})
	return list
}

func (p *peer) addMirrors(sums map[mirrorKey]*Mirrored, wanted func(source string) bool) {
	for key, w := range p.said.mirrors {
		if !wanted(key.source) {
			continue
		}
		m := sums[key]
		if m == nil {
			m = &Mirrored{Source: key.source, Copies: Total{Service: key.target}}
			sums[key] = m
		}
		m.add(w)
	}
}

func (m *Mirrored) add(w wire.Mirror) {
	m.Skipped += w.Skipped
	m.Dropped += w.Dropped
	m.Failed += w.Failed
	m.Copies.add(w.Copies)
}
