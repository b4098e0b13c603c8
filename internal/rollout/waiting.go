package rollout

import (
	"fmt"

	"sluice.dev/sluice/api"
)

// WaitingFor says in one sentence what has to happen before the rollout goes
// on; "" when it has ended. It never says nothing about a rollout in progress.
func (s *State) WaitingFor() string {
	sv := &s.Service
	ro := sv.Rollout
	switch {
	case !ro.Active():
		return ""
	case sv.Stopped:
		return "a start; the service is stopped"
	case ro.Paused() && ro.Restore:
		return s.firstWait("the replicas from before the stop to become ready")
	case ro.PausedBy == PausedByFailure:
		return "a resume, a rollback or a new update, since " + ro.Message
	case ro.PausedBy == PausedByGate:
		return "a resume, which measures anew, a rollback or a new update, since " + ro.Message
	case ro.PausedBy == PausedByPlanDeleted:
		return "a resume, a rollback, a new plan or a new update, since its update plan was deleted"
	case ro.Paused():
		return "a resume"
	}
	m := sv.mix()
	c := s.census()
	if s.Judging() && s.atTarget(&c) {
		return s.gateWait()
	}
	if sv.planned() && !ro.RollingBack && !sv.whole() && s.atTarget(&c) {
		if sv.Plan.Batch != nil {
			return fmt.Sprintf("the next batch: %d of %d updated", m.target, sv.Desired)
		}
		return fmt.Sprintf("a new target: %d of %d updated", m.target, sv.Desired)
	}
	if r := s.leaving(); r != nil && c.ready[target] == m.target {
		return "every gateway to stop routing to replica " + r.ID
	}
	return s.firstWait("the next step")
}

// firstWait names the replica that everything waits for most: one without room,
// then one that is starting, unready, or holding what its successor needs.
func (s *State) firstWait(otherwise string) string {
	for _, phase := range [...]api.ReplicaPhase{api.ReplicaPending, api.ReplicaStarting, api.ReplicaUnready, api.ReplicaDraining} {
		n, first := 0, (*Replica)(nil)
		for i := range s.Replicas {
			r := &s.Replicas[i]
			if s.Phase(r) == phase {
				n++
				if first == nil {
					first = r
				}
			}
		}
		if n > 0 {
			return s.waitFor(first, phase) + more(n-1)
		}
	}
	return otherwise
}

func (s *State) waitFor(r *Replica, phase api.ReplicaPhase) string {
	switch phase {
	case api.ReplicaPending:
		return "room for replica " + r.ID + because(r.Unplaced)
	case api.ReplicaDraining:
		return "replica " + r.ID + " to end"
	case api.ReplicaUnready:
		return "replica " + r.ID + " to become ready again" + because(r.Complaint)
	}
	return "replica " + r.ID + " to become ready" + because(s.Why(r))
}

// Why says why a replica is in its phase, "" where that needs no saying.
func (s *State) Why(r *Replica) string {
	switch {
	case r.Stage == Failed:
		return r.Failure
	case r.Stage == Draining && !r.Routed:
		return "it is ended at once: it was never given a request"
	case r.Stage == Draining && r.UnroutedAt.IsZero():
		return "waiting until every gateway has stopped routing to it"
	case r.Stage == Draining && !r.Signalled.IsZero():
		return "SIGTERM sent; waiting for its exit"
	case r.Stage == Draining:
		return "requests in hand may finish"
	case r.Process == Absent, r.Process == Ordered && r.Unplaced != "":
		return r.Unplaced
	case r.Process == Exited:
		return r.Exit
	case r.Process == Ordered && r.Exit != "":
		return "restarted after " + r.Exit
	case r.Process == Running && !r.Healthy:
		return r.Complaint
	case r.Process == Running && !r.Acked:
		return "not every gateway routes to it yet"
	}
	return ""
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}
