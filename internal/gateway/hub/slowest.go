package hub

import (
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
)

// Slowest is how long the slowest request of a service took that the gateways
// have counted, rounded up to the bound of its latency bucket; of one beyond the
// last bound, that bound. 0 when there was none.
func (h *Hub) Slowest(service string) time.Duration {
	highest := -1
	for _, t := range h.Of(service) {
		if t.Version == 0 { // reached no replica
			continue
		}
		for i := len(t.Latency) - 1; i > highest; i-- {
			if t.Latency[i] > 0 {
				highest = i
			}
		}
	}
	if highest < 0 {
		return 0
	}
	bounds := wire.Bounds()
	return time.Duration(bounds[min(highest, len(bounds)-1)] * float64(time.Second))
}
