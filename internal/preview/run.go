package preview

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
)

// Input is a service at the moment of an update.
type Input struct {
	// State is as the update leaves it, before anything is decided on it; it
	// becomes Run's own.
	State rollout.State
	Spec  *api.Spec       // the service file after the update
	Seen  Seen            // how long its replicas took
	Needs map[string]Need // what a replica asks for, by Revision
	Book  *placement.Book // a copy of the account; nil: there is room for all
	Now   Observed
}

// patience is how long a model may stand still, beyond everything that it may
// wait for, before it is said to be stuck.
const patience = time.Minute

// mostSteps bounds the answer; nobody reads so many.
const mostSteps = 5_000

// Run fills in what depends on the steps: Now, Steps, Batches, End, the extremes,
// Peak, Times, Bounds, Plan and Warnings.
func Run(in Input, out *api.Preview) {
	m := &rollout.Model{State: in.State}
	w := &witness{m: m, in: &in, out: out, began: m.Now, progress: m.Now, pending: map[string]bool{}, leaving: map[string]bool{}}
	takes := times(in, out)
	m.Behave = func(*rollout.Replica) rollout.Behaviour { return takes }
	book := in.Book
	if book == nil {
		book = placement.New(nil)
	}
	m.Room, m.Watch = &room{book: book, needs: in.Needs, witness: w}, w
	w.before()
	w.assume()
	m.TakeOver()
	for {
		m.Settle()
		at, more := m.NextAt()
		if !more || at.After(m.Now) {
			w.close()
			if w.over() || !more {
				break
			}
		}
		if w.tooLong() {
			break
		}
		// What happens at one instant is decided upon together, as by a controller
		// that was busy for a moment. It saves many decisions.
		for at, more = m.NextAt(); more; {
			m.Next()
			if next, still := m.NextAt(); !still || !next.Equal(at) {
				break
			}
		}
	}
	w.after()
}

// times says how long replicas take, and what that is known from.
func times(in Input, out *api.Preview) (b rollout.Behaviour) {
	assumed, why := assumeStartup(in.Spec)
	b.Startup, out.Times.Startup = estimate(in.Seen.Startup, assumed, why)
	b.Busy, out.Times.InHand = estimate(in.Seen.InHand, assumedInHand, "")
	b.Drain, out.Times.Exit = estimate(in.Seen.Exit, assumedExit, "")
	return b
}

// before writes down how it is before the first step.
func (w *witness) before() {
	sv, out := &w.m.Service, w.out
	b := sv.Strategy.Resolve(sv.Desired)
	out.Bounds = api.PreviewBounds{
		Desired: b.Desired, MaxSurge: b.Surge, MaxUnavailable: b.Unavailable,
		Replacement: api.ReplacementStarted, MinReadySeconds: sv.Strategy.MinReady.Seconds(),
	}
	if sv.Strategy.TerminationComplete {
		out.Bounds.Replacement = api.ReplacementComplete
	}
	out.Plan = w.m.PlanView()
	out.Now = w.counts()
	out.LowestReady.Replicas, out.HighestLive.Replicas = out.Now.Ready, out.Now.Live
	out.Steps, out.Batches = []api.PreviewStep{}, []api.PreviewBatch{}
	if sv.Rollout.Active() && !sv.Stopped {
		w.beginBatch()
	}
	out.Peak.Resource = w.in.Spec.Resource
	w.noteDrains()
	w.measure()
	w.noneFrom = time.Time{} // that none is ready now is no doing of the update
}

// assume says what cannot be known, and gives the model its gates.
func (w *witness) assume() {
	w.out.Assumes = []string{"every new replica comes up, and nobody interferes"}
	if t := w.out.Times; t.Startup.Measured == 0 || t.InHand.Measured == 0 || t.Exit.Measured == 0 {
		w.out.Assumes = append(w.out.Assumes, "times that were never measured are as said under times")
	}
	p := w.m.Service.Plan
	if p == nil || len(p.Gates) == 0 {
		return
	}
	rules, _ := api.GateRules("gates", p.Gates) // they were checked when the plan was set
	w.m.GatesTake = rollout.AckDelay
	for _, r := range rules {
		if !r.DryRun {
			w.m.GatesTake = max(w.m.GatesTake, r.Window)
		}
	}
	w.out.Assumes = append(w.out.Assumes, fmt.Sprintf("the gates let each batch go on %s after it is complete: their longest window", w.m.GatesTake))
}

// over tells that what the update began has come to its end.
func (w *witness) over() bool {
	if w.m.Service.Rollout.Active() || w.m.Service.Scaling {
		return false
	}
	for i := range w.m.Replicas {
		if w.m.Replicas[i].Stage == rollout.Draining {
			return false
		}
	}
	return true
}

// tooLong gives up on a model in which nothing but the clock moves.
func (w *witness) tooLong() bool {
	limit := patience + w.m.Service.Strategy.MinReady
	for _, p := range w.m.Policies {
		limit = max(limit, patience+p.StartupTimeout, patience+p.Drain.Grace)
	}
	if p := w.m.Service.Plan; p != nil && p.Batch != nil {
		limit = max(limit, patience+p.Batch.Interval)
	}
	limit += w.m.GatesTake
	return w.endless || len(w.out.Steps) >= mostSteps || w.m.Now.Sub(w.progress) > limit
}

// after says how it ended.
func (w *witness) after() {
	sv, end := &w.m.Service, &w.out.End
	ro := sv.Rollout
	end.Quiet = w.since(w.progress)
	end.At = end.Quiet
	if !w.noneFrom.IsZero() {
		w.backAgain()
	}
	switch {
	case w.endless || len(w.out.Steps) >= mostSteps:
		end.Phase, end.Text = api.PreviewUnfinished, fmt.Sprintf("the first %d steps are shown", len(w.out.Steps))
	case sv.Stopped:
		end.Phase, end.Text = api.PreviewCompleted, "the service is stopped; `sluice start "+sv.Name+"` starts it"
	case ro.Paused():
		end.Phase, end.At = api.PreviewPaused, w.since(ro.PausedAt)
		end.Text = fmt.Sprintf("paused at %d of %d updated, waiting for %s", w.m.Counts().Updated, sv.Desired, w.m.WaitingFor())
	case ro.Active():
		w.waits()
	case sv.Scaling:
		end.Phase, end.Text = api.PreviewStuck, fmt.Sprintf("%d of %d replicas are ready, and no more become so", w.m.Counts().Ready, sv.Desired)
	case ro != nil && ro.Phase == api.RolloutRolledBack && len(w.out.Batches) > 0:
		end.Phase, end.At, end.Text = api.PreviewRolledBack, w.since(ro.EndedAt), "it is rolled back"
	default:
		end.Phase, end.Text = api.PreviewCompleted, "nothing is left to do"
		if len(w.out.Batches) > 0 {
			end.At = w.since(ro.EndedAt)
			end.Text = fmt.Sprintf("all %d replicas run version %d", sv.Desired, sv.Current.Version)
		}
	}
	warn(w)
}

// waits says where a plan leaves a rollout that goes on when somebody says so.
func (w *witness) waits() {
	sv, end := &w.m.Service, &w.out.End
	v := w.m.PlanView()
	if v == nil || v.Stage != api.StageBatchCompleted {
		end.Phase, end.Text = api.PreviewStuck, "it waits for "+w.m.WaitingFor()
		return
	}
	end.Phase, end.At = api.PreviewWaiting, w.since(sv.Rollout.BatchDoneAt)
	end.Text = fmt.Sprintf("it waits at %d of %d: `sluice plan set %s --target N` goes on, `sluice plan rollback %s` goes back",
		v.Updated, v.Total, sv.Name, sv.Name)
	if len(w.pending) > 0 {
		end.Text += fmt.Sprintf("; %d replicas find no room", len(w.pending))
	}
}

// failure is what is left if the next new replica that comes up fails here; nil
// where none is on its way.
func (w *witness) failure() *api.PreviewFailure {
	if !w.m.Service.Rollout.Active() || w.m.Service.Rollout.Paused() {
		return nil
	}
	m := w.m.Copy()
	if !m.FailNext("it fails") {
		return nil
	}
	fresh, old := m.Sides()
	ro, name := m.Service.Rollout, m.Service.Name
	f := &api.PreviewFailure{Phase: ro.Phase, Old: old, New: fresh, Ready: m.Counts().Ready}
	switch {
	case !ro.Active():
		f.WayOut = "the rollout has ended by then"
	case ro.RollingBack:
		f.Phase = api.RolloutRolledBack
		f.WayOut = fmt.Sprintf("the plan takes it back to version %d by itself (on_failure: rollback)", m.Service.Base.Version)
	case m.Service.Base == nil:
		f.WayOut = fmt.Sprintf("`sluice resume %s` tries again; there is no completed version to go back to, so update to one that starts", name)
	default:
		f.WayOut = fmt.Sprintf("it is paused and nothing moves: `sluice rollback %s` goes back to version %d, `sluice resume %s` tries again, or update to a version that starts",
			name, m.Service.Base.Version, name)
	}
	return f
}
