package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// Routable tells whether the replica belongs in the routing table: its process
// runs, its checks pass, and nobody has decided that it shall end.
func (r *Replica) Routable() bool {
	return r.Stage == Live && r.Process == Running && r.Healthy && r.EndAt.IsZero()
}

// Ready tells whether the replica counts as ready (design.md 2b): routable,
// every live gateway has acknowledged a table that holds it, and its checks
// have passed for minReady. One that has counted stays ready when minReady is
// raised.
func (r *Replica) Ready(minReady time.Duration, now time.Time) bool {
	counted := !r.HealthyAt.IsZero() && !r.ReadyAt.Before(r.HealthyAt)
	return r.Routable() && r.Acked && (counted || !now.Before(r.HealthyAt.Add(minReady)))
}

// proven tells whether the replica has been ready at least once.
func (r *Replica) proven() bool { return !r.ReadyAt.IsZero() }

// Phase is the replica's phase as users see it.
func (s *State) Phase(r *Replica) api.ReplicaPhase {
	switch {
	case r.Stage == Failed:
		return api.ReplicaFailed
	case r.Stage == Draining && (r.Process == Exited || r.Process == Absent):
		return api.ReplicaStopped
	case r.Stage == Draining:
		return api.ReplicaDraining
	case r.Process == Absent, r.Process == Ordered && r.Unplaced != "":
		return api.ReplicaPending
	case r.Ready(s.Service.Strategy.MinReady, s.Now):
		return api.ReplicaReady
	case r.Process == Running && r.proven() && !r.ReadyAt.Before(r.StartedAt):
		return api.ReplicaUnready
	}
	return api.ReplicaStarting
}

// isTarget tells whether the replica is of the version the service is meant to
// run; during a restart its generation must be the new one too (rule 7).
func (s *Service) isTarget(r *Replica) bool {
	if r.Revision != s.Current.Revision {
		return false
	}
	ro := s.Rollout
	return !ro.Active() || ro.Kind != api.KindRestart || r.Generation >= ro.Generation
}

// isBase tells whether the replica, not being of the target, is of the last
// completed version.
func (s *Service) isBase(r *Replica) bool {
	return s.Base != nil && r.Revision == s.Base.Revision
}
