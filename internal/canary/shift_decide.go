package canary

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api"
)

// ShiftDecision is what follows now. The caller stores Shift, Set and Scale in
// one transaction, then acts.
type ShiftDecision struct {
	Shift      Shift
	Set        *Split    // nil: the weights stay
	Scale      *Scale    // nil: nothing is scaled
	NextStepAt time.Time // zero when none is due
	WaitingFor string    // one sentence; "" when the shift has ended
	Wake       time.Time // decide again then, if nothing happens before; zero for never
}

// DecideShift says what a shift does next. What happens to members meanwhile:
//
//   - To has too few ready replicas for its step (a crash, a stop, a scale down):
//     nothing moves, gateways skip it if it has none; the interval begins anew
//     when it carries the step again. With Scale it is scaled up first.
//   - To is set standalone by hand: the shift pauses; a resume puts it back.
//   - To leaves the group or is deleted: the shift is aborted.
//   - Another member leaves or is set standalone: its part goes to the other
//     others, so that To keeps its percentage; if they cannot carry that, To has
//     more than its step says until the next one.
//     Nobody else is left: To has everything, and the shift is completed; before
//     its first step it is aborted.
//   - A member joins or gets a weight by hand: it gets nothing until the end.
//   - Others are scaled: their proportion stays that of the start.
func DecideShift(s Shift, g Group, now time.Time) ShiftDecision {
	d := shiftDecision{ShiftDecision{Shift: s}, g, now}
	d.decide()
	if d.Shift.Phase.Ended() {
		d.WaitingFor = ""
	}
	return d.ShiftDecision
}

type shiftDecision struct {
	ShiftDecision
	g   Group
	now time.Time
}

func (d *shiftDecision) decide() {
	s := &d.Shift
	if s.Phase.Ended() {
		return
	}
	to := d.g.find(s.To)
	if to == nil {
		d.ShiftDecision = AbortShift(*s, d.g, ByGone, "service "+s.To+" has left the group", d.now)
		return
	}
	if s.Phase == api.ShiftPaused {
		d.WaitingFor = s.pausedFor()
		return
	}
	if s.Percent > 0 && to.State != api.StateGrouping && !s.Rejoin {
		d.pause(ByStandalone, "service "+s.To+" was set standalone")
		return
	}
	s.startFrom(d.g)
	s.Rejoin = s.Rejoin && to.State != api.StateGrouping
	if d.stoppedByGate() {
		return
	}
	sp, ok := s.split(s.Percent, d.g)
	switch {
	case !ok && s.Percent == 0:
		d.ShiftDecision = AbortShift(*s, d.g, ByGone, "no other member of the group takes a share any more", d.now)
	case !ok:
		d.complete("no other member takes a share any more; service " + s.To + " has all the traffic")
	case !d.g.has(sp) && d.correct(sp):
	case !d.g.InForce:
		s.ReachedAt = time.Time{}
		d.WaitingFor = "every gateway to have the weights"
	default:
		d.advance()
	}
}

// correct puts the present step in force, or back in force. When others cannot
// carry what To has of them too much, because one of them has left, it stays so,
// and the shift goes on from there.
func (d *shiftDecision) correct(sp Split) bool {
	lack := d.lack(sp)
	if lack != nil && lack.Service != d.Shift.To {
		return false
	}
	d.Shift.ReachedAt = time.Time{}
	if lack != nil {
		d.waitFor(lack, d.Shift.Percent)
		return true
	}
	d.Set = &sp
	d.WaitingFor = "every gateway to have the weights"
	return true
}

// advance goes on from a step that is in force everywhere.
func (d *shiftDecision) advance() {
	s := &d.Shift
	if lack := d.uncarried(); lack != nil {
		s.ReachedAt = time.Time{}
		d.waitFor(lack, s.Percent)
		return
	}
	if s.ReachedAt.IsZero() {
		s.fresh()
		s.ReachedAt = d.now
	}
	next := d.next()
	at := s.ReachedAt.Add(s.Interval)
	switch {
	case next == 0 && !s.gated():
		d.complete(fmt.Sprintf("service %s has %s of the traffic", s.To, percentage(Shares(d.g.Mode, d.g.Members)[d.g.index(s.To)])))
	case next > 0 && s.Percent > 0 && d.now.Before(at):
		d.NextStepAt, d.Wake = at, at
		d.WaitingFor = fmt.Sprintf("the next step, %d%%", next)
		if s.gated() {
			d.WaitingFor = s.gateWait()
		}
	case s.gated():
		d.WaitingFor = s.gateWait()
	default:
		d.step(next)
	}
}

// next is the step after the one in force. One that To has passed already, because
// others have left, is left out when those who are left cannot carry it.
func (d *shiftDecision) next() int {
	s := d.Shift
	share := Shares(d.g.Mode, d.g.Members)[d.g.index(s.To)]
	for next := s.next(); next > 0; next = s.next() {
		sp, _ := s.split(next, d.g)
		lack := d.lack(sp)
		if lack == nil || lack.Service == s.To || float64(next)/100 > share {
			return next
		}
		s.Percent = next
	}
	return 0
}

// step begins the next step, if To can carry it.
func (d *shiftDecision) step(next int) {
	s := &d.Shift
	sp, _ := s.split(next, d.g)
	if lack := d.lack(sp); lack != nil {
		d.waitFor(lack, next)
		return
	}
	s.Percent = next
	s.fresh()
	d.Set = &sp
	d.WaitingFor = "every gateway to have the weights"
}

// lack is what stands against a split. A step to a member that has nothing ready
// would move nothing, so it waits too.
func (d *shiftDecision) lack(sp Split) *Lack {
	s := &d.Shift
	if to := d.g.find(s.To); to.counts() == 0 && sp.Weights[s.To] > 0 {
		then := d.g.With(sp)
		share := Shares(then.Mode, then.Members)[d.g.index(s.To)]
		return &Lack{Service: s.To, Share: share, Need: max(1, needed(share, s.most(d.g)(s.To)))}
	}
	return d.g.overload(sp, s.most(d.g), s.To)
}

// uncarried is what To lacks for the step in force.
func (d *shiftDecision) uncarried() *Lack {
	s, i := &d.Shift, d.g.index(d.Shift.To)
	if s.Percent == 0 {
		return nil
	}
	to := d.g.Members[i]
	share := Shares(d.g.Mode, d.g.Members)[i]
	if got := carried(Weights(d.g.Mode, d.g.Members), d.g.Members)[i]; got > share {
		share = got
	}
	need := max(1, needed(share, s.most(d.g)(s.To)))
	if to.counts() >= need {
		return nil
	}
	return &Lack{Service: s.To, Share: share, Need: need, Have: to.counts()}
}

// waitFor says what a step lacks, and has To scaled up if that is told.
func (d *shiftDecision) waitFor(lack *Lack, percent int) {
	s := &d.Shift
	m := d.g.find(lack.Service)
	d.WaitingFor = lack.words(s.reference(d.g))
	want := s.want(percent, d.g, lack)
	switch {
	case m.Stopped:
		d.WaitingFor += fmt.Sprintf("; it is stopped, `sluice start %s` starts it", m.Service)
	case m.Desired >= lack.Need:
	case s.Scale && lack.Service == s.To && want <= api.MaxInstances:
		d.Scale = &Scale{Service: s.To, To: want}
		s.Scaled = want
	default:
		d.WaitingFor += fmt.Sprintf("; `sluice scale %s %d` gives it enough", m.Service, lack.Need)
	}
}

// words: "2 more ready replicas of canary: 25% of the traffic of 8 replicas needs
// 2, 0 are ready".
func (l *Lack) words(reference int) string {
	more, are := "replicas", "are"
	if l.Need-l.Have == 1 {
		more = "replica"
	}
	if l.Have == 1 {
		are = "is"
	}
	return fmt.Sprintf("%d more ready %s of %s: %s of the traffic of %d replicas needs %d, %d %s ready",
		l.Need-l.Have, more, l.Service, percentage(l.Share), reference, l.Need, l.Have, are)
}

// percentage writes a share with as many digits as it takes to see it.
func percentage(share float64) string { return fmt.Sprintf("%.4g%%", 100*share) }

func (d *shiftDecision) stoppedByGate() bool {
	s := &d.Shift
	if !s.Judging() {
		return false
	}
	switch s.GateAction {
	case api.GatePause:
		d.pause(ByGate, s.GateReason)
	case api.GateRollback:
		d.ShiftDecision = AbortShift(*s, d.g, ByGate, s.GateReason, d.now)
	default:
		return false
	}
	return true
}

func (d *shiftDecision) pause(by, message string) {
	d.Shift = PauseShift(d.Shift, by, message, d.now)
	d.WaitingFor = d.Shift.pausedFor()
}

func (d *shiftDecision) complete(message string) {
	s := &d.Shift
	s.Phase, s.Reason, s.Message, s.EndedAt = api.ShiftCompleted, "", message, d.now
}

func (s *Shift) gateWait() string {
	if s.GateReason != "" {
		return "its gates: " + s.GateReason
	}
	return "its gates"
}

func (s *Shift) pausedFor() string {
	switch s.Reason {
	case ByGate:
		return "a resume, which measures anew, or an abort, since " + s.Message
	case ByStandalone:
		return "a resume, which puts service " + s.To + " back, or an abort, since " + s.Message
	}
	return "a resume or an abort"
}
