package rollout

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// world is a model of everything outside the core: processes that start, pass
// their checks, crash and end, and a gateway that acknowledges. Time is a
// number that jumps to whatever happens next.
type world struct {
	State
	behave    map[string]behaviour // by Revision
	queue     []happening
	order     int
	log       *bytes.Buffer
	began     time.Time
	version   int
	broken    []string // bounds that an action broke
	creates   int
	completed []Target
	noRoom    string // why nothing can be placed, "" when there is room
}

type behaviour struct {
	startup     time.Duration
	exit        string // exits like this instead of becoming healthy
	unstartable string
	never       bool // starts, never becomes healthy
	drain       time.Duration
	busy        time.Duration // requests stay in hand this long after the acknowledgement
}

type happening struct {
	at    time.Time
	order int
	do    func()
}

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

const ackDelay = 10 * time.Millisecond

func newWorld() *world {
	w := &world{behave: map[string]behaviour{}, began: epoch, log: &bytes.Buffer{}}
	w.Now = epoch
	w.Policies = map[string]Policy{}
	return w
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

func (w *world) after(d time.Duration, do func()) {
	w.order++
	w.queue = append(w.queue, happening{at: w.Now.Add(d), order: w.order, do: do})
}

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(w.log, "%6.2fs  %s\n", w.Now.Sub(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// settle decides and acts until there is nothing to do at this instant.
func (w *world) settle() {
	for round := 0; ; round++ {
		d := Decide(&w.State)
		if len(d.Steps) == 0 {
			if !d.Wake.IsZero() {
				w.order++
				w.queue = append(w.queue, happening{at: later(d.Wake, w.Now), order: w.order, do: func() {}})
			}
			return
		}
		if round > 10000 {
			w.broken = append(w.broken, fmt.Sprintf("it never stops deciding: %v", d.Steps[0]))
			return
		}
		for _, st := range d.Steps {
			w.apply(st)
		}
	}
}

func (w *world) apply(st Step) {
	before := w.Counts()
	w.sayStep(st)
	Apply(&w.State, st)
	w.checkPause(st)
	w.checkTarget(st)
	if st.Kind == Complete {
		w.completed = append(w.completed, w.Service.Rollout.To)
	}
	w.checkBounds(st, before)
	w.act(st)
}

func (w *world) sayStep(st Step) {
	switch st.Kind {
	case Create:
		w.say("create %s", st.Replica)
	case Begin, Settle, Complete, RollBack, BatchDone, NextBatch:
		w.say("%s", st.Kind)
	case Drain:
		w.say("drain %s", st.Replica)
	default:
		w.say("%s %s: %s", st.Kind, st.Replica, st.Reason)
	}
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

func (w *world) act(st Step) {
	id := st.Replica
	switch st.Kind {
	case Create, Start:
		if st.Kind == Create {
			w.creates++
		}
		w.start(id)
	case Drain, Fail, Recycle:
		w.after(ackDelay, func() { w.unrouted(id) })
	case Terminate:
		r := w.Replica(id)
		starts := r.Starts
		w.after(w.behave[r.Revision].drain, func() { w.exit(id, starts, "exit code 0") })
	case Kill:
		w.exit(id, w.Replica(id).Starts, "killed")
	}
}

func (w *world) start(id string) {
	r := w.Replica(id)
	b, starts := w.behave[r.Revision], r.Starts
	if w.noRoom != "" {
		r.NoteUnplaced(w.noRoom, w.Now)
		return
	}
	if b.unstartable != "" {
		r.NoteUnstartable(b.unstartable, w.Now)
		return
	}
	r.NoteStarted(w.Now)
	switch {
	case b.exit != "":
		w.after(b.startup, func() { w.exit(id, starts, b.exit) })
	case b.never:
		r.Complaint = "GET /ready: 503"
	default:
		w.after(b.startup, func() { w.healthy(id, starts) })
	}
}

func (w *world) healthy(id string, starts int) {
	r := w.Replica(id)
	if r == nil || r.Starts != starts || r.Process != Running || r.Healthy {
		return
	}
	r.NoteHealthy(w.Now)
	if !r.Routable() {
		return
	}
	r.NoteRouted(false)
	w.after(ackDelay, func() {
		if r := w.Replica(id); r != nil && r.Starts == starts && r.Routable() {
			r.NoteRouted(true)
			w.noteReady(r)
		}
	})
}

// noteReady is what the controller does when it sees a replica ready.
func (w *world) noteReady(r *Replica) {
	min := w.Service.Strategy.MinReady
	id := r.ID
	note := func() {
		if r := w.Replica(id); r != nil && w.isReady(r) {
			r.NoteReady(w.Now)
			w.say("ready %s", id)
		}
	}
	if wait := r.HealthyAt.Add(min).Sub(w.Now); wait > 0 {
		w.after(wait, note)
		return
	}
	note()
}

func (w *world) unhealthy(id string, complaint string) {
	if r := w.Replica(id); r != nil && r.Process == Running && r.Healthy {
		r.NoteUnhealthy(complaint)
	}
}

func (w *world) unrouted(id string) {
	r := w.Replica(id)
	if r == nil {
		return
	}
	r.NoteUnrouted(w.Now)
	r.LastPicked = w.Now
	r.InFlight = 1
	starts := r.Starts
	w.after(w.behave[r.Revision].busy, func() {
		if r := w.Replica(id); r != nil && r.Starts == starts {
			r.InFlight, r.IdleSince = 0, w.Now
		}
	})
}

func (w *world) exit(id string, starts int, how string) {
	if r := w.Replica(id); r != nil && r.Starts == starts && r.Process == Running {
		r.NoteExit(how, w.Now)
	}
}

// step lets the next thing happen; false when nothing ever will again.
func (w *world) step() bool {
	w.settle()
	if len(w.queue) == 0 {
		return false
	}
	w.next()
	return true
}

func (w *world) next() {
	sort.Slice(w.queue, func(i, j int) bool {
		a, b := w.queue[i], w.queue[j]
		return a.at.Before(b.at) || a.at.Equal(b.at) && a.order < b.order
	})
	next := w.queue[0]
	w.queue = w.queue[1:]
	w.Now = later(w.Now, next.at)
	next.do()
}

// run goes on for d.
func (w *world) run(d time.Duration) {
	end := w.Now.Add(d)
	for w.settle(); w.pending(end); w.settle() {
		w.next()
	}
	w.Now = later(w.Now, end)
	w.settle()
}

// runOut goes on until nothing happens any more.
func (w *world) runOut() {
	for w.step() {
	}
}

func (w *world) pending(until time.Time) bool {
	for _, h := range w.queue {
		if !h.at.After(until) {
			return true
		}
	}
	return false
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
