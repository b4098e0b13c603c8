package controller

import (
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/store"
)

// shiftGates is what is remembered between two looks at the gates of one step of
// a shift: the same questions as those of an update plan's batch, asked about the
// member that the traffic goes to against the others.
type shiftGates struct {
	reached time.Time // the step that is being judged
	from    sample
	looking bool
	looked  bool
	probed  time.Time
	results map[string]api.GateResult
}

// watchShift arranges for the next look at the gates of the present step. For
// who holds mu.
func (g *group) watchShift() {
	s := g.record.Shift
	if !s.Active() || !s.Judging() || g.gates.looking {
		return
	}
	if !g.gates.reached.Equal(s.ReachedAt) {
		g.gates = shiftGates{reached: s.ReachedAt, from: g.sample()}
	}
	g.gates.looking = true
	wait := lookEvery
	if !g.gates.looked {
		wait = 0
	}
	g.c.schedule.After(wait, func() { g.c.schedule.Go(g.look) })
}

// look asks the gates outside the lock, and writes down what they said.
func (g *group) look() {
	g.mu.Lock()
	s := g.record.Shift
	if g.gone || g.c.ctx.Err() != nil || !s.Active() || !s.Judging() {
		g.gates.looking = false
		g.mu.Unlock()
		return
	}
	q := g.question(s)
	g.mu.Unlock()
	rec, results := q.answer(g.c.ctx, g.c.cfg.Probe)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gates.looking = false
	if g.gone || !g.record.Shift.Active() || !g.gates.reached.Equal(q.done) {
		return
	}
	g.gates.looked = true
	if q.probe {
		g.gates.probed, g.gates.results = q.now, results
	}
	next := canary.NoteGates(*g.record.Shift, rec, q.done)
	if len(next.Records) != len(g.record.Shift.Records) || next.GateAction != g.record.Shift.GateAction || next.GateReason != g.record.Shift.GateReason {
		_, err := g.change(By{Actor: "sluice"}, "GatesSaid", rec.Reason, func(r *store.Group) error { r.Shift = &next; return nil })
		if err != nil {
			g.c.log.Error("what the gates of a shift said cannot be recorded", "group", g.name, "error", err)
		}
	}
	g.kick()
}

func (g *group) question(s *canary.Shift) question {
	rules, _ := api.GateRules("gates", s.Gates) // they were checked when the shift was begun
	now := g.sample()
	q := question{now: now.at, done: s.ReachedAt, rules: rules, results: g.gates.results, elapsed: now.at.Sub(s.ReachedAt),
		subject: GateSubject{Service: s.To}}
	seconds := now.at.Sub(g.gates.from.at).Seconds()
	for name := range g.record.Members {
		d, _ := now.counts[name].Since(g.gates.from.counts[name])
		d.ReplicaSeconds = seconds * float64(g.standings[name].ready)
		if name == s.To {
			q.window.New = d
			q.subject.NewVersion = g.standings[name].update.Version
		} else if g.record.Members[name].State == api.StateGrouping {
			q.window.Old = q.window.Old.Plus(d)
			q.subject.OldVersion = g.standings[name].update.Version
		}
	}
	_, q.window.Bounds = g.c.cfg.Gateways.Measured(s.To)
	q.window.Elapsed = seconds
	q.probe = g.gates.results == nil || !now.at.Before(g.gates.probed.Add(probeInterval(rules)))
	return q
}

// probeInterval is how often gates are asked that look outside.
func probeInterval(rules []api.GateRule) time.Duration {
	every := probeEvery
	for _, r := range rules {
		every = min(every, r.Window)
	}
	return every
}
