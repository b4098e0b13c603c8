package main

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// decideBench measures rollout.Decide in the middle of an update, both when it
// finds what to do (a batch has become ready) and when it finds nothing.
type decideBench struct {
	most   int
	rounds int
}

func decideFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &decideBench{}
	f.IntVar(&b.most, "most", 10000, "the largest of 1, 100, 1000 and 10000 replicas to measure")
	f.IntVar(&b.rounds, "rounds", 3, "rounds, each of about a second for each size")
	return b.run
}

func (b *decideBench) run(_ context.Context, r *report) error {
	testing.Init()
	for range b.rounds {
		for _, n := range []int{1, 100, 1000, 10000} {
			if n > b.most {
				continue
			}
			for _, busy := range []bool{true, false} {
				s := midway(n, busy)
				steps := len(rollout.Decide(s).Steps)
				if (steps > 0) != busy {
					return fmt.Errorf("%d replicas: %d steps are decided, busy is %t", n, steps, busy)
				}
				result := testing.Benchmark(func(t *testing.B) {
					t.ReportAllocs()
					for t.Loop() {
						rollout.Decide(s)
					}
				})
				name := decideName(n, busy)
				r.add(name+": time", "us", float64(result.NsPerOp())/1000)
				r.add(name+": allocations", "", float64(result.AllocsPerOp()))
				r.add(name+": steps", "", float64(steps))
			}
		}
	}
	r.bar(decideName(1000, true)+": time", "median", 100)
	r.bar(decideName(1000, false)+": time", "median", 100)
	return nil
}

func decideName(n int, busy bool) string {
	if busy {
		return fmt.Sprintf("%d replicas, a batch is ready", n)
	}
	return fmt.Sprintf("%d replicas, nothing to do", n)
}

// midway is the state of a service of n replicas, surge 2%, about half of which
// are updated. Busy: the newest have just become ready; otherwise they are
// starting.
func midway(n int, busy bool) *rollout.State {
	s := &rollout.State{Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Policies: map[string]rollout.Policy{}}
	for _, revision := range []string{"old", "new"} {
		s.Policies[revision] = rollout.Policy{Drain: api.Drain{Grace: 30 * time.Second, Mode: api.DrainGracePeriod}, StartupTimeout: 10 * time.Minute}
	}
	s.Begun("s", n, rollout.Strategy{MaxSurge: api.Count{Value: 2, Percent: true}}, rollout.Target{Version: 1, Revision: "old"}, "ann")
	for turn(s); s.Service.Rollout.Active(); turn(s) {
		becomeReady(s)
	}
	s.Update(rollout.Target{Version: 2, Revision: "new"}, "ann")
	turn(s)
	for s.Counts().Updated < n/2 {
		becomeReady(s)
		turn(s)
	}
	if busy {
		becomeReady(s)
	}
	return s
}

// turn decides and applies until nothing is left to decide.
func turn(s *rollout.State) {
	for {
		d := rollout.Decide(s)
		if len(d.Steps) == 0 {
			return
		}
		for _, st := range d.Steps {
			rollout.Apply(s, st)
			if r := s.Replica(st.Replica); r != nil && st.Kind == rollout.Drain {
				r.NoteUnrouted(s.Now)
			}
		}
	}
}

// becomeReady lets a second pass in which all that was started becomes ready.
func becomeReady(s *rollout.State) {
	s.Now = s.Now.Add(time.Second)
	for i := range s.Replicas {
		if r := &s.Replicas[i]; r.Stage == rollout.Live && !r.Healthy {
			r.NoteStarted(s.Now)
			r.NoteHealthy(s.Now)
			r.NoteRouted(true)
			r.NoteReady(s.Now)
		}
	}
}
