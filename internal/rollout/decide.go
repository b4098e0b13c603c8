package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// Decision is what Decide found to do.
type Decision struct {
	Steps []Step
	// Wake is when to decide again though nothing has happened; zero for never.
	Wake time.Time
}

// Decide says what to do now. It reads the state and changes nothing; see the
// package documentation for what its caller owes.
//
// Steps already decided are not decided again before what they lead to is seen,
// so a Decide whose steps were applied and that has nothing new to look at
// returns none: deciding once more is always safe.
func Decide(s *State) Decision {
	d := decision{s: s}
	ro := s.Service.Rollout
	if ro.Active() && ro.Phase == api.RolloutPending && !s.Service.Stopped {
		d.step(Step{Kind: Begin})
	}
	d.lives()
	if d.failure != "" && ro.Active() && (!ro.Paused() || ro.Restore) {
		kind := Pause
		if d.ofTarget && s.Service.turnsRound() {
			kind = GoBack
		}
		d.step(Step{Kind: kind, Reason: d.failure})
		return d.Decision
	}
	d.converge()
	if len(d.Steps) == 0 {
		d.arrive()
	}
	if len(d.Steps) == 0 {
		d.batches()
	}
	return d.Decision
}

// decision is a Decision in the making: each step is judged by the census that
// the ones before it lead to.
type decision struct {
	Decision
	s       *State
	c       census
	failure string // of a wanted replica that fails now
	// ofTarget tells that one such is of the version that is rolled out.
	ofTarget bool
	// ownSteps is how many of the first steps may be replicas' own.
	ownSteps int
}

func (d *decision) step(st Step) { d.Steps = append(d.Steps, st) }

// lives takes each replica's own next step and counts it as it is after that.
func (d *decision) lives() {
	s := d.s
	for i := range s.Replicas {
		r := &s.Replicas[i]
		if s.steady(r) {
			d.c.add(s, r, 1)
			continue
		}
		var st Step
		var wake time.Time
		if r.Stage == Live && r.EndAt.IsZero() {
			st, wake = s.live(r)
		} else {
			st, wake = s.shutdown(r)
		}
		d.Wake = earliest(d.Wake, wake)
		if st.Kind != "" {
			st.Replica, st.index = r.ID, i
			d.step(st)
		}
		if st.Kind != Fail {
			d.c.add(s, r, 1)
			continue
		}
		failed := *r
		failed.Stage = Failed
		d.c.add(s, &failed, 1)
		if d.failure == "" && s.wanted(r) {
			d.failure = "replica " + r.ID + " failed: " + st.Reason
		}
		d.ofTarget = d.ofTarget || s.sideOf(r) == target
	}
	d.ownSteps = len(d.Steps)
}

// arrive notices that what was wanted has been reached. Replicas of another
// version may still drain, but no gateway hands them requests any more: who is
// told of the end meets the new version only.
func (d *decision) arrive() {
	s, c := d.s, &d.c
	ro := s.Service.Rollout
	n := s.Service.desired()
	if s.Service.Stopped || s.Service.Deleting {
		return
	}
	m := s.Service.mix()
	there := s.leaving() == nil && c.live[other] == 0 && c.live[target] == m.target && c.ready[target] == m.target
	switch {
	case ro.Paused() && ro.Restore && c.allReady() == n && c.allLive() == n:
		d.step(Step{Kind: Continue, Reason: "the mix from before the stop is back"})
	case ro.Active() && !ro.Paused() && there && s.Service.whole() && c.live[base] == 0 && !s.Service.gated():
		d.step(Step{Kind: Complete})
	case ro.Active() && !ro.Paused() && there && ro.RollingBack && c.ready[base] == n && c.live[base] == n:
		d.step(Step{Kind: RollBack})
	}
	if s.Service.Scaling && c.allReady() == n && c.allLive() == n {
		d.step(Step{Kind: Settle})
	}
}
