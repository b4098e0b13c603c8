package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// pause stops the rollout in progress. What it was paused by first stays the
// reason (rule 16).
func (s *State) pause(by string) {
	ro := s.changeRollout()
	if ro.Phase == api.RolloutPaused {
		return
	}
	c := s.census()
	ro.Phase, ro.PausedBy, ro.PausedAt = api.RolloutPaused, by, s.Now
	// One that is evicted keeps its place for another of its version.
	ro.Frozen = c.live[target] + c.evicted[target]
	ro.FrozenBase = c.live[base] + c.evicted[base]
	ro.Rescaled, ro.Restore = false, false
}

// unpause lets the rollout go on from where it stands. Deadlines and countdowns
// stood still meanwhile (rule 16).
func (s *State) unpause() {
	ro := s.changeRollout()
	for i := range s.Replicas {
		r := &s.Replicas[i]
		if !r.proven() && !r.FirstStartAt.IsZero() {
			r.Stood += s.Now.Sub(later(ro.PausedAt, r.FirstStartAt))
		}
	}
	switch {
	case ro.PausedBy == PausedByGate: // the gates measure anew
		ro.BatchDoneAt, ro.GateAction, ro.GateReason = time.Time{}, "", ""
	case !ro.BatchDoneAt.IsZero(): // countdowns stand still too
		ro.BatchDoneAt = ro.BatchDoneAt.Add(s.Now.Sub(later(ro.PausedAt, ro.BatchDoneAt)))
	}
	ro.Phase, ro.PausedBy, ro.Message = api.RolloutRunning, "", ""
	ro.Rescaled, ro.Restore = false, false
}

// dismissFailed lets failed replicas go, so that others are started in their
// place.
func (s *State) dismissFailed() int {
	n := 0
	for i := range s.Replicas {
		if s.Replicas[i].Stage == Failed {
			s.Replicas[i].Stage = Draining
			n++
		}
	}
	return n
}
