package rollout

import (
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// TestDecideForgets: a decision looks at the replicas there are. After many
// updates in batches it allocates no more than after the first, and the state
// holds no more than it did.
func TestDecideForgets(t *testing.T) {
	w := newWorld()
	w.Service.Strategy.MaxSurge = api.Count{Value: 10, Percent: true}
	good := behaviour{startup: time.Second}
	w.Begun("s", 100, w.Service.Strategy, w.target(good), "ann")
	w.run(time.Minute)
	size, interval := api.Count{Value: 25, Percent: true}, api.Interval(time.Second)
	if err := w.SetPlan(api.PlanChange{Batch: &api.BatchChange{Size: &size, Interval: &interval}}); err != nil {
		t.Fatal(err)
	}
	cost := func() float64 {
		w.Update(w.target(good), "ann")
		w.run(90 * time.Second)
		if w.Service.Rollout.Phase != api.RolloutCompleted || len(w.Replicas) != 100 {
			t.Fatalf("%s with %d replicas", w.Service.Rollout.Phase, len(w.Replicas))
		}
		return testing.AllocsPerRun(100, func() { Decide(&w.State) })
	}
	first := cost()
	for range 30 {
		if now := cost(); now > first {
			t.Fatalf("a decision allocates %g times, after the first update it did %g times", now, first)
		}
	}
}
