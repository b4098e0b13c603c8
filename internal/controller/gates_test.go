package controller

import (
	"context"
	"math"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

// TestGatesMeasure: both sides are counted from the moment the batch is complete;
// requests per second are those of the replicas that served since then.
func TestGatesMeasure(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 4)
		one, window := api.Count{Value: 1}, []api.Gate{{Metric: api.MetricRequests, MinRatio: "0.5", Window: "30s", MaxWait: "10m"}}
		if _, err := w.ChangePlan(ctx, ann, "s", api.PlanChange{TargetUpdated: &one, Gates: &window}); err != nil {
			t.Fatal(err)
		}
		w.processes.startup = 20 * time.Second // which is no time of the gate's
		begun := time.Now()
		w.plane.measure(func() map[int]gate.Counts { // 10 requests a second to each old replica, 8 to the new one
			n := uint64(time.Since(begun) / time.Second)
			return map[int]gate.Counts{1: {Requests: 30 * n}, 2: {Requests: 8 * n}}
		})
		w.update(t, "2")
		time.Sleep(3 * time.Minute)
		s := w.get(t)
		if len(s.Rollout.Gates) == 0 {
			t.Fatalf("no gate has spoken: %+v, %+v", s.Rollout, s.Plan)
		}
		last := s.Rollout.Gates[len(s.Rollout.Gates)-1]
		r := last.Results[0]
		if last.Action != api.GateContinue || math.Abs(r.New.Value-8) > 0.5 || math.Abs(r.Old.Value-10) > 0.5 {
			t.Errorf("%s: new %+v, old %+v: %s", last.Action, r.New, r.Old, last.Reason)
		}
		if s.Plan.Stage != api.StageBatchCompleted || s.Plan.Judging {
			t.Errorf("the plan after its gate: %+v", s.Plan)
		}
	})
}
