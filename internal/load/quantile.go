package load

import (
	"slices"
	"time"
)

// Quantile is the smallest sample that at least the part q of all samples does
// not exceed; 0 without samples. It sorts the samples.
func Quantile(samples []time.Duration, q float64) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	slices.Sort(samples)
	rank := int(q * float64(len(samples)))
	if float64(rank) < q*float64(len(samples)) {
		rank++
	}
	return samples[max(rank, 1)-1]
}

// Milliseconds is a duration as reports write it.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
