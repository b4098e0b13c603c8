package gate

import "slices"

// Counts is what was counted at the replicas of one side since the window
// began. Counts only grow.
type Counts struct {
	Requests uint64 `json:"requests"` // answered, or lost by the replica
	Errors   uint64 `json:"errors"`   // of them: answered with 5xx, lost, or cut; at most Requests
	Canceled uint64 `json:"canceled"` // the caller went away first; not in Requests
	// Latency counts answers by bucket of Window.Bounds, not cumulative; the
	// last is above all bounds. Nil is none.
	Latency []uint64 `json:"latency,omitempty"`
	// ReplicaSeconds is how long the side's replicas served, summed over them:
	// what requests_per_second is divided by.
	ReplicaSeconds float64 `json:"replica_seconds"`
}

// Since is what was counted after an earlier reading of the same counters. It is
// false if a count went backwards: the counters began anew (another control
// plane, which knows the counts of gateways that run but not of those that are
// gone), and the window must begin anew with this reading.
func (c Counts) Since(before Counts) (Counts, bool) {
	if c.Requests < before.Requests || c.Errors < before.Errors || c.Canceled < before.Canceled || c.ReplicaSeconds < before.ReplicaSeconds {
		return Counts{}, false
	}
	d := Counts{Requests: c.Requests - before.Requests, Canceled: c.Canceled - before.Canceled,
		ReplicaSeconds: c.ReplicaSeconds - before.ReplicaSeconds}
	// A request can be cut long after it was counted as answered.
	d.Errors = min(c.Errors-before.Errors, d.Requests)
	d.Latency = slices.Clone(c.Latency)
	for i, n := range before.Latency {
		if i >= len(d.Latency) && n > 0 || i < len(d.Latency) && d.Latency[i] < n {
			return Counts{}, false
		}
		if i < len(d.Latency) {
			d.Latency[i] -= n
		}
	}
	return d, true
}

// Plus adds the counts of another version or replica of the same side.
func (c Counts) Plus(d Counts) Counts {
	c.Requests, c.Errors, c.Canceled = c.Requests+d.Requests, c.Errors+d.Errors, c.Canceled+d.Canceled
	c.ReplicaSeconds += d.ReplicaSeconds
	long, short := c.Latency, d.Latency
	if len(long) < len(short) {
		long, short = short, long
	}
	c.Latency = slices.Clone(long)
	for i, n := range short {
		c.Latency[i] += n
	}
	return c
}

// Window is what was counted on both sides over the same time.
type Window struct {
	New, Old Counts
	// Bounds are the upper bounds of the latency buckets in seconds, ascending.
	Bounds  []float64
	Elapsed float64 // seconds since the window began
}
