package controller

import (
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// retryCommit is how long a turn waits after the store has failed.
const retryCommit = time.Second

// kick asks for a turn. One asked for while another is under way follows it.
// Adopted replicas are reported on before all of them are adopted: what is seen
// until then waits for the turn that Run asks for.
func (s *service) kick() {
	if !s.c.running.Load() {
		return
	}
	if !s.asked.Swap(true) {
		s.c.schedule.Go(s.turn)
	}
}

// turn is one observe, decide, act.
func (s *service) turn() {
	s.asked.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take()
}

// take is a turn, for who holds mu, and arranges for the next one that is due
// though nothing happens.
func (s *service) take() {
	if s.closed.Load() || s.c.ctx.Err() != nil {
		return
	}
	if s.stopAlarm != nil {
		s.stopAlarm()
		s.stopAlarm = nil
	}
	d := s.step()
	if in := s.accountIn(); in > 0 && (d == 0 || in < d) {
		d = in
	}
	if d > 0 && !s.closed.Load() {
		s.stopAlarm = s.c.schedule.After(d, s.kick)
	}
}

// step does a turn and says how long the service may sleep when nothing
// happens, 0 for ever.
//
// Order matters: what was seen is written down and decided upon, all of that is
// committed, and only then is anything done. A turn that cannot commit does
// nothing; what it saw it keeps, what it decided it decides again.
func (s *service) step() time.Duration {
	s.state.Now = s.c.now()
	for _, what := range s.seen() {
		what()
	}
	s.observeGateways()
	seen := s.state
	seen.Replicas = slices.Clone(s.state.Replicas)
	steps, wake := s.decide()
	undo := s.settleConfig(steps)
	s.account()
	if ch := s.difference(seen, steps); !ch.empty() {
		if err := s.commit(ch); err != nil {
			undo()
			s.state = seen
			s.troubled(err)
			return retryCommit
		}
		s.notices = nil
	}
	s.trouble = ""
	s.vacate()
	s.act(steps)
	s.publish()
	s.watchGates()
	s.tellGroup()
	if s.state.Service.Deleting && len(s.state.Replicas) == 0 {
		s.bury()
	}
	if wake.IsZero() {
		return 0
	}
	return max(time.Millisecond, wake.Sub(s.c.now()))
}

// decide folds decisions into the state until there is nothing more to decide
// at this instant.
func (s *service) decide() (steps []rollout.Step, wake time.Time) {
	for {
		d := rollout.Decide(&s.state)
		if len(d.Steps) == 0 {
			return steps, d.Wake
		}
		for _, st := range d.Steps {
			rollout.Apply(&s.state, st)
		}
		steps = append(steps, d.Steps...)
	}
}

// change is what a turn or an operation writes.
type change struct {
	store.Change
	why string // the message given with it
}

func (c *change) empty() bool {
	return c.Service == nil && len(c.PutReplicas) == 0 && len(c.DropReplicas) == 0 &&
		len(c.Events) == 0 && len(c.Rollouts) == 0 && len(c.Versions) == 0 && len(c.DropVersions) == 0
}

// difference is what has to be written to get from what is stored to the
// present state: what was seen (up to seen) and what was decided (steps).
func (s *service) difference(seen rollout.State, steps []rollout.Step) change {
	ch := change{Change: store.Change{Name: s.name()}}
	old := make(map[string]*rollout.Replica, len(s.stored.Replicas))
	for i := range s.stored.Replicas {
		old[s.stored.Replicas[i].ID] = &s.stored.Replicas[i]
	}
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		if was, ok := old[r.ID]; !ok || !sameRecord(*was, *r) {
			ch.PutReplicas = append(ch.PutReplicas, s.replicaRecord(r))
		}
		delete(old, r.ID)
	}
	for id := range old {
		ch.DropReplicas = append(ch.DropReplicas, id)
	}
	slices.Sort(ch.DropReplicas)
	ch.Events = append(s.eventsSeen(&seen), s.eventsOf(steps)...)
	ro := s.state.Service.Rollout
	was := s.stored.Service.Rollout
	over := ro != nil && was != nil && was.ID == ro.ID && was.Phase.Ended() // its record, history included, is final
	if ro != nil && !over && (ro != was || s.ledger != nil && s.ledger.unsaved) {
		ch.Rollouts = append(ch.Rollouts, store.Rollout{Rollout: *s.state.RolloutView()})
		if v := s.version(ro.To.Version); v != nil && !v.Completed && ro.Phase == api.RolloutCompleted {
			completed := v.Version
			completed.Completed = true
			ch.Versions = append(ch.Versions, completed)
		}
	}
	if s.state.Service != s.stored.Service {
		ch.Service = s.serviceRecord()
	}
	s.collect(&ch)
	return ch
}

// sameRecord compares what is stored of a replica; what gateways have in hand
// is not.
func sameRecord(a, b rollout.Replica) bool {
	a.InFlight, b.InFlight = 0, 0
	a.IdleSince, b.IdleSince = time.Time{}, time.Time{}
	a.LastPicked, b.LastPicked = time.Time{}, time.Time{}
	return a == b
}

func (s *service) replicaRecord(r *rollout.Replica) store.Replica {
	return store.Replica{Core: *r, Handle: s.handles[r.ID]}
}

func (s *service) serviceRecord() *store.Service {
	record := s.record
	record.Core = s.state.Service
	return &record
}

// commit writes the change, remembers what is stored now, and tells watchers.
func (s *service) commit(ch change) error {
	ledger := s.note(&ch)
	events, err := s.c.cfg.Store.Commit(s.c.ctx, ch.Change)
	if err != nil {
		return err
	}
	s.ledger = ledger
	s.stored = s.state
	s.stored.Replicas = slices.Clone(s.state.Replicas)
	for _, v := range ch.Versions {
		s.putVersion(v)
	}
	s.dropVersions(ch.DropVersions)
	s.c.news.tell(News{Service: s.name(), Events: events, Deleted: ch.Delete})
	return nil
}

func (s *service) troubled(err error) {
	if s.trouble != err.Error() {
		s.trouble = err.Error()
		s.c.log.Error("what was decided cannot be recorded, so nothing is done; replicas and gateways go on as they are",
			"service", s.name(), "error", err)
	}
}

// bury lets go of a deleted service whose replicas have all ended.
func (s *service) bury() {
	if s.record.Group != "" {
		if _, err := s.leave(By{Actor: "sluice"}, s.record.Group); err != nil {
			s.troubled(err)
			return
		}
	}
	s.c.cfg.Gateways.Withdraw(s.name())
	gone := s.event("normal", "Deleted", "the service is gone")
	if err := s.commit(change{Change: store.Change{Name: s.name(), Delete: true, Events: []api.Event{gone}}}); err != nil {
		s.troubled(err)
		return
	}
	s.closed.Store(true)
	s.c.drop(s.name())
	s.c.sweepSoon()
}
