package controller

import (
	"fmt"
	"slices"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

func (s *service) event(kind, reason, message string) api.Event {
	return api.Event{
		Time: api.At(s.state.Now), Service: s.name(), Type: kind, Reason: reason, Message: message,
		Version: s.state.Service.Current.Version,
	}
}

func (s *service) replicaEvent(kind, reason, message string, r *rollout.Replica) api.Event {
	e := s.event(kind, reason, message)
	e.Replica, e.Version = r.ID, r.Version
	return e
}

// eventsOf tells of what was decided.
func (s *service) eventsOf(steps []rollout.Step) []api.Event {
	var events []api.Event
	for _, st := range steps {
		if e, ok := s.eventOf(st); ok {
			events = append(events, e)
		}
	}
	return events
}

var stepReasons = map[rollout.StepKind]struct{ kind, reason, message string }{
	rollout.Create:    {"normal", "ReplicaCreated", "replica %s starts"},
	rollout.Drain:     {"normal", "ReplicaDraining", "replica %s gets no new requests and ends when it may"},
	rollout.Fail:      {"warning", "ReplicaFailed", "replica %s failed: "},
	rollout.Recycle:   {"warning", "ReplicaNotLive", "replica %s is restarted: "},
	rollout.Terminate: {"normal", "SigtermSent", "SIGTERM to replica %s: "},
	rollout.Kill:      {"normal", "SigkillSent", "SIGKILL to replica %s: "},
	rollout.Remove:    {"normal", "ReplicaEnded", "replica %s is gone: "},
	rollout.Pause:     {"warning", "RolloutPaused", ""},
	rollout.Continue:  {"normal", "RolloutResumed", ""},
	rollout.Complete:  {"normal", "RolloutCompleted", ""},
	rollout.RollBack:  {"normal", "RolloutRolledBack", ""},
	rollout.GoBack:    {"warning", "RolloutGoesBack", ""},
	rollout.BatchDone: {"normal", "BatchCompleted", ""},
	rollout.NextBatch: {"normal", "BatchBegan", ""},
	rollout.Settle:    {"normal", "ScaleReached", ""},
}

func (s *service) eventOf(st rollout.Step) (api.Event, bool) {
	text, ok := stepReasons[st.Kind]
	if !ok {
		return api.Event{}, false // a retried start: the exit before it was told of
	}
	if st.Replica == "" {
		return s.event(text.kind, text.reason, s.rolloutMessage(st)), true
	}
	e := s.event(text.kind, text.reason, fmt.Sprintf(text.message, st.Replica)+st.Reason)
	e.Replica = st.Replica
	e.Version = 0
	if r := s.known(st.Replica); r != nil {
		e.Version = r.Version
		if st.Kind == rollout.Kill && r.Routed && r.InFlight > 0 {
			e.Type = "warning" // requests were cut
		}
	}
	return e, true
}

// known finds a replica in the present state, or, when it has just been
// removed, in what is still stored.
func (s *service) known(id string) *rollout.Replica {
	if r := s.state.Replica(id); r != nil {
		return r
	}
	return s.stored.Replica(id)
}

func (s *service) rolloutMessage(st rollout.Step) string {
	ro := s.state.Service.Rollout
	n := s.state.Service.Desired
	switch st.Kind {
	case rollout.Pause:
		return fmt.Sprintf("the %s to version %d is paused: %s; `sluice rollback %s` goes back, `sluice resume %s` tries again, an update replaces it",
			ro.Kind, ro.To.Version, st.Reason, s.name(), s.name())
	case rollout.Complete:
		return fmt.Sprintf("the %s to version %d is complete: %d of %d replicas run it", ro.Kind, ro.To.Version, n, n)
	case rollout.RollBack:
		return fmt.Sprintf("the %s to version %d is rolled back; version %d serves", ro.Kind, ro.To.Version, s.state.Service.Current.Version)
	case rollout.GoBack:
		return fmt.Sprintf("the %s to version %d is taken back, as its update plan says: %s", ro.Kind, ro.To.Version, st.Reason)
	case rollout.BatchDone:
		return fmt.Sprintf("a batch is complete: %d of %d replicas run version %d", s.state.Counts().Updated, n, ro.To.Version)
	case rollout.NextBatch:
		return fmt.Sprintf("the next batch begins: %d of %d replicas shall run version %d", s.state.Service.TargetUpdated(), n, ro.To.Version)
	case rollout.Settle:
		return fmt.Sprintf("%d replicas are ready, as wanted", n)
	}
	return st.Reason
}

// gatesSeen tells when the gates of a batch have let it go on; what else they
// say is told by what is decided on it.
func (s *service) gatesSeen(seen *rollout.State) []api.Event {
	ro, was := seen.Service.Rollout, s.stored.Service.Rollout
	if ro == nil || ro.GateAction != api.GateContinue || was != nil && was.ID == ro.ID && was.GateAction == ro.GateAction {
		return nil
	}
	return []api.Event{s.event("normal", "GatesPassed", ro.GateReason)}
}

// eventsSeen tells of what has been observed since the last commit.
func (s *service) eventsSeen(seen *rollout.State) []api.Event {
	events := slices.Concat(s.notices, s.gatesSeen(seen))
	stored := make(map[string]*rollout.Replica, len(s.stored.Replicas))
	for i := range s.stored.Replicas {
		stored[s.stored.Replicas[i].ID] = &s.stored.Replicas[i]
	}
	for i := range seen.Replicas {
		r := &seen.Replicas[i]
		was := stored[r.ID]
		if was == nil {
			was = &rollout.Replica{}
		}
		switch {
		case r.Process == rollout.Exited && !r.ExitedAt.Equal(was.ExitedAt):
			if r.Unstartable != "" && r.Exit == was.Exit {
				break // it is tried for ever, and told once
			}
			kind := "warning"
			if r.Stage != rollout.Live {
				kind = "normal"
			}
			reason, what := "ReplicaExited", " ended: "
			if r.Unstartable != "" {
				reason, what = "ReplicaUnstartable", " cannot be started: "
			}
			events = append(events, s.replicaEvent(kind, reason, "replica "+r.ID+what+r.Exit, r))
		case r.Unplaced != "" && was.Unplaced != r.Unplaced:
			events = append(events, s.replicaEvent("warning", "ReplicaPending", "there is no room for replica "+r.ID+": "+r.Unplaced, r))
		case !r.ReadyAt.Equal(was.ReadyAt):
			events = append(events, s.replicaEvent("normal", "ReplicaReady", "replica "+r.ID+" is ready", r))
		case was.Healthy && !r.Healthy && r.Process == rollout.Running && r.Stage == rollout.Live:
			events = append(events, s.replicaEvent("warning", "ReplicaUnready", "replica "+r.ID+" gets no requests: "+r.Complaint, r))
		}
	}
	return events
}
