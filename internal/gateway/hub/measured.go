package hub

import (
	"slices"

	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/gateway/wire"
)

// Measured is what a gate judges: what the gateways have counted for each
// version of a service so far, and the upper bounds of the latency buckets in
// seconds. The counts only grow while this control plane runs; what a gate's
// window holds is gate.Counts.Since of two readings. ReplicaSeconds is left to
// who knows how many replicas served.
func (h *Hub) Measured(service string) (byVersion map[int]gate.Counts, bounds []float64) {
	return byService(h.Of(service))[service], wire.Bounds()
}

// CountedSince is what gateways have counted for each version since this hub first
// heard of each of them, so that one which comes back with the counts of days does
// not seem to have served them now. It is of every service of which something was
// counted after an earlier call that gave this mark, 0 for all; a service at rest
// costs nothing here.
func (h *Hub) CountedSince(mark uint64) (services map[string]map[int]gate.Counts, bounds []float64, next uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := map[string]bool{}
	for service, at := range h.counted {
		if at > mark {
			busy[service] = true
		}
	}
	bounds = wire.Bounds()
	if len(busy) == 0 {
		return nil, bounds, h.mark
	}
	services = byService(h.sum(func(service string) bool { return busy[service] }))
	for service, versions := range services {
		for version, counts := range versions {
			if t := h.before[tallyKey{service, version}]; t != nil {
				versions[version], _ = counts.Since(t.counts())
			}
		}
	}
	return services, bounds, h.mark
}

// noteCounted remembers of which services a report counted something, and where a
// gateway that is first heard begins. The lock must be held.
func (h *Hub) noteCounted(p *peer, r *wire.Report) {
	if r.All && !p.begun {
		p.begun = true
		p.addTo(h.before, func(string) bool { return true })
	}
	if len(r.Tallies) == 0 {
		return
	}
	h.mark++
	for _, t := range r.Tallies {
		h.counted[t.Service] = h.mark
	}
}

// byService leaves out what reached no replica, which is version 0.
func byService(totals []Total) map[string]map[int]gate.Counts {
	services := map[string]map[int]gate.Counts{}
	for i := range totals {
		t := &totals[i]
		if t.Version == 0 {
			continue
		}
		if services[t.Service] == nil {
			services[t.Service] = map[int]gate.Counts{}
		}
		services[t.Service][t.Version] = t.counts()
	}
	return services
}

func (t *Total) counts() gate.Counts {
	return gate.Counts{Requests: t.Requests(), Errors: t.Errors(), Canceled: t.Canceled, Latency: slices.Clone(t.Latency[:])}
}
