package rollout

import "sluice.dev/sluice/api"

// side is what a replica's version means to the rollout in progress.
type side int

const (
	other  side = iota // superseded on the way, evicted, or left over: shall go
	base               // the last completed version
	target             // the version the service is meant to run
	sides
)

// census counts replicas by side. It is kept up to date while Decide adds
// steps, so that each step is judged by what the ones before it lead to.
type census struct {
	live, ready   [sides]int
	failed        [sides]int
	evicted       [sides]int // live replicas of the side that count under other, since they shall go
	draining      int
	updated, kept int // ready, by version alone
}

func (s *State) sideOf(r *Replica) side {
	switch {
	case r.Evicted:
		return other
	case s.Service.isTarget(r):
		return target
	case s.Service.isBase(r):
		return base
	}
	return other
}

func (s *State) isReady(r *Replica) bool { return r.Ready(s.Service.Strategy.MinReady, s.Now) }

// add counts the replica, or takes it out of the count with by = -1.
func (c *census) add(s *State, r *Replica, by int) {
	if r.Stage == Draining {
		if r.Process == Running || r.Process == Ordered {
			c.draining += by
		}
		return
	}
	sd := s.sideOf(r)
	if r.Stage == Failed {
		c.failed[sd] += by
		return
	}
	c.live[sd] += by
	if r.Evicted {
		c.evicted[s.homeOf(r)] += by
	}
	if s.isReady(r) {
		c.ready[sd] += by
		if s.Service.isTarget(r) {
			c.updated += by
		} else {
			c.kept += by
		}
	}
}

// wanted tells whether the mix has a place for replicas like this one. The
// failure of one that would go anyway stops nobody: a service can always be
// updated away from a version that does not start.
func (s *State) wanted(r *Replica) bool {
	if s.Service.Stopped || s.Service.Deleting {
		return false
	}
	switch s.sideOf(r) {
	case target:
		return true
	case base:
		return s.Service.mix().base > 0
	}
	return false
}

// homeOf is the side an evicted replica is replaced on.
func (s *State) homeOf(r *Replica) side {
	switch {
	case s.Service.isTarget(r):
		return target
	case s.Service.isBase(r):
		return base
	}
	return other
}

func (c *census) allLive() int  { return c.live[other] + c.live[base] + c.live[target] }
func (c *census) allReady() int { return c.ready[other] + c.ready[base] + c.ready[target] }
func (c *census) allFailed() int {
	return c.failed[other] + c.failed[base] + c.failed[target]
}

func (s *State) census() census {
	var c census
	for i := range s.Replicas {
		c.add(s, &s.Replicas[i], 1)
	}
	return c
}

// Counts are the replica counts of the present moment (design.md 2b).
func (s *State) Counts() api.ReplicaCounts { return s.counts(s.census()) }

func (s *State) counts(c census) api.ReplicaCounts {
	return api.ReplicaCounts{
		Desired: s.Service.Desired, Live: c.allLive(), Ready: c.allReady(),
		Updated: c.updated, Kept: c.kept, Draining: c.draining, Failed: c.allFailed(),
	}
}
