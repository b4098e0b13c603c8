package controller

import (
	"errors"
	"math"
	"time"

	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
)

// seeEvent writes an event of the runtime into the replica's record. One about
// an earlier process of the replica comes too late to matter.
func (s *service) seeEvent(e runtime.Event) {
	r := s.state.Replica(e.Replica)
	if r == nil || e.Attempt != r.Starts {
		return
	}
	switch e.Kind {
	case runtime.Exited:
		if r.Process != rollout.Exited {
			s.measureEnd(r, at(e.At))
			r.NoteExit(s.unsaid(r, exitText(e.Exit)), at(e.At))
		}
	case runtime.Healthy:
		r.NoteHealthy(at(e.At))
	case runtime.Unhealthy:
		r.NoteUnhealthy(s.unsaid(r, e.Reason))
	case runtime.NotYet:
		r.NoteNotYet(s.unsaid(r, e.Reason))
	case runtime.NotLive:
		r.NoteNotLive(s.unsaid(r, e.Reason))
	}
}

func at(t time.Time) time.Time { return t.UTC().Round(0) }

func exitText(e *runtime.Exit) string {
	if e == nil {
		return "it ended"
	}
	if len(e.Lines) == 0 {
		return e.String()
	}
	return e.String() + ": " + e.Lines[len(e.Lines)-1]
}

// seeStart writes the outcome of a start into the replica's record.
func (s *service) seeStart(id string, attempt int, h runtime.Handle, err error) {
	delete(s.acting, id)
	r := s.state.Replica(id)
	if r == nil || r.Starts != attempt {
		return
	}
	var unstartable *runtime.UnstartableError
	var unplaced *runtime.UnplacedError
	switch {
	case errors.As(err, &unstartable):
		r.NoteUnstartable(s.unsaid(r, unstartable.Reason), s.state.Now)
	case errors.As(err, &unplaced):
		r.NoteUnplaced(unplaced.Reason, s.state.Now)
	case err != nil:
		r.NoteExit(s.unsaid(r, err.Error()), s.state.Now)
	default:
		h.StartedAt = at(h.StartedAt)
		s.handles[id] = &h
		if r.Process == rollout.Ordered { // else it has ended already
			r.NoteStarted(h.StartedAt)
		}
	}
}

// observeGateways writes down what gateways have acknowledged and have in hand.
func (s *service) observeGateways() {
	gw := s.c.cfg.Gateways
	acked := gw.Acked()
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		ending := r.Stage != rollout.Live || !r.EndAt.IsZero()
		switch {
		case r.Routable() && !r.Routed:
			r.NoteRouted(false) // stored before it is published: from then on it drains
		case r.Routable() && !r.Acked:
			if rev, ok := s.routedAt[r.ID]; ok && acked >= rev {
				r.NoteRouted(true)
			}
		case ending && r.Routed && r.Process == rollout.Running:
			if rev, ok := s.unroutedAt[r.ID]; ok && acked >= rev {
				r.NoteUnrouted(s.state.Now)
			}
			s.observeInHand(r, gw.InHand(r.ID), acked)
		}
		if r.ReadyAt.Before(r.HealthyAt) && r.Ready(s.state.Service.Strategy.MinReady, s.state.Now) {
			s.measureStart(r)
			r.NoteReady(s.state.Now)
		}
	}
}

// observeInHand takes over what gateways say. Until each has reported, the
// replica may have requests in hand that were given to it this instant.
func (s *service) observeInHand(r *rollout.Replica, h InHand, acked uint64) {
	switch {
	case acked == math.MaxUint64: // no gateway is left that could have any
		r.InFlight, r.IdleSince, r.LastPicked = 0, r.UnroutedAt, r.UnroutedAt
	case !h.Known:
		r.InFlight, r.IdleSince, r.LastPicked = h.InFlight, time.Time{}, s.state.Now
	default:
		r.InFlight, r.IdleSince, r.LastPicked = h.InFlight, h.IdleSince, h.LastPicked
	}
}

// adoptions are the replicas whose process may still be there.
func (s *service) adoptions() []runtime.Adoption {
	var list []runtime.Adoption
	copies := map[int]map[string]string{} // by version
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		if r.Process == rollout.Running || r.Process == rollout.Ordered {
			l, _ := s.c.openEnv(s.launchOf(r)) // what cannot be opened only its checks by command miss
			if _, looked := copies[r.Version]; !looked {
				if v := s.version(r.Version); v != nil {
					copies[r.Version] = s.c.copies(v.Digests)
				}
			}
			l.Files = copies[r.Version]
			list = append(list, runtime.Adoption{Launch: l, Handle: s.handles[r.ID], Healthy: r.Healthy})
		}
	}
	return list
}

// adopted takes over one answer. What was ordered and may not have been done is
// done again: each act is idempotent.
func (s *service) adopted(a runtime.Adopted) {
	s.state.Now = s.c.now()
	r := s.state.Replica(a.Replica)
	switch {
	case r == nil:
	case a.Handle != nil:
		h := *a.Handle
		h.StartedAt = at(h.StartedAt)
		s.handles[r.ID] = &h
		if r.Process == rollout.Ordered {
			r.NoteStarted(h.StartedAt)
		}
		s.actAgain(r)
	case a.Exit != nil:
		r.NoteExit(s.unsaid(r, exitText(a.Exit)), s.state.Now)
	default:
		s.launch(r)
	}
}

func (s *service) actAgain(r *rollout.Replica) {
	if r.Stage != rollout.Live || !r.EndAt.IsZero() {
		s.c.cfg.Runtime.Quiet(r.ID)
	}
	switch {
	case !r.Killed.IsZero():
		s.end(r.ID, s.c.cfg.Runtime.Kill)
	case !r.Signalled.IsZero():
		s.end(r.ID, s.c.cfg.Runtime.Terminate)
	}
}
