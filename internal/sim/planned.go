package sim

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/store"
)

// Planned are updates in batches, in a world without faults in which every
// replica takes exactly Startup to pass its checks.
type Planned struct {
	Seed     uint64
	Replicas int
	Surge    int
	Startup  time.Duration
	Batch    api.Count
	Interval time.Duration
	Store    store.Store // empty
}

// PlannedTimes is how long each of them took.
type PlannedTimes struct {
	Automatic time.Duration // an update in automatic batches, from its begin to its end
	// The way back: of an update that stands at one batch, within its rollout
	// (rule 14), and of one that is complete, to the version before (rule 24).
	PlanRollback    time.Duration
	VersionRollback time.Duration
}

// Run makes the updates. The promises are checked as in any other run.
func (p Planned) Run() (took PlannedTimes, err error) {
	w := newWorld(Config{Seed: p.Seed, Store: p.Store})
	w.calm, w.startup, w.services = true, p.Startup, []string{"s"}
	w.boot()
	if _, err = w.controller.Create(context.Background(), planner, p.file(good, 0)); err != nil {
		return took, err
	}
	if _, err = p.rolled(w); err != nil {
		return took, err
	}
	interval := api.Interval(p.Interval)
	if err = p.plan(w, api.PlanChange{Batch: &api.BatchChange{Size: &p.Batch, Interval: &interval}}); err != nil {
		return took, err
	}
	if took.Automatic, err = p.update(w, 1); err != nil {
		return took, err
	}
	if err = p.plan(w, api.PlanChange{TargetUpdated: &p.Batch}); err != nil {
		return took, err
	}
	if took.PlanRollback, err = p.planBack(w, 2); err != nil {
		return took, err
	}
	if err = p.plan(w, api.PlanChange{TargetUpdated: &api.Count{Value: p.Replicas}}); err != nil {
		return took, err
	}
	took.VersionRollback, err = p.versionBack(w, 3)
	return took, err
}

var planner = controller.By{Actor: "ann"}

func (p Planned) file(program string, number int) api.Document {
	return document(fmt.Sprintf(`{"metadata": {"name": "s", "instance": %d, "rolling_strategy": {"max_surge": %d, "max_unavailable": 0},
		"eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}}, "containers": [{"command": %q, "env": [{"name": "N", "value": "%d"}]}]}`,
		p.Replicas, p.Surge, program, number))
}

func (p Planned) plan(w *World, change api.PlanChange) error {
	_, err := w.controller.ChangePlan(context.Background(), planner, "s", change)
	return err
}

// update rolls out another version and returns how long that took.
func (p Planned) update(w *World, number int) (time.Duration, error) {
	if _, err := w.controller.Update(context.Background(), planner, "s", p.file(good, number), false); err != nil {
		return 0, err
	}
	return p.rolled(w)
}

// planBack lets an update come to stand at its first batch, and returns how long
// its plan's rollback takes.
func (p Planned) planBack(w *World, number int) (time.Duration, error) {
	if _, err := w.controller.Update(context.Background(), planner, "s", p.file(good, number), false); err != nil {
		return 0, err
	}
	_, err := p.until(w, func(s api.Service) bool { return s.Plan.Stage == api.StageBatchCompleted && s.Replicas.Draining == 0 })
	if err != nil {
		return 0, err
	}
	began := w.now
	if _, err := w.controller.RollBackPlan(context.Background(), planner, "s"); err != nil {
		return 0, err
	}
	s, err := p.until(w, func(s api.Service) bool { return s.Rollout.Phase == api.RolloutRolledBack })
	if err != nil {
		return 0, err
	}
	return s.Rollout.EndedAt.Sub(began), nil
}

// versionBack rolls an update out and returns how long the rollback to the
// version before takes.
func (p Planned) versionBack(w *World, number int) (time.Duration, error) {
	if _, err := p.update(w, number); err != nil {
		return 0, err
	}
	if _, err := w.controller.Rollback(context.Background(), planner, "s", api.Rollback{}); err != nil {
		return 0, err
	}
	return p.rolled(w)
}

// rolled waits for the end of the rollout and returns how long it took.
func (p Planned) rolled(w *World) (time.Duration, error) {
	s, err := p.until(w, func(s api.Service) bool { return s.Rollout.Phase.Ended() })
	if err != nil {
		return 0, err
	}
	return s.Rollout.EndedAt.Sub(s.Rollout.StartedAt.Time), nil
}

func (p Planned) until(w *World, holds func(api.Service) bool) (s api.Service, err error) {
	end := w.now.Add(time.Duration(p.Replicas+2) * (p.Startup + p.Interval + time.Minute))
	for {
		w.proceed(10_000, w.now.Add(p.Startup))
		if w.fault != nil {
			return s, w.fault
		}
		if s, err = w.controller.Get(context.Background(), "s"); err != nil || holds(s) {
			return s, err
		}
		if !w.now.Before(end) {
			return s, fmt.Errorf("it does not end within %s: %+v", w.now.Sub(epoch), s.Rollout)
		}
	}
}
