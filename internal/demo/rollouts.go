package demo

import (
	"time"

	"sluice.dev/sluice/api"
)

// The service's bounds, as its file has them.
const (
	desired     = 4
	surge       = 1
	unavailable = 0
)

// RolloutResult is one rollout, as its record and the replicas tell it.
type RolloutResult struct {
	Kind        api.RolloutKind  `json:"kind"`
	FromVersion int              `json:"from_version"`
	ToVersion   int              `json:"to_version"`
	Phase       api.RolloutPhase `json:"phase"`
	Reason      string           `json:"reason,omitempty"`
	Seconds     float64          `json:"seconds"`
	// Rounds, StartSeconds and ShortestSeconds are 0 when the rollout started no
	// replica that became ready; Ratio is 0 then, too.
	Rounds          int     `json:"rounds"`
	StartSeconds    float64 `json:"start_seconds" doc:"median time from a replica's start to its readiness"`
	ShortestSeconds float64 `json:"shortest_seconds"`
	Ratio           float64 `json:"ratio" doc:"seconds / shortest_seconds"`
	// FewestReady and MostLive were seen while it ran, by looking often.
	FewestReady int `json:"fewest_ready"`
	MostLive    int `json:"most_live"`
}

// rounds is how often replicas have to be started one after the other to replace
// n of them. A first create starts all of them at once.
func rounds(kind api.RolloutKind, n int) int {
	switch {
	case n == 0:
		return 0
	case kind == api.KindCreate:
		return 1
	}
	const atOnce = surge + unavailable
	return (n + atOnce - 1) / atOnce
}

// measure puts a rollout that has ended against the shortest possible one, by
// the replicas that are there at its end.
func measure(ro api.Rollout, replicas []api.Replica, seen extremes) RolloutResult {
	r := RolloutResult{
		Kind: ro.Kind, FromVersion: ro.FromVersion, ToVersion: ro.ToVersion, Phase: ro.Phase, Reason: ro.Reason,
		FewestReady: seen.fewestReady, MostLive: seen.mostLive,
	}
	if ro.EndedAt != nil {
		r.Seconds = ro.EndedAt.Sub(ro.StartedAt.Time).Seconds()
	}
	var starts []time.Duration
	for _, replica := range replicas {
		if replica.Version != ro.ToVersion || replica.StartedAt == nil || replica.ReadyAt == nil {
			continue
		}
		if replica.StartedAt.Before(ro.StartedAt.Time) {
			continue // it was there before
		}
		starts = append(starts, replica.ReadyAt.Sub(replica.StartedAt.Time))
	}
	r.Rounds = rounds(ro.Kind, len(starts))
	r.StartSeconds = median(starts).Seconds()
	r.ShortestSeconds = float64(r.Rounds) * r.StartSeconds
	if r.ShortestSeconds > 0 {
		r.Ratio = r.Seconds / r.ShortestSeconds
	}
	return r
}

// extremes are the fewest ready and the most live replicas of several looks.
type extremes struct {
	looked                bool
	fewestReady, mostLive int
}

func (e *extremes) see(c api.ReplicaCounts) {
	if !e.looked {
		*e = extremes{true, c.Ready, c.Live}
		return
	}
	e.fewestReady, e.mostLive = min(e.fewestReady, c.Ready), max(e.mostLive, c.Live)
}
