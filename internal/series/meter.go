package series

import "sluice.dev/sluice/internal/history"

// meter is what gateways count of one service. There is one whether the service is
// there or not: gateways go on counting where a deleted service of the name left
// off.
type meter struct {
	fine, coarse []history.Account
}

// begin takes a reading as what was counted before.
func (m *meter) begin(reading map[int]history.Tally) {
	m.fine, _ = history.Count(nil, reading, history.First)
	m.coarse = append([]history.Account{}, m.fine...)
}

// count adds what was counted since the last reading.
func (m *meter) count(reading map[int]history.Tally) {
	m.fine, _ = history.Count(m.fine, reading, history.Settled)
	m.coarse, _ = history.Count(m.coarse, reading, history.Settled)
}

// take gives what was counted since the last time, by version, and puts it into
// the points.
func take(accounts []history.Account, bounds []float64, points map[int]Point) {
	for _, v := range history.Traffic(accounts, bounds) {
		p := points[v.Version]
		p.Requests, p.Errors = atMost(v.Requests), atMost(v.Errors)
		p.P50, p.P95, p.P99 = seconds(v.P50), seconds(v.P95), seconds(v.P99)
		if v.Requests > 0 || p.Ready > 0 {
			points[v.Version] = p
		}
	}
	for i := range accounts {
		accounts[i].Sum = history.Tally{}
	}
}

func atMost(n uint64) uint32 { return uint32(min(n, 1<<32-1)) }

func seconds(v *float64) float32 {
	if v == nil {
		return 0
	}
	return float32(*v)
}
