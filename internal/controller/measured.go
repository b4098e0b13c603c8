package controller

import (
	"time"

	"sluice.dev/sluice/internal/preview"
	"sluice.dev/sluice/internal/rollout"
)

// measureStart remembers how long a replica took that is ready for the first time
// since its process started.
func (s *service) measureStart(r *rollout.Replica) {
	if r.ReadyAt.Before(r.StartedAt) && !r.StartedAt.IsZero() {
		s.record.Seen.Startup = preview.Add(s.record.Seen.Startup, s.state.Now, r.HealthyAt.Sub(r.StartedAt))
	}
}

// measureEnd remembers how long a replica took to end that was drained. What was
// cut counts with the time it was given.
func (s *service) measureEnd(r *rollout.Replica, at time.Time) {
	if r.Stage != rollout.Draining || !r.Routed || r.UnroutedAt.IsZero() {
		return
	}
	seen := &s.record.Seen
	idle := r.IdleSince
	if idle.IsZero() {
		idle = at
	}
	seen.InHand = preview.Add(seen.InHand, s.state.Now, idle.Sub(r.UnroutedAt))
	if !r.Signalled.IsZero() {
		seen.Exit = preview.Add(seen.Exit, s.state.Now, at.Sub(r.Signalled))
	}
}
