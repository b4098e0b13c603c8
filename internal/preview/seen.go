package preview

import (
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// kept is how many samples of a kind are remembered: the newest.
const kept = 20

// Seen is how long the replicas of a service took lately. It is stored with the
// service; a nil list is nothing measured yet.
type Seen struct {
	Startup []Sample `json:"startup,omitempty"` // from the start of a process until its checks passed
	InHand  []Sample `json:"in_hand,omitempty"` // from the acknowledgement until its last request had ended
	Exit    []Sample `json:"exit,omitempty"`    // from SIGTERM until it had ended
}

// Sample is one measurement.
type Sample struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
}

// Add returns the list with one more sample; the list given stays as it is.
func Add(list []Sample, at time.Time, took time.Duration) []Sample {
	list = append(slices.Clone(list), Sample{At: at, Took: max(0, took)})
	return list[max(0, len(list)-kept):]
}

const (
	assumedStartup = 5 * time.Second
	assumedInHand  = time.Second
	assumedExit    = time.Second
)

// estimate is the median of what was measured, else the assumption and why.
func estimate(list []Sample, assumed time.Duration, why string) (time.Duration, api.PreviewTime) {
	if len(list) == 0 {
		return assumed, api.PreviewTime{Seconds: assumed.Seconds(), Basis: "assumed, since it was never measured" + why}
	}
	took, first := make([]time.Duration, len(list)), list[0].At
	for i, s := range list {
		took[i] = s.Took
		if s.At.Before(first) {
			first = s.At
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	return median, api.PreviewTime{
		Seconds: seconds(median), Measured: len(took), Slowest: seconds(took[len(took)-1]), Since: api.AtPtr(first),
		Basis: fmt.Sprintf("the median of the last %d", len(took)),
	}
}

// assumeStartup is what a replica is assumed to need when none was measured.
func assumeStartup(spec *api.Spec) (time.Duration, string) {
	for _, c := range []*api.Check{spec.Container.Startup, spec.Container.Health} {
		if c != nil && c.InitialDelay > assumedStartup {
			return c.InitialDelay, ": the initial delay of its check"
		}
	}
	return assumedStartup, ""
}

// seconds rounds to milliseconds, which is what anybody can tell apart.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}
