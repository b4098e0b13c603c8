package sim

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/store"
)

// Smooth is an update of a service in a world without faults, in which every
// replica takes exactly Startup to pass its checks. Reports and gateways' tables
// are on their way for a few milliseconds, as in every run.
type Smooth struct {
	Seed     uint64
	Replicas int
	Surge    int
	Startup  time.Duration
	Store    store.Store // empty
}

// Run makes the update and returns how long its rollout took. The promises are
// checked as in any other run.
func (s Smooth) Run() (took time.Duration, err error) {
	w := newWorld(Config{Seed: s.Seed, Store: s.Store})
	w.calm, w.startup, w.services = true, s.Startup, []string{"s"}
	w.boot()
	for number, program := range []string{good, slow} {
		if took, err = s.rollOut(w, number+1, program); err != nil {
			return 0, err
		}
	}
	return took, nil
}

// rollOut makes a version, waits for its rollout to end, and returns how long
// that took.
func (s Smooth) rollOut(w *World, version int, program string) (took time.Duration, err error) {
	ctx, by := context.Background(), controller.By{Actor: "ann"}
	file := document(fmt.Sprintf(`{"metadata": {"name": "s", "instance": %d, "rolling_strategy": {"max_surge": %d, "max_unavailable": 0},
		"eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}}, "containers": [{"command": %q}]}`, s.Replicas, s.Surge, program))
	if version == 1 {
		_, err = w.controller.Create(ctx, by, file)
	} else {
		_, err = w.controller.Update(ctx, by, "s", file, false)
	}
	if err != nil {
		return 0, err
	}
	for end := w.now.Add(time.Duration(s.Replicas+2) * (s.Startup + time.Minute)); ; {
		w.proceed(10_000, w.now.Add(s.Startup))
		if w.fault != nil {
			return 0, w.fault
		}
		list, err := w.controller.Rollouts(ctx, "s")
		if err != nil {
			return 0, err
		}
		if ro := list[0]; ro.ToVersion == version && ro.Phase == api.RolloutCompleted {
			return ro.EndedAt.Sub(ro.StartedAt.Time), nil
		}
		if !w.now.Before(end) {
			return 0, fmt.Errorf("version %d is not rolled out after %s:\n%s", version, w.now.Sub(epoch), w.log.String())
		}
	}
}
