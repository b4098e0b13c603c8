package sim

import (
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

// moves are what a change does to live replicas by decision.
type moves struct {
	created, failed                      int
	drained, drainedReady, drainedWanted int // wanted: not evicted by an operator
	createdNew, drainedNew               int // of the version that is rolled out
}

// checkChange looks at one transaction from outside: what is stored before and
// after it.
func (w *World) checkChange(ch *store.Change) {
	if ch.Group != nil || ch.DropGroup {
		return
	}
	var before rollout.State
	old := map[string]rollout.Replica{}
	if st := w.store.states[ch.Name]; st != nil {
		before = *st.view(w)
		for id, r := range st.replicas {
			old[id] = r
		}
	}
	st := w.store.fold(ch)
	if st == nil {
		return
	}
	w.noteEnds(ch, old)
	w.notePending(ch, old)
	after := st.view(w)
	m := movesOf(old, after)
	w.checkBounds(m, after)
	w.checkPause(m, &before, after)
	w.checkTarget(m, &before, after)
	if ro := after.Service.Rollout; ro.Active() && after.WaitingFor() == "" {
		w.fail("%s: rollout %s is in progress and waits for nothing", ch.Name, ro.ID)
	}
	for _, e := range ch.Events {
		w.say("%s", e.Message)
	}
}

// noteEnds remembers how each replica was to end when its signal was decided: an
// operator may change that before it is sent. A kill that is stored with the end
// of the replica's life may have been decided before that: its liveness check
// had failed, and an idle one is restarted in place at once.
func (w *World) noteEnds(ch *store.Change, old map[string]rollout.Replica) {
	for _, r := range ch.PutReplicas {
		was := old[r.Core.ID]
		if !r.Core.Killed.Equal(was.Killed) || !r.Core.Signalled.Equal(was.Signalled) {
			end := w.store.drainOf(r.Core.ID)
			if was.Stage == rollout.Live && !r.Core.Killed.Equal(was.Killed) {
				end = api.Drain{Grace: end.Grace, Mode: api.DrainIdle}
			}
			_, _, inHand := w.gateways.routed(w.processes.addressOf(r.Core.ID))
			w.store.ends[r.Core.ID] = ending{end, inHand}
		}
	}
	for _, id := range ch.DropReplicas {
		delete(w.store.ends, id)
	}
}

func movesOf(old map[string]rollout.Replica, after *rollout.State) moves {
	var m moves
	for i := range after.Replicas {
		r := &after.Replicas[i]
		was, known := old[r.ID]
		switch {
		case !known:
			m.created++
			if r.Revision == after.Service.Current.Revision {
				m.createdNew++
			}
		case was.Stage == rollout.Live && r.Stage == rollout.Draining && r.Failure != "":
			m.failed++ // and was let go in the same turn, since the rollout turned round
		case was.Stage == rollout.Live && r.Stage == rollout.Draining:
			m.drained++
			if !r.Evicted {
				m.drainedWanted++
				if r.Revision == after.Service.Current.Revision {
					m.drainedNew++
				}
			}
			undone := *r // it may have become unready in the same turn, before it was drained
			undone.Stage, undone.EndAt = rollout.Live, time.Time{}
			if undone.Ready(after.Service.Strategy.MinReady, after.Now) {
				m.drainedReady++
			}
		case was.Stage == rollout.Live && r.Stage == rollout.Failed:
			m.failed++
		}
	}
	return m
}

// checkBounds is rule 1: no action takes live above desired + surge, or live or
// ready below desired - unavailable.
func (w *World) checkBounds(m moves, after *rollout.State) {
	sv := &after.Service
	if sv.Stopped || sv.Deleting {
		return
	}
	b := sv.Strategy.Resolve(sv.Desired)
	c := after.Counts()
	high := c.Live
	if sv.Strategy.TerminationComplete {
		high += c.Draining
	}
	if m.created > 0 && high > b.Desired+b.Surge {
		w.fail("%s: %d created, and live is %d with %d desired and a surge of %d", sv.Name, m.created, high, b.Desired, b.Surge)
	}
	low := b.Desired - b.Unavailable
	if m.drained > 0 && c.Live+m.failed < low {
		w.fail("%s: %d drained, and live is %d with %d desired and %d unavailable", sv.Name, m.drained, c.Live, b.Desired, b.Unavailable)
	}
	if m.drainedReady > 0 && c.Ready < low {
		w.fail("%s: %d ready ones drained, and ready is %d with %d desired and %d unavailable",
			sv.Name, m.drainedReady, c.Ready, b.Desired, b.Unavailable)
	}
}

// checkPause is rule 16: a pause freezes the counts. What goes is evicted, and
// what comes takes the place of such a one.
func (w *World) checkPause(m moves, before, after *rollout.State) {
	was, is := before.Service.Rollout, after.Service.Rollout
	if !was.Paused() || !is.Paused() || was.ID != is.ID || is.Rescaled || after.Service.Stopped || after.Service.Deleting {
		return
	}
	if live := after.Counts().Live; m.drainedWanted > 0 || m.created > 0 && live > is.Frozen+is.FrozenBase+evicted(after)+between(after) {
		w.fail("%s: %d created and %d drained while rollout %s is paused; %d live, %d and %d were when the pause began",
			after.Service.Name, m.created, m.drained, is.ID, live, is.Frozen, is.FrozenBase)
	}
}

// evicted counts live replicas that an operator wants to be rid of.
func evicted(s *rollout.State) (n int) {
	for i := range s.Replicas {
		if r := &s.Replicas[i]; r.Stage == rollout.Live && r.Evicted {
			n++
		}
	}
	return n
}

// between counts live replicas of versions that are neither wanted nor the base:
// a pause keeps them too.
func between(s *rollout.State) (n int) {
	for i := range s.Replicas {
		r := &s.Replicas[i]
		if r.Stage == rollout.Live && !r.Evicted && r.Revision != s.Service.Current.Revision &&
			(s.Service.Base == nil || r.Revision != s.Service.Base.Revision) {
			n++
		}
	}
	return n
}

// routed tells whether a gateway that counts may still hand it requests, and
// when it left the last table; zero when it was in none.
func (g *gateways) routed(address string) (still bool, left time.Time, inHand bool) {
	for _, gw := range g.all {
		if !g.counts(gw) {
			continue
		}
		still = still || gw.holds(address) && !gw.out
		if t := gw.left[address]; t.After(left) {
			left = t
		}
		inHand = inHand || gw.busy[address].After(g.w.now)
	}
	return still, left, inHand
}

// checkStart is rule 4: a replica that was never ready has three starts.
func (w *World) checkStart(l runtime.Launch) {
	const most = 3
	if st := w.store.states[l.Service]; st != nil && l.Attempt > most {
		if r, ok := st.replicas[l.Replica]; ok && r.ReadyAt.IsZero() {
			w.fail("%s is started for the %dth time and was never ready", l.Replica, l.Attempt)
		}
	}
}

// checkTerminate is rules 8 to 10 at the moment of a SIGTERM.
func (w *World) checkTerminate(p *process) {
	id, drain := p.launch.Replica, w.store.ends[p.launch.Replica]
	still, left, inHand := w.gateways.routed(p.address())
	switch {
	case still:
		w.fail("SIGTERM to %s while a gateway routes to it", id)
	case !drain.Sigterm:
		w.fail("SIGTERM to %s, whose version does not want any", id)
	case inHand && drain.inHand && drain.Mode == api.DrainIdle:
		w.fail("SIGTERM to %s with requests in hand, though it drains until idle", id)
	case inHand && drain.inHand && w.now.Before(left.Add(250*time.Millisecond)):
		w.fail("SIGTERM to %s %s after it was last picked, with requests in hand", id, w.now.Sub(left))
	}
}

// checkKill is rules 8 to 10 at the moment of a SIGKILL.
func (w *World) checkKill(p *process) {
	id, drain := p.launch.Replica, w.store.ends[p.launch.Replica]
	still, left, inHand := w.gateways.routed(p.address())
	capped := !w.now.Before(left.Add(drain.Grace))
	switch {
	case still:
		w.fail("SIGKILL to %s while a gateway routes to it", id)
	case left.IsZero() || capped:
	case inHand:
		w.fail("SIGKILL to %s with requests in hand, %s after it left the table; its grace period is %s", id, w.now.Sub(left), drain.Grace)
	case drain.Mode == api.DrainGracePeriod && !drain.Sigterm && !w.recycled(id):
		w.fail("SIGKILL to %s %s after it left the table; its grace period is %s", id, w.now.Sub(left), drain.Grace)
	}
}

// recycled tells whether the replica is being restarted in place, because its
// liveness check gave up on it; that does not wait for the whole grace period.
func (w *World) recycled(replica string) bool {
	for _, st := range w.store.states {
		if r, ok := st.replicas[replica]; ok {
			return r.Stage == rollout.Live
		}
	}
	return false
}
