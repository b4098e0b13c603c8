package rollout

import (
	"strconv"
	"time"

	"sluice.dev/sluice/api"
)

// StepKind is what a Step does.
type StepKind string

const (
	// Steps that need an act: the caller carries them out after it stored them.
	Create    StepKind = "create"    // a new replica of Step.To; its process is to be started
	Start     StepKind = "start"     // start the replica's process again
	Drain     StepKind = "drain"     // take it out of the routing table; it ends, then its record goes
	Fail      StepKind = "fail"      // the same, but its record stays
	Recycle   StepKind = "recycle"   // take it out of the routing table and restart it in place
	Terminate StepKind = "terminate" // SIGTERM to its main process
	Kill      StepKind = "kill"      // SIGKILL to all it started
	Remove    StepKind = "remove"    // its process has ended: let go of what it held

	// Steps that only change what is recorded.
	Begin    StepKind = "begin"     // the rollout is under way
	Pause    StepKind = "pause"     // by a failure
	Continue StepKind = "continue"  // the mix from before the stop is back
	Complete StepKind = "complete"  // the rollout has reached its target
	RollBack StepKind = "roll_back" // the rollout is back at its base
	GoBack   StepKind = "go_back"   // the rollout turns round, because of a failure

	BatchDone StepKind = "batch_done" // the batch has reached its target
	NextBatch StepKind = "next_batch" // the interval has passed
	Settle    StepKind = "settle"     // a scale or a start has been reached
)

// Step is one thing that Decide decided.
type Step struct {
	Kind    StepKind
	Replica string // its id; "" for steps about the rollout
	To      Target // for Create
	// Generation is stamped on what Create makes.
	Generation int
	Reason     string // one sentence, for the event
	index      int    // in State.Replicas
}

// Apply folds a step of Decide(s) into the state. Steps are applied in their
// order, to the state that Decide saw.
func Apply(s *State, st Step) {
	switch st.Kind {
	case Create:
		s.create(st)
		return
	case Remove:
		s.remove(st.Replica)
		return
	case Begin, Pause, Continue, Complete, RollBack, GoBack, BatchDone, NextBatch, Settle:
		s.applyToRollout(st)
		return
	}
	r := s.find(st)
	if r == nil {
		return
	}
	switch st.Kind {
	case Start:
		r.start()
	case Drain:
		r.Stage, r.EndAt = Draining, s.Now
	case Fail:
		r.Stage, r.EndAt, r.Failure = Failed, s.Now, st.Reason
	case Recycle:
		r.EndAt = s.Now
	case Terminate:
		r.Signalled = s.Now
	case Kill:
		r.Killed = s.Now
	}
}

// start makes the record of a process about to be started: everything seen of
// the one before is forgotten. One without room stays so until it has started.
func (r *Replica) start() {
	r.Starts++
	r.Process = Ordered
	r.Unstartable = ""
	r.Healthy, r.HealthyAt, r.Complaint, r.NotLive = false, time.Time{}, "", false
	r.Routed, r.Acked, r.UnroutedAt = false, false, time.Time{}
	r.EndAt, r.Signalled, r.Killed = time.Time{}, time.Time{}, time.Time{}
}

func (s *State) create(st Step) {
	r := Replica{
		ID: st.Replica, Version: st.To.Version, Revision: st.To.Revision,
		Generation: st.Generation, CreatedAt: s.Now, Stage: Live,
	}
	if s.Service.Rollout.Active() {
		r.Rollout = s.Service.Rollout.ID
	}
	r.start()
	s.Service.NextSeq++
	s.Replicas = append(s.Replicas, r)
}

// replicaID names the k-th replica that one Decide makes. Ids are never used
// twice: NextSeq only grows.
func (s *Service) replicaID(version, k int) string {
	return s.Name + "-" + strconv.Itoa(version) + "-" + strconv.Itoa(s.NextSeq+k)
}

func (s *State) find(st Step) *Replica {
	if st.index < len(s.Replicas) && s.Replicas[st.index].ID == st.Replica {
		return &s.Replicas[st.index]
	}
	return s.Replica(st.Replica)
}

// Replica finds a replica by id, nil when there is none.
func (s *State) Replica(id string) *Replica {
	for i := range s.Replicas {
		if s.Replicas[i].ID == id {
			return &s.Replicas[i]
		}
	}
	return nil
}

func (s *State) remove(id string) {
	for i := range s.Replicas {
		if s.Replicas[i].ID == id {
			s.Replicas = append(s.Replicas[:i], s.Replicas[i+1:]...)
			return
		}
	}
}

func (s *State) applyToRollout(st Step) {
	if st.Kind == Settle {
		s.Service.Scaling = false
		return
	}
	ro := s.changeRollout()
	switch st.Kind {
	case Begin:
		ro.Phase = api.RolloutRunning
	case Pause:
		by := PausedByFailure
		if ro.GateAction == api.GatePause {
			by = PausedByGate
		}
		s.pause(by)
		ro = s.Service.Rollout
		ro.PausedBy, ro.Message, ro.Restore = by, st.Reason, false
	case Continue:
		s.unpause()
	case Complete:
		ro.Phase, ro.EndedAt = api.RolloutCompleted, s.Now
		to := ro.To
		s.Service.Base = &to
		s.Service.Scaling = false
		s.forgiveExits(ro.ID)
		if ro.Planned && s.Service.Plan != nil {
			s.changePlan().Done = true
		}
	case RollBack:
		ro.Phase, ro.EndedAt = api.RolloutRolledBack, s.Now
		s.Service.Current = *s.Service.Base
	case GoBack:
		s.goBack(st.Reason)
	case BatchDone:
		ro.BatchDoneAt = s.Now
	case NextBatch:
		if ro.Asked != nil {
			s.advance(*ro.Asked)
			return
		}
		s.nextBatch(s.Service.TargetUpdated())
	}
}

// changeRollout gives the rollout to be written to. It is a copy, so that a
// State copied by value never changes under whoever holds it.
func (s *State) changeRollout() *Rollout {
	ro := *s.Service.Rollout
	s.Service.Rollout = &ro
	return &ro
}

// forgiveExits starts the count of exits afresh for what a completed rollout
// made: from now on they restart without limit (rule 4).
func (s *State) forgiveExits(rollout string) {
	for i := range s.Replicas {
		if s.Replicas[i].Rollout == rollout {
			s.Replicas[i].Streak = 0
		}
	}
}
