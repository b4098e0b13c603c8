package controller

import (
	"context"
	"slices"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// operation is a change asked for, in the making: what it adds to the record.
type operation struct {
	text      string
	warnings  []string
	unchanged bool
	events    []api.Event
	ended     *rollout.Rollout // superseded or rolled back by it
	version   *store.Version   // made by it
	files     []string         // whose content makes it a change
	traffic   bool             // it changes who may call: answered once every gateway knows
	// after is done once the operation is recorded; it gives the routing table
	// revision that holds what it did.
	after func() (wait uint64, err error)
}

// alter makes one change to a service: it is refused whole, or committed and
// then answered; the first decisions on it are taken before the answer.
func (c *Controller) alter(ctx context.Context, by By, name, reason string, do func(*service, *operation) error) (Outcome, error) {
	s, err := c.find(name)
	if err != nil {
		return Outcome{}, err
	}
	out, wait, err := s.alter(by, reason, do)
	if err == nil && wait > 0 {
		err = c.cfg.Gateways.WaitAcked(ctx, wait)
	}
	return out, err
}

func (s *service) alter(by By, reason string, do func(*service, *operation) error) (out Outcome, wait uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sv := &s.state.Service
	switch {
	case s.closed.Load():
		return out, 0, &NotFoundError{Kind: "service", Name: s.name()}
	case by.IfRevision != 0 && by.IfRevision != sv.Revision:
		return out, 0, &StaleError{Want: by.IfRevision, Is: sv.Revision}
	case sv.Deleting:
		return out, 0, &rollout.Refusal{Message: "service " + s.name() + " is being deleted"}
	}
	if err := s.frozen(reason); err != nil {
		return out, 0, err
	}
	s.take() // what has been seen by now counts
	op := operation{}
	before := s.state.Service.Rollout
	undo := s.remember()
	s.state.Now = s.c.now()
	if err := do(s, &op); err != nil {
		undo()
		return out, 0, err
	}
	if !op.unchanged {
		if err := s.keep(by, reason, &op); err != nil {
			undo()
			return out, 0, err
		}
		op.warnings = append(op.warnings, s.crowded(before)...)
		s.take()
		s.kick()
	}
	if op.traffic {
		wait = s.c.cfg.Gateways.Publish(s.route())
	}
	if op.after != nil {
		last, err := op.after()
		if err != nil {
			return out, 0, err
		}
		wait = max(wait, last)
	}
	return Outcome{Service: s.view(), Changed: !op.unchanged, Text: op.text, Warnings: op.warnings}, wait, nil
}

// remember gives a function that puts everything back as it is now.
func (s *service) remember() (undo func()) {
	state, record, doc, versions := s.state, s.record, s.doc, slices.Clone(s.versions)
	state.Replicas = slices.Clone(s.state.Replicas)
	return func() { s.state, s.record, s.doc, s.versions = state, record, doc, versions }
}

// keep commits the operation.
func (s *service) keep(by By, reason string, op *operation) error {
	s.state.Service.Revision++
	s.record.UpdatedAt = s.state.Now
	if op.version != nil {
		s.putVersion(*op.version)
	}
	s.refreshPolicies()
	before := s.stored.Service.Rollout
	ch := s.difference(s.state, nil)
	ch.why = by.Message
	if op.version != nil {
		ch.Versions = append(ch.Versions, *op.version)
	}
	if op.ended != nil {
		ch.Rollouts = append(ch.Rollouts, store.Rollout{Rollout: *op.ended.View(s.name())})
	}
	ch.Service = s.serviceRecord()
	message := op.text
	if by.Message != "" {
		message += " (" + by.Message + ")"
	}
	e := s.event("normal", reason, message)
	e.Actor = by.Actor
	ch.Events = append(append(ch.Events, s.supersedes(by, op.ended)...), append([]api.Event{e}, op.events...)...)
	if err := s.commit(ch); err != nil {
		return err
	}
	s.notices = nil
	s.foretell(before)
	return nil
}
