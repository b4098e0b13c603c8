package history

import (
	"slices"
	"sort"

	"sluice.dev/sluice/api"
)

// Tally is what was counted of requests: at one version's replicas, by all
// gateways. Latency counts answers by bucket, not cumulative; the last bucket is
// above all bounds, and empty ones at the end may be left out.
type Tally struct {
	Requests uint64   `json:"requests"`
	Errors   uint64   `json:"errors"`
	Canceled uint64   `json:"canceled"`
	Latency  []uint64 `json:"latency"`
}

// Account is the requests of one version since a rollout began. What it is read
// from counts for ever, and begins anew when a gateway or the control plane does:
// so it keeps the sum and the last reading, and only what came between two
// readings is added.
type Account struct {
	Version int   `json:"version"`
	Sum     Tally `json:"sum"`
	Last    Tally `json:"last"`
}

// Read tells what a reading of the counters is good for.
type Read int

const (
	// First: the rollout begins now, so what was counted before is not its own.
	First Read = iota
	// Early: the control plane has just started and gateways still come back to
	// it. A count that is lower than before may be missing theirs: it waits. One of
	// a version not read before may hold what is from before the rollout.
	Early
	// Settled: a count that is lower than before began anew. What it had counted
	// after the last reading is lost; so it is read often.
	Settled
)

// Count adds a reading, by version, to the accounts. Changed is false when nobody
// asked for anything in between.
func Count(accounts []Account, reading map[int]Tally, how Read) (counted []Account, changed bool) {
	counted = slices.Clone(accounts)
	for version, now := range reading {
		i := slices.IndexFunc(counted, func(a Account) bool { return a.Version == version })
		if i < 0 {
			a := Account{Version: version}
			if how != Settled {
				a.Last = now
			}
			counted = append(counted, a)
			i = len(counted) - 1
		}
		a := &counted[i]
		delta, grew := now.since(a.Last)
		switch {
		case grew && delta.empty():
		case grew:
			a.Sum, a.Last, changed = a.Sum.plus(delta), now, true
		case how == Settled:
			a.Last = now
		}
	}
	slices.SortFunc(counted, func(a, b Account) int { return a.Version - b.Version })
	return counted, changed
}

// since is false when a count went backwards. A request can be cut long after it
// was answered, so errors may be more than what was asked for in between.
func (t Tally) since(before Tally) (d Tally, ok bool) {
	if t.Requests < before.Requests || t.Errors < before.Errors || t.Canceled < before.Canceled {
		return d, false
	}
	d = Tally{Requests: t.Requests - before.Requests, Errors: t.Errors - before.Errors, Canceled: t.Canceled - before.Canceled}
	for i := range max(len(t.Latency), len(before.Latency)) {
		now, then := at(t.Latency, i), at(before.Latency, i)
		if now < then {
			return Tally{}, false
		}
		d.Latency = append(d.Latency, now-then)
	}
	return d, true
}

func (t Tally) empty() bool { return t.Requests == 0 && t.Errors == 0 && t.Canceled == 0 }

func (t Tally) plus(d Tally) Tally {
	sum := Tally{Requests: t.Requests + d.Requests, Errors: t.Errors + d.Errors, Canceled: t.Canceled + d.Canceled}
	for i := range max(len(t.Latency), len(d.Latency)) {
		sum.Latency = append(sum.Latency, at(t.Latency, i)+at(d.Latency, i))
	}
	for n := len(sum.Latency); n > 0 && sum.Latency[n-1] == 0; n-- {
		sum.Latency = sum.Latency[:n-1]
	}
	return sum
}

func at(list []uint64, i int) uint64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// Traffic shows the accounts. Bounds are the upper bounds of the latency buckets
// in seconds, ascending.
func Traffic(accounts []Account, bounds []float64) []api.VersionTraffic {
	list := []api.VersionTraffic{}
	for _, a := range accounts {
		if a.Sum.empty() {
			continue
		}
		list = append(list, api.VersionTraffic{
			Version: a.Version, Requests: a.Sum.Requests, Errors: min(a.Sum.Errors, a.Sum.Requests), Canceled: a.Sum.Canceled,
			P50: quantile(a.Sum.Latency, bounds, 0.5), P95: quantile(a.Sum.Latency, bounds, 0.95), P99: quantile(a.Sum.Latency, bounds, 0.99),
		})
	}
	return list
}

// quantile is the upper bound of the bucket that q falls into; the highest bound
// for the bucket without one.
func quantile(counts []uint64, bounds []float64, q float64) *float64 {
	all := 0.0
	var upTo []float64
	for _, n := range counts {
		all += float64(n)
		upTo = append(upTo, all)
	}
	if all == 0 || len(bounds) == 0 {
		return nil
	}
	i := sort.Search(len(upTo), func(i int) bool { return upTo[i] >= q*all })
	bound := bounds[min(i, len(bounds)-1)]
	return &bound
}
