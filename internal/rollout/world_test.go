package rollout

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// world is a Model with faults, and a witness who writes down what happens and
// checks each action. behaviour is what a version's processes do.
type world struct {
	*Model
	behave    map[string]behaviour // by Revision
	log       *bytes.Buffer
	began     time.Time
	version   int
	broken    []string // bounds that an action broke
	creates   int
	completed []Target
	noRoom    string // why nothing can be placed, "" when there is room
	before    api.ReplicaCounts
}

type behaviour struct {
	startup     time.Duration
	exit        string // exits like this instead of becoming healthy
	unstartable string
	never       bool // starts, never becomes healthy
	drain       time.Duration
	busy        time.Duration // requests stay in hand this long after the acknowledgement
}

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld() *world {
	w := &world{Model: &Model{}, behave: map[string]behaviour{}, began: epoch, log: &bytes.Buffer{}}
	w.Now = epoch
	w.Policies = map[string]Policy{}
	return w
}

// own has the model ask and tell this world, which may be a copy of another.
func (w *world) own() {
	w.Watch, w.Room = w, w
	w.Behave = func(r *Replica) Behaviour {
		b := w.behave[r.Revision]
		return Behaviour{Startup: b.startup, Exit: b.exit, Unstartable: b.unstartable, Never: b.never, Busy: b.busy, Drain: b.drain}
	}
}

func (w *world) target(b behaviour) Target {
	w.version++
	t := Target{Version: w.version, Revision: fmt.Sprintf("rev%d", w.version)}
	w.behave[t.Revision] = b
	w.Policies[t.Revision] = Policy{
		Drain:          api.Drain{Grace: 30 * time.Second, Sigterm: true, Mode: api.DrainGracePeriod},
		StartupTimeout: 10 * time.Minute,
	}
	return t
}

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(w.log, "%6.2fs  %s\n", w.Now.Sub(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// Place and the next two make it the Room of its model.
func (w *world) Place(*Replica) string { return w.noRoom }
func (w *world) Leave(string)          {}
func (w *world) Copy() Room            { return w }

// Before and the next three make it the Watcher of its model.
func (w *world) Before(st Step) {
	w.before = w.Counts()
	switch st.Kind {
	case Create:
		w.creates++
		w.say("create %s", st.Replica)
	case Begin, Settle, Complete, RollBack, BatchDone, NextBatch:
		w.say("%s", st.Kind)
	case Drain:
		w.say("drain %s", st.Replica)
	default:
		w.say("%s %s: %s", st.Kind, st.Replica, st.Reason)
	}
}

func (w *world) After(st Step) {
	w.checkPause(st)
	w.checkTarget(st)
	if st.Kind == Complete {
		w.completed = append(w.completed, w.Service.Rollout.To)
	}
	w.checkBounds(st, w.before)
}

func (w *world) Ready(id string) { w.say("ready %s", id) }
func (w *world) Passed()         { w.say("gates passed") }

func (w *world) Endless(st Step) {
	w.broken = append(w.broken, fmt.Sprintf("it never stops deciding: %v", st))
}

// checkBounds is rule 1, written from outside: it looks at counts before and
// after one action, and knows nothing of how it was chosen.
func (w *world) checkBounds(st Step, before api.ReplicaCounts) {
	after := w.Counts()
	if st.Kind == Fail || w.Service.Stopped || w.Service.Deleting {
		return
	}
	b := w.Service.Strategy.Resolve(w.Service.Desired)
	after.Live += w.stillHolding(after)
	before.Live += w.stillHolding(before)
	if after.Live > before.Live && after.Live > b.Desired+b.Surge {
		w.broken = append(w.broken, fmt.Sprintf("%s %s: live %d > %d + %d", st.Kind, st.Replica, after.Live, b.Desired, b.Surge))
	}
	low := b.Desired - b.Unavailable
	if after.Ready < before.Ready && after.Ready < low && before.Desired == after.Desired {
		w.broken = append(w.broken, fmt.Sprintf("%s %s: ready %d < %d", st.Kind, st.Replica, after.Ready, low))
	}
	after.Live -= w.stillHolding(after)
	before.Live -= w.stillHolding(before)
	if after.Live < before.Live && after.Live < low {
		w.broken = append(w.broken, fmt.Sprintf("%s %s: live %d < %d", st.Kind, st.Replica, after.Live, low))
	}
}

// checkPause is rule 16: a pause freezes the counts. What goes is evicted, and
// what comes takes the place of such a one.
func (w *world) checkPause(st Step) {
	ro := w.Service.Rollout
	if !ro.Paused() || ro.Rescaled || w.Service.Stopped || w.Service.Deleting {
		return
	}
	c := w.census()
	switch r := w.Replica(st.Replica); {
	case st.Kind == Create && (c.live[target] > ro.Frozen || c.live[base] > ro.FrozenBase):
		w.broken = append(w.broken, fmt.Sprintf("%s %s while paused: %d and %d are live, %d and %d were",
			st.Kind, st.Replica, c.live[target], c.live[base], ro.Frozen, ro.FrozenBase))
	case st.Kind == Drain && !r.Evicted:
		w.broken = append(w.broken, fmt.Sprintf("%s %s while paused", st.Kind, st.Replica))
	}
}

// checkTarget is rule 14: no action takes the live replicas of the new version
// past the target, upwards or downwards.
func (w *world) checkTarget(st Step) {
	r := w.Replica(st.Replica)
	if r == nil || !w.Service.divided() || w.Service.Rollout.Paused() || w.Service.desired() == 0 || !w.Service.isTarget(r) {
		return
	}
	live, to := w.census().live[target], w.Service.TargetUpdated()
	if st.Kind == Create && live > to || st.Kind == Drain && !r.Evicted && live < to {
		w.broken = append(w.broken, fmt.Sprintf("%s %s: %d live of the new version, the target is %d", st.Kind, st.Replica, live, to))
	}
}

func (w *world) stillHolding(c api.ReplicaCounts) int {
	if w.Service.Strategy.TerminationComplete {
		return c.Draining
	}
	return 0
}

// run goes on for d.
func (w *world) run(d time.Duration) {
	w.own()
	end := w.Now.Add(d)
	for w.Settle(); w.pending(end); w.Settle() {
		w.Next()
	}
	w.Now = later(w.Now, end)
	w.Settle()
}

// runOut goes on until nothing happens any more.
func (w *world) runOut() {
	w.own()
	for w.Settle(); w.Next(); w.Settle() {
	}
}

func (w *world) pending(until time.Time) bool {
	at, ok := w.NextAt()
	return ok && !at.After(until)
}

func (w *world) summary() string {
	var b strings.Builder
	status, reason, message := w.Status()
	c := w.Counts()
	fmt.Fprintf(&b, "%s", status)
	if reason != "" {
		fmt.Fprintf(&b, " (%s)", reason)
	}
	if message != "" {
		fmt.Fprintf(&b, ": %s", message)
	}
	fmt.Fprintf(&b, "\ndesired %d live %d ready %d updated %d kept %d draining %d failed %d; current %d base %s\n",
		c.Desired, c.Live, c.Ready, c.Updated, c.Kept, c.Draining, c.Failed, w.Service.Current.Version, w.base())
	if ro := w.Service.Rollout; ro != nil {
		fmt.Fprintf(&b, "%s %d -> %d %s", ro.Kind, ro.From, ro.To.Version, ro.Phase)
		if wait := w.WaitingFor(); wait != "" {
			fmt.Fprintf(&b, ", waiting for %s", wait)
		}
		b.WriteString("\n")
	}
	if p := w.PlanView(); p != nil {
		fmt.Fprintf(&b, "plan %s", p.Phase)
		if p.Stage != "" {
			fmt.Fprintf(&b, ", %s: %d of %d, target %d", p.Stage, p.Updated, p.Total, p.Target)
		}
		if p.NextBatchAt != nil {
			fmt.Fprintf(&b, ", next batch at %.2fs", p.NextBatchAt.Sub(w.began).Seconds())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (w *world) base() string {
	if w.Service.Base == nil {
		return "none"
	}
	return fmt.Sprint(w.Service.Base.Version)
}
