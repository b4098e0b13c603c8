package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

// settleWithin is how long, once all is calm, services may take to be as they
// were told: the longest drains and start-ups, one after the other.
const settleWithin = 6 * time.Hour

// Result is what became of a run.
type Result struct {
	Steps   int // things that happened
	Pending int // replicas that had to wait for room in the resource group
	Story   string
	Err     error // what was promised and did not hold, nil for a good run
}

// Run makes one run. The same Config gives the same Result.
func Run(cfg Config) Result {
	w := newWorld(cfg)
	w.room = newRoom(cfg.Seed)
	w.boot()
	w.after(0, nil, w.disturb)
	w.proceed(cfg.Steps, epoch.Add(1e6*time.Hour))
	if w.fault == nil {
		w.settle()
	}
	return Result{Steps: w.steps - w.beats, Pending: w.pending, Story: w.log.String(), Err: w.fault}
}

// proceed lets things happen until the limit or a fault, and up to n steps.
func (w *World) proceed(n int, limit time.Time) {
	for end := w.steps - w.beats + n; w.steps-w.beats < end && w.fault == nil; w.steps++ {
		what := w.next(limit)
		if what == nil {
			w.now = limit
			return
		}
		w.guarded(what)
	}
}

// settle ends all faults, asks every service for a good version, and checks
// that it comes to run it.
func (w *World) settle() {
	w.calm, w.store.full = true, false
	w.say("all is calm")
	for _, gw := range w.gateways.all {
		gw.deaf = w.now
	}
	for _, id := range sorted(w.processes.all) {
		w.processes.all[id].hanging = false
	}
	const most = 1_000_000
	w.proceed(most, w.now.Add(time.Minute)) // the control plane is back
	for _, name := range w.services {
		if w.fault == nil {
			w.wish(name)
		}
	}
	for end := w.now.Add(settleWithin); w.fault == nil; {
		w.proceed(most, w.now.Add(time.Minute))
		why := w.unsettled()
		switch {
		case why == "":
			return
		case !w.now.Before(end):
			w.fail("%s", why)
		}
	}
}

// wish asks for a good version of a service, whatever state it is in.
func (w *World) wish(name string) {
	ctx, by := context.Background(), controller.By{Actor: "ann"}
	file := w.roomy(w.file(name, good))
	if _, err := w.controller.Get(ctx, name); err != nil {
		return
	}
	_, _ = w.controller.Start(ctx, by, name)
	// A plan might wait for its operator, or for replicas of a base that was
	// complete with none and does not start.
	_, _ = w.controller.DeletePlan(ctx, by, name)
	if _, err := w.controller.Update(ctx, by, name, file, false); err != nil {
		if s, gone := w.controller.Get(ctx, name); gone == nil && s.Status != api.StatusDeleting {
			w.fail("a good version of %s is refused: %v", name, err)
		}
	}
}

// unsettled says what is not yet as promised in the end: N ready of the target,
// none of another, in every gateway's table, a process for each and no other.
func (w *World) unsettled() string {
	want := map[string]bool{}
	for _, s := range w.controller.List(context.Background()) {
		list, _ := w.controller.Replicas(context.Background(), s.Name)
		if s.Status != api.StatusRunning || s.Replicas.Updated != s.Replicas.Desired || len(list) != s.Replicas.Desired {
			return fmt.Sprintf("%s does not settle: %s (%s): %s; %+v; %d replicas; %+v", s.Name, s.Status, s.Reason, s.Message, s.Replicas, len(list), s.Rollout)
		}
		for _, r := range list {
			want[r.ID] = true
			for _, gw := range w.gateways.all {
				if !gw.holds(r.Address) {
					return fmt.Sprintf("%s is ready, and gateway %d does not route to it", r.ID, gw.id)
				}
			}
		}
	}
	running := map[string]bool{}
	for id, p := range w.processes.all {
		if p.alive {
			running[id] = true
		}
	}
	if !maps.Equal(running, want) {
		return fmt.Sprintf("processes %v run, %v are wanted", sorted(running), sorted(want))
	}
	return ""
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
