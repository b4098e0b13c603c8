package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/preview"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

const (
	// accountEvery is how often the requests of a rollout in progress are written
	// down though nothing else is: what a gateway and the control plane, both ended
	// within that time, may lose of them.
	accountEvery = 30 * time.Second
	// gatewaysBack is how long after its start the control plane may lack the
	// counts of a gateway: the lease of rule 8.
	gatewaysBack = 10 * time.Second
)

// ledger is the history of the rollout in progress. It follows what is committed:
// commit makes the next one, writes it with the events that it is made of, and
// only then keeps it.
type ledger struct {
	history.Ledger
	saved   time.Time // when it was written last
	unsaved bool      // something is in it that no event tells of
}

// note puts into the change what the ledger makes of it: each event gets the
// rollout that it is of, and the rollouts' records their history. It gives the
// ledger as it is once the change is committed.
func (s *service) note(ch *change) *ledger {
	ro, was := s.state.Service.Rollout, s.stored.Service.Rollout
	begun := ro != nil && (was == nil || was.ID != ro.ID)
	if ch.Delete || ro == nil || !begun && !was.Active() {
		return nil
	}
	for i := range ch.Events {
		if e := &ch.Events[i]; e.Rollout == "" {
			e.Rollout = ro.ID
		}
	}
	next := s.ledger
	switch {
	case begun:
		if s.ledger != nil { // superseded
			s.ledger.into(s, ch, was.View(s.name()))
		}
		next = &ledger{Ledger: history.Begin(ro.ID, ch.why)}
		next.Accounts, _ = history.Count(nil, s.tallies(), history.First)
	case next == nil: // it began under an earlier release
		next = &ledger{Ledger: history.Begin(ro.ID, "")}
	}
	next = next.into(s, ch, s.state.RolloutView())
	if !ro.Active() {
		return nil
	}
	return next
}

// into notes the events of a change and gives the record of the rollout its
// history; where the change has none and the history has become another, it gets
// one.
func (l *ledger) into(s *service, ch *change, view *api.Rollout) *ledger {
	noted, changed := l.Note(ch.Events)
	next := &ledger{Ledger: noted, saved: l.saved, unsaved: l.unsaved}
	at := -1
	for i := range ch.Rollouts {
		if ch.Rollouts[i].ID == view.ID {
			at = i
		}
	}
	if at < 0 && !changed && !l.unsaved {
		return next
	}
	if at < 0 {
		at = len(ch.Rollouts)
		ch.Rollouts = append(ch.Rollouts, store.Rollout{Rollout: *view})
	}
	next.count(s)
	next.saved, next.unsaved = s.state.Now, false
	row := &ch.Rollouts[at]
	next.show(&row.Rollout)
	if !row.Phase.Ended() {
		row.Accounts = next.Accounts
	}
	return next
}

// show gives a rollout its history.
func (l *ledger) show(ro *api.Rollout) {
	h := l.History
	ro.Why, ro.History = l.Why, &h
}

// count brings the accounts up to date.
func (l *ledger) count(s *service) (changed bool) {
	how := history.Settled
	if s.state.Now.Sub(s.c.began) < gatewaysBack {
		how = history.Early
	}
	tallies, bounds := s.measured()
	l.Accounts, changed = history.Count(l.Accounts, tallies, how)
	if bounds != nil {
		l.History.Traffic = history.Traffic(l.Accounts, bounds)
	}
	return changed
}

// measured is what the gateways have counted so far, by version.
func (s *service) measured() (map[int]history.Tally, []float64) {
	byVersion, bounds := s.c.cfg.Gateways.Measured(s.name())
	s.counted = bounds != nil
	tallies := make(map[int]history.Tally, len(byVersion))
	for version, c := range byVersion {
		tallies[version] = history.Tally{Requests: c.Requests, Errors: c.Errors, Canceled: c.Canceled, Latency: c.Latency}
	}
	return tallies, bounds
}

func (s *service) tallies() map[int]history.Tally {
	tallies, _ := s.measured()
	return tallies
}

// account looks whether the requests of the rollout in progress are to be written
// down.
func (s *service) account() {
	l := s.ledger
	if l == nil || l.unsaved || !s.counted || s.state.Now.Before(l.saved.Add(accountEvery)) {
		return
	}
	next := *l
	next.unsaved = next.count(s)
	next.saved = s.state.Now
	s.ledger = &next
}

// accountIn is when to look again, 0 for never.
func (s *service) accountIn() time.Duration {
	if s.ledger == nil || !s.counted {
		return 0
	}
	return max(time.Millisecond, s.ledger.saved.Add(accountEvery).Sub(s.c.now()))
}

// reopen reads the ledger of a rollout that was in progress when an earlier
// control plane ended.
func (s *service) reopen(ctx context.Context) error {
	ro := s.state.Service.Rollout
	if !ro.Active() {
		return nil
	}
	row, err := s.c.cfg.Store.Rollout(ctx, s.name(), ro.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && row.History == nil:
		return nil
	case err != nil:
		return err
	}
	s.ledger = &ledger{Ledger: history.Ledger{Rollout: ro.ID, Why: row.Why, History: *row.History, Accounts: row.Accounts}, saved: s.c.now()}
	s.measured()
	return nil
}

// supersedes tells of the rollout that a change has ended and another follows.
func (s *service) supersedes(by By, ended *rollout.Rollout) []api.Event {
	ro := s.state.Service.Rollout
	if ended == nil || ro == nil || ro.ID == ended.ID {
		return nil
	}
	e := s.event("normal", "RolloutSuperseded", fmt.Sprintf("the %s to version %d is superseded by rollout %s, the %s to version %d",
		ended.Kind, ended.To.Version, ro.ID, ro.Kind, ro.To.Version))
	e.Version, e.Rollout, e.Actor = ended.To.Version, ended.ID, by.Actor
	return []api.Event{e}
}

// foretell has the preview say how long the rollout takes that a change has just
// begun: the decisions from here on, on a model. It is not waited for.
func (s *service) foretell(before *rollout.Rollout) {
	ro := s.state.Service.Rollout
	if !s.c.cfg.Foretell || !ro.Active() || before != nil && before.ID == ro.ID || s.state.Service.Stopped {
		return
	}
	in, err := s.previewModel()
	if err != nil {
		return // a later release may refuse what an earlier one took
	}
	in.Now.Replaces = true
	s.c.schedule.Go(func() {
		select {
		case s.c.foretelling <- struct{}{}: // one at a time: it is work, and nobody waits for it
		case <-s.c.ctx.Done():
			return
		}
		var out api.Preview
		preview.Run(in, &out)
		<-s.c.foretelling
		if out.End.Phase != api.PreviewCompleted {
			return
		}
		s.see(func() {
			if s.ledger != nil && s.ledger.Rollout == ro.ID {
				next := *s.ledger
				next.History.Expected, next.unsaved = &out.End.At, true
				s.ledger = &next
			}
		})
	})
}
