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
	byVersion = map[int]gate.Counts{}
	for _, t := range h.Of(service) {
		if t.Version == 0 { // reached no replica
			continue
		}
		byVersion[t.Version] = gate.Counts{
			Requests: t.Requests(), Errors: t.Errors(), Canceled: t.Canceled,
			Latency: slices.Clone(t.Latency[:]),
		}
	}
	return byVersion, wire.Bounds()
}
