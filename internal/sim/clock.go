package sim

import (
	"container/heap"
	"time"
)

// epoch is when every run begins.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// life is one incarnation of the control plane. What it had planned dies with
// it.
type life struct{ dead bool }

// entry is something that will happen.
type entry struct {
	at    time.Time
	order uint64 // of being planned: ties happen in it
	owner *life  // nil for what does not depend on the control plane
	what  func()
}

// clock is virtual time: it jumps to whatever happens next.
type clock struct {
	now   time.Time
	order uint64
	plan  plan
}

func (c *clock) after(d time.Duration, owner *life, what func()) *entry {
	c.order++
	e := &entry{at: c.now.Add(max(0, d)), order: c.order, owner: owner, what: what}
	heap.Push(&c.plan, e)
	return e
}

// next takes out what happens next and sets the clock to it; nil when nothing
// ever will, or not before the limit.
func (c *clock) next(limit time.Time) func() {
	for len(c.plan) > 0 && !c.plan[0].at.After(limit) {
		e := heap.Pop(&c.plan).(*entry)
		if e.what == nil || e.owner != nil && e.owner.dead {
			continue
		}
		c.now = e.at
		return e.what
	}
	return nil
}

// plan is a heap of entries by time.
type plan []*entry

func (p plan) Len() int { return len(p) }
func (p plan) Less(i, j int) bool {
	return p[i].at.Before(p[j].at) || p[i].at.Equal(p[j].at) && p[i].order < p[j].order
}
func (p plan) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *plan) Push(x any)   { *p = append(*p, x.(*entry)) }
func (p *plan) Pop() any {
	old := *p
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*p = old[:len(old)-1]
	return e
}

// schedule is the clock as one incarnation of the controller sees it.
type schedule struct {
	w     *World
	owner *life
}

func (s schedule) Now() time.Time { return s.w.clock.now }

// Go happens a moment later, so that the order of what is begun together
// varies.
func (s schedule) Go(what func()) { s.w.after(s.w.upTo(2*time.Millisecond), s.owner, what) }

func (s schedule) After(d time.Duration, what func()) (stop func()) {
	e := s.w.after(d, s.owner, what)
	return func() { e.what = nil }
}
