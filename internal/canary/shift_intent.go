package canary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// ChangeShift begins a shift, or changes the one in progress; was is nil when
// there was none, and ch has been checked. Two at once in a group are refused.
// The caller decides next (DecideShift), which takes the first step.
func ChangeShift(was *Shift, ch api.ShiftChange, g Group, creator string, now time.Time) (Shift, error) {
	switch {
	case was.Active() && was.To != ch.To:
		return Shift{}, refuse(fmt.Sprintf("wait for its end, or take it back with `sluice shift abort %s`", was.To),
			"a shift to %s is in progress, and a group has one at a time", was.To)
	case was.Active():
		return was.changed(ch, now)
	case ch.OnlyPauses():
		return Shift{}, refuse("`sluice shift "+ch.To+"` begins one", "no shift to %s is in progress", ch.To)
	}
	return begin(ch, g, creator, now)
}

func begin(ch api.ShiftChange, g Group, creator string, now time.Time) (Shift, error) {
	s := Shift{To: ch.To, Steps: slices.Clone(ch.Steps), Interval: time.Duration(api.DefaultShiftInterval), MaxLoad: api.DefaultMaxLoad,
		Phase: api.ShiftRunning, Before: before(g), Creator: creator, StartedAt: now}
	if s.Steps == nil {
		s.Steps = slices.Clone(api.DefaultSteps)
	}
	s.set(ch)
	s.Reference = s.Before.ready()
	if err := s.refuseBegin(g); err != nil {
		return Shift{}, err
	}
	if ch.Paused != nil && *ch.Paused {
		s = PauseShift(s, ByUser, "", now)
	}
	return s, nil
}

// set takes over everything but steps and pauses.
func (s *Shift) set(ch api.ShiftChange) {
	if ch.Interval != nil {
		s.Interval = time.Duration(*ch.Interval)
	}
	if ch.MaxLoad != nil {
		s.MaxLoad = *ch.MaxLoad
	}
	if ch.Scale != nil {
		s.Scale = *ch.Scale
	}
	if ch.Gates != nil {
		s.Gates = *ch.Gates
	}
}

func (s *Shift) refuseBegin(g Group) error {
	to := g.find(s.To)
	has, all := s.Before.find(s.To).Part, s.Before.all()
	last := s.Steps[len(s.Steps)-1]
	switch {
	case to == nil:
		return api.InvalidShift("to", s.To, "the group has no such member; it has %s", strings.Join(names(g), ", "))
	case to.Stopped:
		return refuse("`sluice start "+s.To+"` starts it", "service %s is stopped, so it can take no traffic", s.To)
	case to.Desired == 0 && !s.Scale:
		return refuse("scale it, or let the shift do so with --scale", "service %s has no replicas", s.To)
	case all == 0:
		return refuse("give them weights, or wait until replicas are ready", "no member of the group has a share of its traffic, so there is nothing to shift")
	case has == all:
		return refuse("", "service %s has all the traffic of the group already", s.To)
	case s.Reference == 0:
		return refuse("wait for one", "no member that has a share has a ready replica, so nothing says what a replica can carry")
	case s.next() == 0:
		return api.InvalidShift("steps", s.Steps, "service %s has %s of the traffic already and the last step is %d%%; take traffic back with `sluice release`",
			s.To, percentage(float64(has)/float64(all)), last)
	}
	return nil
}

func names(g Group) []string {
	list := make([]string, len(g.Members))
	for i, m := range g.Members {
		list[i] = m.Service
	}
	return list
}

// changed is a shift in progress with other settings. Other gates look anew.
func (s Shift) changed(ch api.ShiftChange, now time.Time) (Shift, error) {
	if ch.Steps != nil {
		if last := ch.Steps[len(ch.Steps)-1]; last < s.Percent {
			return Shift{}, api.InvalidShift("steps", ch.Steps, "%d%% is in force and steps only go up; `sluice shift abort %s` takes traffic back", s.Percent, s.To)
		}
		steps := s.Steps
		s.Steps = slices.Clone(ch.Steps)
		if s.Percent == 0 && s.next() == 0 {
			return Shift{}, api.InvalidShift("steps", ch.Steps, "service %s has more than that already; the steps were %v", s.To, steps)
		}
	}
	s.set(ch)
	if ch.Gates != nil {
		s.fresh()
	}
	switch {
	case ch.Paused == nil:
	case *ch.Paused:
		return PauseShift(s, ByUser, "", now), nil
	case s.Phase == api.ShiftPaused:
		return ResumeShift(s, now), nil
	case ch.OnlyPauses():
		return Shift{}, refuse("", "the shift to %s is not paused", s.To)
	}
	return s, nil
}

// PauseShift stops a shift where it is. What it was paused by first stays the
// reason. The weights in force stay.
func PauseShift(s Shift, by, message string, now time.Time) Shift {
	if s.Phase == api.ShiftRunning {
		s.Phase, s.Reason, s.Message, s.PausedAt = api.ShiftPaused, by, message, now
	}
	return s
}

// ResumeShift lets it go on. Its countdown stood still; after a gate it is
// measured anew, and after To was set standalone it is put back.
func ResumeShift(s Shift, now time.Time) Shift {
	if s.Phase != api.ShiftPaused {
		return s
	}
	switch {
	case s.Reason == ByGate:
		s.fresh()
	case !s.ReachedAt.IsZero():
		s.ReachedAt = s.ReachedAt.Add(now.Sub(s.PausedAt))
	}
	s.Rejoin = true
	s.Phase, s.Reason, s.Message, s.PausedAt = api.ShiftRunning, "", "", time.Time{}
	return s
}

// AbortShift goes back at once to the split before the shift, whatever the load:
// mode, weights, and To's traffic state; replicas that the shift asked for go
// too. message is "" when a person asked for it.
//
// Mode auto is not restored while it would give To more than it had, because To
// has been given more replicas by hand: then weights keep the shares of the start
// and the message says so. A To that was set standalone by hand stays so.
func AbortShift(s Shift, g Group, by, message string, now time.Time) ShiftDecision {
	s.Phase, s.Reason, s.Message, s.EndedAt = api.ShiftAborted, by, message, now
	d := ShiftDecision{}
	was, to := s.Before.find(s.To), g.find(s.To)
	sp := Split{Mode: s.Before.Mode, Weights: map[string]int{}}
	for _, p := range s.Before.Members {
		if g.find(p.Service) != nil {
			sp.Weights[p.Service] = p.Weight
		}
	}
	if to != nil {
		counts := to.counts()
		if s.Scaled > 0 && to.Desired == s.Scaled && was.Desired < s.Scaled {
			d.Scale = &Scale{Service: s.To, To: was.Desired}
			counts = min(counts, was.Desired)
		}
		if to.State == api.StateGrouping && was.State == api.StateStandalone {
			sp.States = map[string]api.TrafficState{s.To: api.StateStandalone}
		}
		takes := to.State == api.StateGrouping && was.State == api.StateGrouping
		if sp.Mode == api.ModeAuto && takes && counts > was.Part {
			if kept, ok := s.split(0, g); ok {
				sp = kept
				s.Message = strings.TrimPrefix(s.Message+"; ", "; ") + fmt.Sprintf("the traffic mode stays customized: in auto the %d replicas of %s would get more than before", counts, s.To)
			}
		}
	}
	d.Shift, d.Set = s, &sp
	return d
}

// EndShift completes a shift where it stands, since a promotion takes over.
func EndShift(s Shift, now time.Time) Shift {
	s.Phase, s.Reason, s.Message, s.EndedAt = api.ShiftCompleted, "", "a promotion of service "+s.To+" took over", now
	return s
}

// View is the shift as it is shown.
func (s Shift) View(g Group, now time.Time) *api.Shift {
	d := DecideShift(s, g, now)
	v := &api.Shift{To: s.To, Steps: s.Steps, Interval: api.Interval(s.Interval), MaxLoad: s.MaxLoad, Scale: s.Scale, Gates: s.Gates,
		Phase: s.Phase, Reason: s.Reason, Percent: s.Percent, Judging: s.Judging(), Message: s.Message, Before: []api.MemberBefore{},
		ModeBefore: s.Before.Mode, Records: s.Records, Creator: s.Creator, StartedAt: api.At(s.StartedAt), EndedAt: api.AtPtr(s.EndedAt)}
	if !s.Phase.Ended() {
		v.Next, v.NextStepAt, v.WaitingFor = s.next(), api.AtPtr(d.NextStepAt), d.WaitingFor
	}
	for _, p := range s.Before.Members {
		share := 0.0
		if all := s.Before.all(); all > 0 {
			share = float64(p.Part) / float64(all)
		}
		v.Before = append(v.Before, api.MemberBefore{Service: p.Service, State: p.State, Weight: p.Weight, Share: share})
	}
	return v
}
