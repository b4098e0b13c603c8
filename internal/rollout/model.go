package rollout

import (
	"container/heap"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// Model is a model of everything outside the core: processes that start, pass
// their checks and end, and gateways that acknowledge. It runs Decide and Apply
// on the State it holds, and time jumps to whatever happens next. The preview
// runs it on a copy of a service's real state, and this package's own stories
// and properties run it with faults; so what is previewed is what is tested.
//
// A Model is plain data but for its three functions, so that Copy makes another
// that goes its own way from the same moment.
type Model struct {
	State
	// Behave says how a process of the replica behaves.
	Behave func(r *Replica) Behaviour
	Room   Room    // nil: there is always room
	Watch  Watcher // nil: nobody looks
	// GatesTake is when the plan's gates let a batch go on, after it was complete;
	// 0: nobody asks them.
	GatesTake time.Duration

	queue happenings
	order int
	asked time.Time // when the batch was complete whose gates are being asked
}

// Behaviour is how long a process takes for what it does. The zero value is
// healthy at once, has nothing in hand and ends at once.
type Behaviour struct {
	Startup     time.Duration // from its start until its checks pass
	Exit        string        // it exits like this instead of passing them
	Unstartable string        // it cannot be started at all
	Never       bool          // it starts and never passes them
	Busy        time.Duration // requests stay in hand this long after the acknowledgement
	Drain       time.Duration // from SIGTERM until it has ended
}

// Room is where replicas are placed.
type Room interface {
	Place(r *Replica) (why string) // "" when there is room, which it then holds
	Leave(id string)               // it needs its room no longer
	Copy() Room
}

// Watcher is told what happens in a Model.
type Watcher interface {
	Before(st Step)  // before it is applied
	After(st Step)   // when it is applied, before it is acted on
	Ready(id string) // a replica counts as ready from now on
	Passed()         // the gates have let the batch go on
	Endless(st Step) // deciding does not come to an end
}

// AckDelay is how long the gateways of a Model take to acknowledge a table.
const AckDelay = 10 * time.Millisecond

// occurrence is what a happening is about.
type occurrence int

const (
	wakes occurrence = iota // a Decide asked to be called again
	turnsHealthy
	isAcked
	countsReady
	isUnrouted
	isIdle
	exits
	pass // the gates
)

// happening is something that will happen to one process of a replica.
type happening struct {
	at     time.Time
	order  int // ties happen in it
	what   occurrence
	id     string
	starts int
	how    string
}

// happenings is a heap by time.
type happenings []happening

func (q happenings) Len() int      { return len(q) }
func (q happenings) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *happenings) Push(x any)   { *q = append(*q, x.(happening)) }
func (q happenings) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].order < q[j].order
}
func (q *happenings) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	*q = (*q)[:last]
	return h
}

func (m *Model) plan(at time.Time, h happening) {
	m.order++
	h.at, h.order = at, m.order
	heap.Push(&m.queue, h)
}

// after plans something for the present process of a replica.
func (m *Model) after(d time.Duration, what occurrence, r *Replica, how string) {
	m.plan(m.Now.Add(max(0, d)), happening{what: what, id: r.ID, starts: r.Starts, how: how})
}

// Copy is a model of the same moment that goes its own way. Nobody watches it.
func (m *Model) Copy() *Model {
	c := *m
	c.Watch = nil
	c.Replicas, c.queue = slices.Clone(m.Replicas), slices.Clone(m.queue)
	if m.Room != nil {
		c.Room = m.Room.Copy()
	}
	return &c
}

// Settle decides and acts until there is nothing to do at this instant.
func (m *Model) Settle() {
	for round := 0; ; round++ {
		d := Decide(&m.State)
		if len(d.Steps) == 0 {
			if !d.Wake.IsZero() {
				m.plan(later(d.Wake, m.Now), happening{what: wakes})
			}
			m.askGates()
			return
		}
		if round > 10000 {
			if m.Watch != nil {
				m.Watch.Endless(d.Steps[0])
			}
			return
		}
		for _, st := range d.Steps {
			m.apply(st)
		}
	}
}

func (m *Model) apply(st Step) {
	if m.Watch != nil {
		m.Watch.Before(st)
	}
	Apply(&m.State, st)
	if m.Watch != nil {
		m.Watch.After(st)
	}
	m.act(st)
}

func (m *Model) act(st Step) {
	if st.Kind == Remove {
		m.leaveRoom(st.Replica)
	}
	r := m.Replica(st.Replica)
	if r == nil {
		return
	}
	switch st.Kind {
	case Create, Start:
		m.start(r)
	case Drain, Fail, Recycle:
		m.after(AckDelay, isUnrouted, r, "")
	case Terminate:
		m.after(m.Behave(r).Drain, exits, r, "exit code 0")
	case Kill:
		m.exit(r.ID, r.Starts, "killed")
	}
}

func (m *Model) start(r *Replica) {
	if m.Room != nil {
		if why := m.Room.Place(r); why != "" {
			r.NoteUnplaced(why, m.Now)
			return
		}
	}
	b := m.Behave(r)
	if b.Unstartable != "" {
		r.NoteUnstartable(b.Unstartable, m.Now)
		return
	}
	r.NoteStarted(m.Now)
	switch {
	case b.Exit != "":
		m.after(b.Startup, exits, r, b.Exit)
	case b.Never:
		r.Complaint = "GET /ready: 503"
	default:
		m.after(b.Startup, turnsHealthy, r, "")
	}
}

func (m *Model) leaveRoom(id string) {
	if m.Room == nil {
		return
	}
	m.Room.Leave(id)
	for i := range m.Replicas {
		m.Replicas[i].NoteRoom()
	}
}

// NextAt is when the next thing happens; false when nothing ever will again.
func (m *Model) NextAt() (time.Time, bool) {
	if len(m.queue) == 0 {
		return time.Time{}, false
	}
	return later(m.Now, m.queue[0].at), true
}

// Next lets the next thing happen, after a Settle; false when there is none.
func (m *Model) Next() bool {
	if len(m.queue) == 0 {
		return false
	}
	h := heap.Pop(&m.queue).(happening)
	m.Now = later(m.Now, h.at)
	if h.what == pass {
		m.passGates(h.how)
	} else if r := m.Replica(h.id); r != nil && (r.Starts == h.starts || h.what == isUnrouted) {
		m.happen(r, h)
	}
	return true
}

// askGates plans for the gates of a batch that is complete to let it go on.
func (m *Model) askGates() {
	if m.GatesTake <= 0 || !m.Judging() || m.asked.Equal(m.Service.Rollout.BatchDoneAt) {
		return
	}
	m.asked = m.Service.Rollout.BatchDoneAt
	m.plan(later(m.Now, m.asked.Add(m.GatesTake)), happening{what: pass, how: m.Service.Rollout.ID})
}

func (m *Model) passGates(rollout string) {
	if !m.Judging() || m.Service.Rollout.ID != rollout || !m.Service.Rollout.BatchDoneAt.Equal(m.asked) {
		return
	}
	m.NoteGates(api.GateRecord{At: api.At(m.Now), Action: api.GateContinue}, m.asked)
	if m.Watch != nil {
		m.Watch.Passed()
	}
}

func (m *Model) happen(r *Replica, h happening) {
	switch h.what {
	case turnsHealthy:
		m.healthy(h.id, h.starts)
	case isAcked:
		if r.Routable() {
			r.NoteRouted(true)
			m.noteReady(r)
		}
	case countsReady:
		m.countReady(r)
	case isUnrouted:
		m.unrouted(r)
	case isIdle:
		r.InFlight, r.IdleSince = 0, m.Now
	case exits:
		m.exit(h.id, h.starts, h.how)
	}
}

func (m *Model) healthy(id string, starts int) {
	r := m.Replica(id)
	if r == nil || r.Starts != starts || r.Process != Running || r.Healthy {
		return
	}
	r.NoteHealthy(m.Now)
	if !r.Routable() {
		return
	}
	r.NoteRouted(false)
	m.after(AckDelay, isAcked, r, "")
}

// noteReady is what the controller does when it sees a replica ready.
func (m *Model) noteReady(r *Replica) {
	if wait := r.HealthyAt.Add(m.Service.Strategy.MinReady).Sub(m.Now); wait > 0 {
		m.after(wait, countsReady, r, "")
		return
	}
	m.countReady(r)
}

func (m *Model) countReady(r *Replica) {
	if !m.isReady(r) {
		return
	}
	r.NoteReady(m.Now)
	if m.Watch != nil {
		m.Watch.Ready(r.ID)
	}
}

func (m *Model) unhealthy(id string, complaint string) {
	if r := m.Replica(id); r != nil && r.Process == Running && r.Healthy {
		r.NoteUnhealthy(complaint)
	}
}

func (m *Model) unrouted(r *Replica) {
	r.NoteUnrouted(m.Now)
	r.LastPicked, r.InFlight = m.Now, 1
	m.after(m.Behave(r).Busy, isIdle, r, "")
}

func (m *Model) exit(id string, starts int, how string) {
	r := m.Replica(id)
	if r == nil || r.Starts != starts || r.Process != Running {
		return
	}
	r.NoteExit(how, m.Now)
	if r.Stage != Live {
		m.leaveRoom(id)
	}
}

// TakeOver plans what is under way in a state that another world has led to:
// replicas that start pass their checks when they have had their time, and those
// that end go on ending. One that was ready and is not any more stays so.
func (m *Model) TakeOver() {
	for i := range m.Replicas {
		r := &m.Replicas[i]
		switch {
		case r.Process == Ordered:
			m.start(r)
		case r.Process != Running:
		case r.Stage != Live || !r.EndAt.IsZero():
			m.goOnEnding(r)
		case !r.Healthy && r.ReadyAt.Before(r.StartedAt):
			m.after(r.StartedAt.Add(m.Behave(r).Startup).Sub(m.Now), turnsHealthy, r, "")
		case r.Healthy && !r.Acked:
			r.NoteRouted(false)
			m.after(AckDelay, isAcked, r, "")
		case r.Healthy && r.ReadyAt.Before(r.HealthyAt):
			m.noteReady(r)
		}
	}
}

func (m *Model) goOnEnding(r *Replica) {
	b := m.Behave(r)
	switch {
	case !r.Killed.IsZero():
		m.after(0, exits, r, "killed")
	case !r.Signalled.IsZero():
		m.after(r.Signalled.Add(b.Drain).Sub(m.Now), exits, r, "exit code 0")
	case r.Routed && r.UnroutedAt.IsZero():
		m.after(AckDelay, isUnrouted, r, "")
	case r.Routed && r.IdleSince.IsZero():
		m.after(b.Busy, isIdle, r, "")
	}
}

// FailNext has a replica of the new version fail that is on its way, for good;
// false when none is.
func (m *Model) FailNext(why string) bool {
	for i := range m.Replicas {
		r := &m.Replicas[i]
		if r.Stage == Live && m.Service.isTarget(r) && !r.proven() && r.EndAt.IsZero() {
			r.NoteUnstartable(why, m.Now)
			m.Settle()
			return true
		}
	}
	return false
}

// Sides are the live replicas of the version that the service is meant to run,
// and those of any other.
func (s *State) Sides() (fresh, old int) {
	for i := range s.Replicas {
		if r := &s.Replicas[i]; r.Stage == Live && s.Service.isTarget(r) {
			fresh++
		} else if r.Stage == Live {
			old++
		}
	}
	return fresh, old
}
