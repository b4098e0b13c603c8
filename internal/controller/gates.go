package controller

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

// Probe measures what gates ask for outside of Sluice: Prometheus, an HTTP
// answer, a command.
type Probe interface {
	// Check finds what is wrong with a gate before it is relied on.
	Check(ctx context.Context, rule api.GateRule, about GateSubject) error
	// Measure asks once; what it cannot measure is no data.
	Measure(ctx context.Context, rule api.GateRule, about GateSubject) gate.Measurement
}

// GateSubject is the update that a gate is about. OldVersion is 0 when there is
// none, and both are while a plan is set.
type GateSubject struct {
	Service                string
	NewVersion, OldVersion int
}

const (
	lookEvery  = time.Second      // at the gateways' numbers
	probeEvery = 10 * time.Second // outside; sooner in a shorter window
)

// measuring is what is remembered between two looks at the gates of one batch.
// It is not stored: after a restart of the control plane a batch is measured
// anew.
type measuring struct {
	rollout  string
	begun    time.Time // of the batch
	done     time.Time // when the batch was complete
	since    time.Time // when counting began: of the last batch, which leaves no old replica, its begin
	from, to sides
	looked   time.Time
	probed   time.Time
	results  map[string]api.GateResult // of the last look outside, by gate
}

// sides are counts of the new and of the old replicas.
type sides struct{ added, kept gate.Counts }

// watchGates arranges for the next look at the gates, while a rollout that a
// plan leads is in progress. A turn calls it at its end.
func (s *service) watchGates() {
	sv := &s.state.Service
	if sv.Plan == nil || len(sv.Plan.Gates) == 0 || !sv.Rollout.Active() || !sv.Rollout.Planned {
		s.gates = measuring{}
		return
	}
	s.count()
	if s.looking || !s.state.Judging() {
		return
	}
	s.looking = true
	wait := lookEvery
	if s.gates.looked.IsZero() {
		wait = 0
	}
	s.c.schedule.After(wait, func() { s.c.schedule.Go(s.look) })
}

// count reads the gateways' numbers. A batch begins with a reading; one that
// leaves old replicas is measured from when it is complete, so that both sides
// serve as they shall; the last batch from its begin, since after it nobody
// serves the old version.
func (s *service) count() {
	g, sv := &s.gates, &s.state.Service
	ro := sv.Rollout
	now := s.reading()
	switch {
	case g.rollout != ro.ID || !g.begun.Equal(ro.BatchAt) || !now.after(g.from):
		*g = measuring{rollout: ro.ID, begun: ro.BatchAt, since: s.state.Now, from: now}
	case !g.done.Equal(ro.BatchDoneAt) && !ro.BatchDoneAt.IsZero() && s.state.Counts().Kept > 0:
		g.since, g.from, g.to, g.looked, g.probed, g.results = s.state.Now, now, sides{}, time.Time{}, time.Time{}, nil
	default:
		dt := s.state.Now.Sub(s.read).Seconds()
		c := s.state.Counts()
		g.to.added.ReplicaSeconds += dt * float64(c.Updated)
		g.to.kept.ReplicaSeconds += dt * float64(c.Kept)
	}
	g.done, s.read = ro.BatchDoneAt, s.state.Now
	now.added.ReplicaSeconds, now.kept.ReplicaSeconds = g.to.added.ReplicaSeconds, g.to.kept.ReplicaSeconds
	g.to = now
}

// reading adds up what was counted at versions with the replica keys of the new
// version, and of the base.
func (s *service) reading() (r sides) {
	byVersion, _ := s.c.cfg.Gateways.Measured(s.name())
	sv := &s.state.Service
	for number, counts := range byVersion {
		v := s.version(number)
		switch {
		case v == nil:
		case v.Revision == sv.Current.Revision:
			r.added = r.added.Plus(counts)
		case sv.Base != nil && v.Revision == sv.Base.Revision:
			r.kept = r.kept.Plus(counts)
		}
	}
	return r
}

// after tells whether the counters have gone on since an earlier reading, and
// not begun anew.
func (r sides) after(before sides) bool {
	before.added.ReplicaSeconds, before.kept.ReplicaSeconds = 0, 0
	_, added := r.added.Since(before.added)
	_, kept := r.kept.Since(before.kept)
	return added && kept
}

// look asks every gate, outside the lock, and leaves what they said for the next
// turn.
func (s *service) look() {
	s.mu.Lock()
	s.state.Now = s.c.now()
	if s.closed.Load() || s.c.ctx.Err() != nil || !s.state.Judging() {
		s.looking = false
		s.mu.Unlock()
		return
	}
	s.count()
	q := s.question()
	s.mu.Unlock()

	rec, results := q.answer(s.c.ctx, s.c.cfg.Probe)
	s.see(func() {
		s.looking = false
		if s.gates.rollout != q.rollout || !s.gates.done.Equal(q.done) {
			return
		}
		s.gates.looked = q.now
		if q.probe {
			s.gates.probed, s.gates.results = q.now, results
		}
		s.state.NoteGates(rec, q.done)
	})
}

// question is all that the gates need to be answered.
type question struct {
	rollout   string
	now, done time.Time
	rules     []api.GateRule
	window    gate.Window
	elapsed   time.Duration
	subject   GateSubject
	probe     bool                      // whether those outside are asked
	results   map[string]api.GateResult // what they said last
}

func (s *service) question() question {
	g, sv := &s.gates, &s.state.Service
	rules, _ := api.GateRules("gates", sv.Plan.Gates) // they were checked when the plan was set
	q := question{
		rollout: g.rollout, now: s.state.Now, done: g.done, rules: rules, results: g.results,
		// Counting may have begun after the batch was complete: the control plane was away.
		elapsed: s.state.Now.Sub(latest(g.done, g.since)),
		subject: GateSubject{Service: s.name(), NewVersion: sv.Current.Version},
	}
	if sv.Base != nil {
		q.subject.OldVersion = sv.Base.Version
	}
	from := g.from
	from.added.ReplicaSeconds, from.kept.ReplicaSeconds = 0, 0
	q.window.New, _ = g.to.added.Since(from.added)
	q.window.Old, _ = g.to.kept.Since(from.kept)
	_, q.window.Bounds = s.c.cfg.Gateways.Measured(s.name())
	q.window.Elapsed = s.state.Now.Sub(g.since).Seconds()
	q.probe = g.results == nil || !s.state.Now.Before(g.probed.Add(probeInterval(rules)))
	return q
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// answer asks the gates and says what follows from them all.
func (q question) answer(ctx context.Context, probe Probe) (rec api.GateRecord, results map[string]api.GateResult) {
	rec.At = api.At(q.now)
	results = map[string]api.GateResult{}
	var verdicts []gate.Verdict
	for _, r := range q.rules {
		var result api.GateResult
		switch last, known := q.results[r.Name]; {
		case r.Metric != "":
			result = gate.Judge(r, q.window)
		case known && !q.probe:
			result = last
		default:
			result = gate.Measured(r, probe.Measure(ctx, r, q.subject), q.elapsed.Seconds())
			results[r.Name] = result
		}
		rec.Results = append(rec.Results, result)
		verdicts = append(verdicts, gate.Act(r, result, q.elapsed))
	}
	verdict := gate.Strictest(verdicts)
	rec.Action, rec.Reason = verdict.Action, verdict.Reason
	return rec, results
}

// checkGates refuses a plan or a shift whose gates cannot be asked.
func (c *Controller) checkGates(ctx context.Context, service string, gates *[]api.Gate) error {
	if gates == nil {
		return nil
	}
	rules, problems := api.GateRules("gates", *gates)
	if len(problems) > 0 {
		return &api.InvalidError{What: "the gates", Problems: problems}
	}
	for i, r := range rules {
		if r.Metric != "" {
			continue // the gateways' own
		}
		if err := c.cfg.Probe.Check(ctx, r, GateSubject{Service: service}); err != nil {
			return api.InvalidPlan(fmt.Sprintf("gates[%d]", i), r.Name, "%v", err)
		}
	}
	return nil
}
