package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// Plan is the update plan of a service: what its next update begins with. It is
// written to by SetPlan and DeletePlan, and by the rollouts it leads.
//
// While it leads a rollout, Rollout.TargetUpdated and Rollout.RollingBack are
// what is in force and change as the operator says; Target stays as it was last
// set while pending, and counts again for the update after (rule 13).
type Plan struct {
	Target    *api.Count    `json:"target"` // manual; nil is all
	Batch     *Batch        `json:"batch"`  // automatic; nil in manual mode
	Paused    bool          `json:"paused"` // the next rollout begins paused
	OnFailure api.OnFailure `json:"on_failure"`
	Gates     []api.Gate    `json:"gates"` // what each batch must pass
	Done      bool          `json:"done"`  // the last rollout was led by it and completed
}

// Batch are the settings of automatic batches (rule 15).
type Batch struct {
	Size     api.Count     `json:"size"`
	Interval time.Duration `json:"interval"`
}

// planned tells whether the plan leads the rollout in progress.
func (s *Service) planned() bool { return s.Plan != nil && s.Rollout.Active() && s.Rollout.Planned }

// mayLead tells whether a plan can lead the rollout in progress: an update, or a
// rollback that it was asked to lead, that has something to go back to. Restarts and version rollbacks ignore plans
// (rule 13).
func (s *Service) mayLead() bool {
	asked := s.Rollout.Active() && (s.Rollout.Kind == api.KindUpdate || s.Rollout.ByPlan)
	return asked && s.divided()
}

// changePlan gives the plan to be written to, a copy for the same reason as in
// changeRollout; a new one where there is none.
func (s *State) changePlan() *Plan {
	p := Plan{OnFailure: api.FailurePauses}
	if s.Service.Plan != nil {
		p = *s.Service.Plan
	}
	s.Service.Plan = &p
	return &p
}

// engage lets the plan lead the rollout that has just begun, if it may.
func (s *State) engage() {
	if s.Service.Plan == nil || !s.Service.mayLead() {
		return
	}
	s.freshBatch()
	p, ro := s.changePlan(), s.changeRollout()
	ro.Planned, p.Done = true, false
	switch {
	case p.Batch != nil:
		s.nextBatch(0)
	case p.Target != nil:
		ro.TargetUpdated = s.kept(*p.Target)
	}
	if p.Paused {
		p.Paused = false
		s.pause(PausedByUser)
	}
}

// kept is a target as it is kept: one that asks for every replica there is now
// is "all", and stays all whatever the service is scaled to (rules 14 and 18).
func (s *State) kept(target api.Count) *api.Count {
	if target.Up(s.Service.Desired) >= s.Service.Desired && s.Service.Desired > 0 {
		return nil
	}
	return &target
}

// everyReplica is "all" as a target.
var everyReplica = api.Count{Value: 100, Percent: true}

// SetPlan makes a plan, or changes the one there is; ch has been checked. What
// it changes of a plan in effect acts at once (rules 13 to 17).
func (s *State) SetPlan(ch api.PlanChange) error {
	if err := s.refusePlan(ch); err != nil {
		return err
	}
	made := s.Service.Plan == nil
	p := s.changePlan()
	p.Done = false
	switch {
	case made && s.Service.mayLead():
		s.changeRollout().Planned = true
	case made, !s.Service.planned():
		s.setPending(p, ch)
		return nil
	}
	s.adjust(p, ch, made)
	return nil
}

func (s *State) refusePlan(ch api.PlanChange) error {
	sv := &s.Service
	if t := ch.TargetUpdated; t != nil && t.Value > sv.Desired && !t.Percent {
		return api.InvalidPlan("target_updated", *t, "%d replicas are desired; 0 to %d, or a percentage, is allowed", sv.Desired, sv.Desired)
	}
	if b := ch.Batch; b != nil && b.Interval == nil && (sv.Plan == nil || sv.Plan.Batch == nil) {
		return api.InvalidPlan("batch.interval", nil, "it is missing; 90s, 5m and 1h are how one is written")
	}
	if !ch.OnlyPauses() || *ch.Paused {
		return nil
	}
	paused := sv.Plan != nil && sv.Plan.Paused && !sv.planned() || sv.planned() && sv.Rollout.Paused()
	switch {
	case paused && sv.Stopped && sv.planned():
		return refuse("`sluice start "+sv.Name+"` starts it", "service %s is stopped", sv.Name)
	case paused, sv.Plan == nil:
		return nil
	}
	return refuse("", "the update plan of %s is not paused", sv.Name)
}

// setPending changes a plan that leads nothing.
func (s *State) setPending(p *Plan, ch api.PlanChange) {
	p.setMode(ch)
	if t := ch.TargetUpdated; t != nil {
		p.Target = t
		if !t.Percent && s.kept(*t) == nil {
			p.Target = &everyReplica
		}
	}
	if ch.Paused != nil {
		p.Paused = *ch.Paused
	}
}

// setMode changes everything but targets and pauses. In manual mode the target
// that came with it is remembered, unless one was set while pending.
func (p *Plan) setMode(ch api.PlanChange) {
	switch {
	case ch.TargetUpdated != nil && (p.Batch != nil || p.Target == nil):
		p.Target, p.Batch = ch.TargetUpdated, nil
	case ch.Batch != nil:
		b := Batch{Size: api.DefaultBatchSize}
		if p.Batch != nil {
			b = *p.Batch
		}
		if ch.Batch.Size != nil {
			b.Size = *ch.Batch.Size
		}
		if ch.Batch.Interval != nil {
			b.Interval = time.Duration(*ch.Batch.Interval)
		}
		p.Target, p.Batch = nil, &b
	}
	if ch.OnFailure != nil {
		p.OnFailure = *ch.OnFailure
	}
	if ch.Gates != nil {
		p.Gates = *ch.Gates
	}
}

// adjust changes a plan in effect, or one that takes effect by being made in the
// middle of an update. A change of mode goes on from what is updated now; a
// rollback under way stays one until a target is set that is not 0.
func (s *State) adjust(p *Plan, ch api.PlanChange, made bool) {
	resized := p.Batch != nil && ch.Batch != nil
	p.setMode(ch)
	if made || ch.Gates != nil {
		s.freshBatch() // other gates look anew
	}
	switch {
	case ch.TargetUpdated != nil:
		s.aim(*ch.TargetUpdated)
	case resized:
		s.resizeBatch()
	case ch.Batch != nil:
		s.nextBatch(s.census().ready[target])
	}
	if made && s.Service.Rollout.PausedBy == PausedByPlanDeleted {
		s.dismissFailed()
		s.unpause()
	}
	switch {
	case ch.Paused == nil:
	case *ch.Paused:
		s.pause(PausedByUser)
	case s.Service.Rollout.Paused():
		s.dismissFailed()
		s.unpause()
	}
}

// aim sets the target of a plan in effect by hand. 0 takes everything back; a
// higher one waits for the gates of the present batch.
func (s *State) aim(to api.Count) {
	n := s.Service.Desired
	switch {
	case to.Value == 0:
		s.goBack("")
	case s.Service.gated() && to.Up(n) > s.Service.TargetUpdated():
		s.changeRollout().Asked = s.asked(to)
	default:
		s.advance(to)
	}
}

// asked is a target that waits for gates; "all" is kept as what it is.
func (s *State) asked(to api.Count) *api.Count {
	if s.kept(to) == nil {
		return &everyReplica
	}
	return &to
}

// advance begins a batch by hand.
func (s *State) advance(to api.Count) {
	s.freshBatch()
	ro := s.changeRollout()
	ro.RollingBack, ro.TargetUpdated = false, s.kept(to)
}

// PlanRollback takes every updated replica back to the base. The plan keeps its
// mode and settings; the rollout ends rolled_back (rules 14 and 25).
func (s *State) PlanRollback() error {
	sv := &s.Service
	switch {
	case !sv.planned():
		return refuse("`sluice rollback "+sv.Name+"` goes back to an earlier version",
			"the update plan of %s leads no rollout, so there is nothing to take back", sv.Name)
	case sv.Rollout.RollingBack && !sv.Rollout.Paused():
		return refuse("wait for its end", "rollout %s is being rolled back already", sv.Rollout.ID)
	}
	s.goBack("")
	return nil
}

// goBack turns the rollout round; why is "" when an operator asked for it. It
// ends a pause, like every rollback. While the service is stopped it waits for
// the start.
func (s *State) goBack(why string) {
	s.freshBatch()
	ro := s.changeRollout()
	ro.RollingBack = true
	s.dismissFailed()
	switch {
	case s.Service.Stopped:
		ro.Restore = true
	case ro.Paused():
		s.unpause()
	}
	s.changeRollout().Message = why
}

// DeletePlan removes the plan. A rollout that it leads stays where it is until
// somebody says how it goes on (rule 17).
func (s *State) DeletePlan() {
	sv := &s.Service
	if sv.planned() {
		s.pause(PausedByPlanDeleted)
		ro := s.changeRollout()
		ro.Planned, ro.TargetUpdated, ro.BatchDoneAt, ro.Asked = false, nil, time.Time{}, nil
		if ro.PausedBy != PausedByStop { // what a failure said stays the message
			ro.PausedBy = PausedByPlanDeleted
		}
	}
	sv.Plan = nil
}
