package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api"
)

const (
	// readyToHear is how long a request has been with the replica before a
	// SIGTERM is safe: none then lies unread in a connection that the process
	// thinks idle (rule 9).
	readyToHear = 250 * time.Millisecond
	// idleFor is how long nothing may be in flight before an idle drain ends.
	idleFor   = 100 * time.Millisecond
	killAgain = 5 * time.Second // between two SIGKILLs of a process that stays
)

// shutdown decides the next step of a replica whose process shall end, in the
// order of rules 8 to 11: it has left the routing table; every live gateway has
// acknowledged that; then signal, wait and kill as its version says. Example
// with a grace period of 30 s and SIGTERM on: acknowledged at 0 s, last request
// handed over at -0.1 s: SIGTERM at 0.15 s, or at once if it is answered;
// SIGKILL at 30 s if the process is still there.
func (s *State) shutdown(r *Replica) (st Step, wake time.Time) {
	if r.Process == Exited || r.Process == Absent {
		return s.ended(r), wake
	}
	if r.Process == Ordered {
		return st, wake // its outcome is about to be seen
	}
	if !r.Killed.IsZero() {
		return due(s.Now, r.Killed.Add(killAgain), Step{Kind: Kill, Reason: "it is still there after SIGKILL"})
	}
	if !r.Routed {
		return Step{Kind: Kill, Reason: "it was never given a request"}, wake
	}
	if r.UnroutedAt.IsZero() {
		return st, wake
	}
	drain := s.drainOf(r)
	limit := r.UnroutedAt.Add(drain.Grace)
	if !s.Now.Before(limit) {
		return Step{Kind: Kill, Reason: cut(r, drain.Grace)}, wake
	}
	st, wake = s.beforeLimit(r, drain)
	if st.Kind != "" {
		return st, time.Time{}
	}
	return st, earliest(wake, limit)
}

// Deadline is when what a replica that ends still has in hand is cut: the end of
// its grace period. It is zero before that has begun, and of one that stays.
func (s *State) Deadline(r *Replica) time.Time {
	if r.EndAt.IsZero() || r.Process != Running || !r.Routed || r.UnroutedAt.IsZero() {
		return time.Time{}
	}
	return r.UnroutedAt.Add(s.drainOf(r).Grace)
}

// leaving finds a draining replica that a gateway may still hand requests to;
// nil when there is none.
func (s *State) leaving() *Replica {
	for i := range s.Replicas {
		r := &s.Replicas[i]
		if r.Stage == Draining && r.Process == Running && r.Routed && r.UnroutedAt.IsZero() {
			return r
		}
	}
	return nil
}

// ended is what follows the end of a process that was meant to end.
func (s *State) ended(r *Replica) Step {
	switch {
	case r.Stage == Live:
		return Step{Kind: Start, Reason: "it is restarted in place"}
	case r.Stage == Draining:
		return Step{Kind: Remove, Reason: "its process has ended"}
	case !s.wanted(r):
		return Step{Kind: Remove, Reason: "it failed, and its version is not wanted any more"}
	}
	return Step{} // failed: the record stays
}

// drainOf is how the replica is to end. One whose liveness check gave up is
// ended as soon as nothing is in its hands: it is not expected to hear a signal.
func (s *State) drainOf(r *Replica) api.Drain {
	p := s.Policies[r.Revision]
	if r.Stage == Live || p.Async {
		return api.Drain{Grace: p.Drain.Grace, Mode: api.DrainIdle}
	}
	return p.Drain
}

func (s *State) beforeLimit(r *Replica, drain api.Drain) (st Step, wake time.Time) {
	idle := drain.Mode == api.DrainIdle
	switch {
	case !drain.Sigterm && !idle:
		return st, wake // the whole grace period
	case !r.Signalled.IsZero():
		return st, wake // its exit ends the wait
	case idle && r.IdleSince.IsZero():
		return st, wake
	case idle:
		kind, reason := Kill, "nothing is in flight"
		if drain.Sigterm {
			kind = Terminate
		}
		return due(s.Now, later(r.UnroutedAt, r.IdleSince).Add(idleFor), Step{Kind: kind, Reason: reason})
	case !r.IdleSince.IsZero():
		return Step{Kind: Terminate, Reason: "every request is answered"}, wake
	}
	return due(s.Now, r.LastPicked.Add(readyToHear), Step{Kind: Terminate, Reason: "it has read every request in hand"})
}

func cut(r *Replica, grace time.Duration) string {
	if r.InFlight > 0 {
		return fmt.Sprintf("the grace period of %s is over; %d requests in hand are cut", grace, r.InFlight)
	}
	return fmt.Sprintf("the grace period of %s is over", grace)
}

// due is the step once its time has come, and the time before that.
func due(now, at time.Time, st Step) (Step, time.Time) {
	if now.Before(at) {
		return Step{}, at
	}
	return st, time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
