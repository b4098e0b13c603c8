package sim

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/rollout"
)

// askForPlan makes, changes, takes back or deletes a service's update plan.
func (w *World) askForPlan(ctx context.Context, by controller.By, name string) (what string, err error) {
	change := func(ch api.PlanChange) error {
		_, err := w.controller.ChangePlan(ctx, by, name, ch)
		return err
	}
	switch w.rand.IntN(12) {
	case 0, 1, 2, 3:
		target := w.anyCount()
		return "plan, target " + target.String(), change(api.PlanChange{TargetUpdated: &target})
	case 4, 5:
		size, interval := w.anyCount(), api.Interval(1+w.rand.IntN(60))*api.Interval(time.Second)
		return fmt.Sprintf("plan, batches of %s, %s apart", size, interval), change(api.PlanChange{Batch: &api.BatchChange{Size: &size, Interval: &interval}})
	case 6:
		paused := w.rand.IntN(2) == 0
		return fmt.Sprintf("plan, paused %t", paused), change(api.PlanChange{Paused: &paused})
	case 7:
		on := []api.OnFailure{api.FailurePauses, api.FailureRollsBack}[w.rand.IntN(2)]
		return "plan, on failure " + string(on), change(api.PlanChange{OnFailure: &on})
	case 8, 9:
		gates := []api.Gate{{
			Command: &api.GateCommand{Command: "./check"}, Window: "2s", MaxWait: "1m",
			OnFail: []api.GateAction{api.GatePause, api.GateRollback, api.GateContinue}[w.rand.IntN(3)],
		}}[w.rand.IntN(2):]
		return fmt.Sprintf("plan, %d gates", len(gates)), change(api.PlanChange{Gates: &gates})
	case 10:
		_, err = w.controller.RollBackPlan(ctx, by, name)
		return "plan rollback", err
	}
	_, err = w.controller.DeletePlan(ctx, by, name)
	return "plan delete", err
}

func (w *World) anyCount() api.Count {
	if w.rand.IntN(2) == 0 {
		return api.Count{Value: w.rand.IntN(101), Percent: true}
	}
	return api.Count{Value: w.rand.IntN(6)}
}

// probe is what gates ask: mostly it is content, as it is when all is calm.
type probe struct{ w *World }

func (probe) Check(context.Context, api.GateRule, controller.GateSubject) error { return nil }

func (p probe) Measure(context.Context, api.GateRule, controller.GateSubject) gate.Measurement {
	switch n := p.w.rand.IntN(10); {
	case n < 5 || p.w.calm:
		return gate.Measurement{}
	case n < 7:
		return gate.Measurement{NoData: "nobody answers"}
	}
	return gate.Measurement{Failed: "exit code 1"}
}

// checkTarget is rule 14: no action takes the live replicas of the new version
// past the target, upwards or downwards.
//
// One transaction may hold a scale and the batch that follows it: then either
// target counts.
func (w *World) checkTarget(m moves, before, after *rollout.State) {
	sv := &after.Service
	if ro := sv.Rollout; !ro.Active() || ro.Paused() || ro.Kind == api.KindRestart || sv.Base == nil ||
		sv.Base.Revision == sv.Current.Revision || sv.Stopped || sv.Deleting {
		return
	}
	live := 0
	for i := range after.Replicas {
		if r := &after.Replicas[i]; r.Stage == rollout.Live && !r.Evicted && r.Revision == sv.Current.Revision {
			live++
		}
	}
	low, high := sv.TargetUpdated(), sv.TargetUpdated()
	if was := before.Service.Rollout; was.Active() && was.ID == sv.Rollout.ID {
		scaled := *sv
		scaled.Rollout = was
		low, high = min(low, scaled.TargetUpdated()), max(high, scaled.TargetUpdated())
	}
	if m.createdNew > 0 && live > high || m.drainedNew > 0 && live+m.failed < low {
		w.fail("%s: %d created and %d drained of the new version, %d of it are live, the target is %d to %d", sv.Name, m.createdNew, m.drainedNew, live, low, high)
	}
}
