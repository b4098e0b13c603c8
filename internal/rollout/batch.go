package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// A rollout that a plan leads goes in batches. A batch begins with a target
// (Rollout.TargetUpdated), is complete when so many replicas of the new version
// are ready and the others are of the base, and is followed by the next one:
// when the operator raises the target, or, in automatic mode, when the interval
// has passed since it was complete (rule 15).

// nextBatch begins an automatic batch from a number of updated replicas: 25% of
// 10 leads to 3, 6, 9 and 10.
func (s *State) nextBatch(from int) {
	s.freshBatch()
	ro := s.changeRollout()
	ro.BatchFrom, ro.TargetUpdated = from, s.batchTarget(from)
}

// freshBatch forgets what was found of the batch before.
func (s *State) freshBatch() {
	ro := s.changeRollout()
	ro.BatchAt, ro.BatchDoneAt, ro.Asked = s.Now, time.Time{}, nil
	ro.GateAction, ro.GateReason = "", ""
}

func (s *State) batchTarget(from int) *api.Count {
	n := s.Service.Desired
	to := from + max(1, s.Service.Plan.Batch.Size.Up(n))
	if to >= n {
		return nil
	}
	return &api.Count{Value: to}
}

// resizeBatch gives the batch in progress its new size. Replicas that are on
// their way stay: a smaller batch takes nothing back.
func (s *State) resizeBatch() {
	ro := s.Service.Rollout
	if !ro.BatchDoneAt.IsZero() || ro.RollingBack {
		return // the next one has the new size
	}
	from := max(ro.BatchFrom, s.census().live[target]-s.Service.Plan.Batch.Size.Up(s.Service.Desired))
	s.changeRollout().TargetUpdated = s.batchTarget(from)
}

// atTarget tells whether the mix is what the batch asks for, and all of the new
// version are ready.
func (s *State) atTarget(c *census) bool {
	m := s.Service.mix()
	return c.live[other] == 0 && c.live[base] == m.base && c.live[target] == m.target && c.ready[target] == m.target
}

// nextBatchAt is when the next automatic batch starts; zero when none is due.
// A batch must still be what it was when it was completed.
func (s *State) nextBatchAt() time.Time {
	sv := &s.Service
	ro := sv.Rollout
	if !sv.planned() || sv.Plan.Batch == nil || ro.Paused() || ro.RollingBack || ro.BatchDoneAt.IsZero() || ro.TargetUpdated == nil {
		return time.Time{}
	}
	return ro.BatchDoneAt.Add(sv.Plan.Batch.Interval)
}

// batches notices that a batch is complete and begins the next one when its gates
// are passed and its time has come. One that has a crash after it was completed
// is waited for, with its gates.
func (d *decision) batches() {
	s := d.s
	ro := s.Service.Rollout
	last := s.Service.whole() && !s.Service.gated()
	switch at := s.nextBatchAt(); {
	case !s.Service.planned() || ro.Paused() || ro.RollingBack || last:
	case d.stoppedByGate():
	case !s.atTarget(&d.c):
	case ro.BatchDoneAt.IsZero():
		d.step(Step{Kind: BatchDone})
	case s.Service.gated():
	case ro.Asked != nil:
		d.step(Step{Kind: NextBatch})
	case at.IsZero():
	case s.Now.Before(at):
		d.Wake = earliest(d.Wake, at)
	default:
		d.step(Step{Kind: NextBatch})
	}
}

// PlanView is the plan as users see it, nil without one.
func (s *State) PlanView() *api.Plan {
	p := s.Service.Plan
	if p == nil {
		return nil
	}
	v := &api.Plan{TargetUpdated: s.shown(p.Target), Paused: p.Paused, OnFailure: p.OnFailure, Gates: p.Gates, Phase: api.PlanPending, Total: s.Service.Desired}
	if p.Batch != nil {
		v.Batch = &api.Batch{Size: p.Batch.Size, Interval: api.Interval(p.Batch.Interval)}
	}
	switch {
	case s.Service.planned():
		s.inEffect(v)
	case p.Done:
		v.Phase = api.PlanCompleted
	}
	return v
}

func (s *State) inEffect(v *api.Plan) {
	ro, c := s.Service.Rollout, s.census()
	v.Phase, v.Stage = api.PlanInEffect, api.StageRunning
	v.Target, v.Updated = s.Service.TargetUpdated(), c.updated
	v.NextBatchAt = api.AtPtr(s.nextBatchAt())
	v.WaitingFor = s.WaitingFor()
	v.Paused, v.Judging = ro.Paused(), s.Judging()
	if v.Batch == nil {
		v.TargetUpdated = s.inForce()
	}
	switch {
	case ro.Paused():
		v.Stage = api.StagePaused
	case !ro.RollingBack && s.atTarget(&c):
		v.Stage = api.StageBatchCompleted
	}
}

// inForce is the target of the rollout in progress as it was written.
func (s *State) inForce() *api.Count {
	switch ro := s.Service.Rollout; {
	case ro.RollingBack:
		return &api.Count{}
	case ro.TargetUpdated == nil:
		return &api.Count{Value: s.Service.Desired}
	default:
		return s.shown(ro.TargetUpdated)
	}
}

// shown gives "all" its number.
func (s *State) shown(target *api.Count) *api.Count {
	if target == nil || *target != everyReplica {
		return target
	}
	return &api.Count{Value: s.Service.Desired}
}
