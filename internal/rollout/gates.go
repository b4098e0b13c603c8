package rollout

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api"
)

// A batch that is complete must pass the plan's gates before the next one begins,
// the last one before the rollout completes. What they measure is seen, like the
// health of a replica: NoteGates writes it down, and here it is decided upon.

// Judging tells whether the gates are to be asked now: the batch is complete and
// they have not settled what becomes of it.
func (s *State) Judging() bool {
	sv := &s.Service
	return sv.gated() && !sv.Rollout.BatchDoneAt.IsZero() && !sv.Rollout.Paused() && !sv.Stopped
}

// gated tells whether gates stand between the present batch and what follows.
func (s *Service) gated() bool {
	return s.planned() && len(s.Plan.Gates) > 0 && !s.Rollout.RollingBack && s.Rollout.GateAction != api.GateContinue
}

// NoteGates writes down what the gates made of the batch that was complete at
// doneAt, if that is still the present one. Only a change of outcome or action,
// or ten seconds, makes it a new record.
func (s *State) NoteGates(rec api.GateRecord, doneAt time.Time) {
	if !s.Judging() || !s.Service.Rollout.BatchDoneAt.Equal(doneAt) {
		return
	}
	rec.Target = s.Service.TargetUpdated()
	was := s.Service.Rollout.lastGates(doneAt)
	if was != nil && was.Action == rec.Action && sameOutcomes(was.Results, rec.Results) && rec.At.Sub(was.At.Time) < 10*time.Second {
		return
	}
	ro := s.changeRollout()
	ro.GateAction, ro.GateReason = rec.Action, rec.Reason
	list := ro.Gates
	if was != nil {
		list = list[:len(list)-1]
	}
	ro.Gates = append(append([]api.GateRecord{}, list...), rec)
}

// lastGates is the record of the batch that was complete at doneAt, nil for none.
func (ro *Rollout) lastGates(doneAt time.Time) *api.GateRecord {
	if n := len(ro.Gates); n > 0 && !ro.Gates[n-1].At.Before(doneAt) {
		return &ro.Gates[n-1]
	}
	return nil
}

func sameOutcomes(a, b []api.GateResult) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Gate != b[i].Gate || a[i].Outcome != b[i].Outcome {
			return false
		}
	}
	return true
}

// stoppedByGate decides what a gate leads to that was not passed, also while a
// replica of the batch is not well.
func (d *decision) stoppedByGate() bool {
	s, ro := d.s, d.s.Service.Rollout
	if !s.Judging() {
		return false
	}
	switch ro.GateAction {
	case api.GatePause:
		d.step(Step{Kind: Pause, Reason: ro.GateReason})
	case api.GateRollback:
		d.step(Step{Kind: GoBack, Reason: ro.GateReason})
	default:
		return false
	}
	return true
}

// gateWait says what is waited for while gates hold the batch.
func (s *State) gateWait() string {
	ro := s.Service.Rollout
	text := "its gates"
	if ro.GateReason != "" {
		text += ": " + ro.GateReason
	}
	if ro.Asked != nil {
		text += fmt.Sprintf("; then the target is %s", *ro.Asked)
	}
	return text
}
