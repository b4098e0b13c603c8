package rollout

import (
	"fmt"
	"time"
)

const (
	startsWhileNew = 3                      // starts of a newly started replica (rule 4)
	firstBackOff   = 200 * time.Millisecond // before its second start
	secondBackOff  = time.Second            // before its third
	maxBackOff     = 30 * time.Second       // of a replica that restarts without limit
	forgivenAfter  = 60 * time.Second       // of being ready: the back-off begins anew
	placeAgain     = time.Second            // between two tries to place a pending replica
)

// limited tells whether the replica has only a few starts (rule 4): it was
// never ready yet, or it is of the new version and its rollout has not
// completed.
func (s *State) limited(r *Replica) bool {
	ro := s.Service.Rollout
	return !r.proven() || ro.Active() && r.Rollout == ro.ID && s.Service.isTarget(r)
}

// steady tells whether the replica runs as it shall and nothing is due for it:
// most are, so they are told apart before anything else is looked at.
func (s *State) steady(r *Replica) bool {
	return r.Stage == Live && r.Process == Running && !r.NotLive && r.EndAt.IsZero() && r.proven() && s.Service.Strategy.MinReady == 0
}

// live decides the next step of a replica that shall go on, if it needs one,
// and else when to look at it again.
func (s *State) live(r *Replica) (st Step, wake time.Time) {
	deadline := s.deadline(r)
	if !deadline.IsZero() && !s.Now.Before(deadline) {
		return Step{Kind: Fail, Reason: s.tooLate(r)}, wake
	}
	switch r.Process {
	case Absent:
		wake = r.UnplacedAt.Add(placeAgain)
		if !s.Now.Before(wake) {
			return Step{Kind: Start, Reason: "there may be room for it now"}, time.Time{}
		}
		return st, wake
	case Exited:
		return s.afterExit(r, deadline)
	case Running:
		if r.NotLive {
			return s.notLive(r), wake
		}
		if r.Healthy && r.Acked && s.Service.Strategy.MinReady > 0 {
			wake = after(s.Now, r.HealthyAt.Add(s.Service.Strategy.MinReady))
		}
	}
	return st, earliest(wake, deadline)
}

// notLive restarts in place what its liveness check gave up on, while it has
// starts left.
func (s *State) notLive(r *Replica) Step {
	reason := "its liveness check failed: " + r.Complaint
	if s.limited(r) && r.Starts >= startsWhileNew {
		return Step{Kind: Fail, Reason: fmt.Sprintf("it was started %d times, and %s", r.Starts, reason)}
	}
	return Step{Kind: Recycle, Reason: reason}
}

func (s *State) afterExit(r *Replica, deadline time.Time) (st Step, wake time.Time) {
	switch {
	case s.Policies[r.Revision].StayDown:
		return Step{Kind: Fail, Reason: "it ended and runtime.enable_crash_block keeps it down: " + r.Exit}, wake
	case s.limited(r) && r.Unstartable != "":
		return Step{Kind: Fail, Reason: r.Unstartable}, wake
	case s.limited(r) && r.Starts >= startsWhileNew:
		return Step{Kind: Fail, Reason: fmt.Sprintf("it ended %d times: %s", r.Starts, r.Exit)}, wake
	}
	wake = r.ExitedAt.Add(s.backOff(r))
	if s.Now.Before(wake) {
		return st, earliest(wake, deadline)
	}
	return Step{Kind: Start, Reason: r.Exit}, time.Time{}
}

// backOff is how long to wait after an exit: 0.2 s and 1 s while starts are
// limited, else 0.2 s doubling to 30 s.
func (s *State) backOff(r *Replica) time.Duration {
	if s.limited(r) {
		if r.Starts <= 1 {
			return firstBackOff
		}
		return secondBackOff
	}
	d := firstBackOff
	for i := 1; i < r.Streak && d < maxBackOff; i++ {
		d *= 2
	}
	return min(d, maxBackOff)
}

// deadline is when a replica that was never ready fails, zero for never: a
// pending one has none, and a pause makes it stand still (rules 4 and 16).
func (s *State) deadline(r *Replica) time.Time {
	if r.proven() || r.FirstStartAt.IsZero() || r.Process == Absent || s.Service.Rollout.Paused() {
		return time.Time{}
	}
	timeout := s.Policies[r.Revision].StartupTimeout
	if timeout <= 0 {
		return time.Time{}
	}
	return r.FirstStartAt.Add(timeout + r.Stood)
}

func (s *State) tooLate(r *Replica) string {
	why := "it did not become ready"
	switch {
	case r.Process == Exited:
		why = r.Exit
	case r.Complaint != "":
		why = r.Complaint
	case r.Healthy:
		why = "its checks pass, but not every gateway routes to it"
	}
	return fmt.Sprintf("not ready within %s: %s", s.Policies[r.Revision].StartupTimeout, why)
}

// earliest is the earlier of two instants, of which zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// after is t, or zero when it is not after now.
func after(now, t time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}
