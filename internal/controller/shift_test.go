package controller

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/rollout"
)

// pair is a group of production with four replicas and a canary with so many.
func (w *world) pair(t *testing.T, canary int) {
	t.Helper()
	w.member(t, "prod", "g", 4)
	w.member(t, "next", "g", canary)
	doc := document(t, `{"containers":[{"command":"./server","env":[{"name":"A","value":"new"}]}]}`)
	if _, err := w.Update(context.Background(), ann, "next", doc, false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}

func (w *world) shift(t *testing.T, ch api.ShiftChange) {
	t.Helper()
	if _, err := w.ChangeShift(context.Background(), ann, "next", ch); err != nil {
		t.Fatal(err)
	}
}

func (w *world) wantShift(t *testing.T, phase api.ShiftPhase, percent int) api.Shift {
	t.Helper()
	v, err := w.Shift(context.Background(), "next")
	if err != nil || v.Phase != phase || v.Percent != percent {
		t.Fatalf("the shift is %s at %d%%: %s %s, %v; want %s at %d%%", v.Phase, v.Percent, v.Message, v.WaitingFor, err, phase, percent)
	}
	return v
}

// TestShift goes step by step, each when its time has come and ready replicas
// carry it; the control plane is killed in the middle; then everything goes back.
func TestShift(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pair(t, 1)
		scale, interval := true, api.Interval(time.Minute)
		w.shift(t, api.ShiftChange{Steps: []int{10, 50, 100}, Interval: &interval, Scale: &scale})
		time.Sleep(30 * time.Second)
		w.wantShift(t, api.ShiftRunning, 10)
		w.wantSplit(t, "g", "next 10, prod 90")
		time.Sleep(time.Minute) // half of four replicas' traffic needs two: it is scaled
		w.wantShift(t, api.ShiftRunning, 50)
		if s, _ := w.Get(context.Background(), "next"); s.Replicas.Desired != 2 {
			t.Errorf("the canary is scaled to %d", s.Replicas.Desired)
		}
		var refusal *rollout.Refusal
		weight := 5
		if _, err := w.Release(context.Background(), ann, "next", api.Release{Weight: &weight}); !errors.As(err, &refusal) {
			t.Errorf("a weight set by hand in the middle: %v", err)
		}
		if _, err := w.ChangeShift(context.Background(), ann, "prod", api.ShiftChange{}); !errors.As(err, &refusal) {
			t.Errorf("a second shift: %v", err)
		}
		w.shut(t)
		time.Sleep(10 * time.Minute)
		w.open(t)
		time.Sleep(5 * time.Minute)
		w.wantShift(t, api.ShiftCompleted, 100)
		w.wantSplit(t, "g", "next 100, prod 0")
	})
}

// TestShiftOfNoGroup tells looking from changing: a service without a group has no
// shift and no promotion to show, and cannot be given any.
func TestShiftOfNoGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.member(t, "alone", "", 1)
		var missing *NotFoundError
		if _, err := w.Shift(context.Background(), "alone"); !errors.As(err, &missing) {
			t.Errorf("its shift: %v", err)
		}
		if _, err := w.Promotion(context.Background(), "alone"); !errors.As(err, &missing) {
			t.Errorf("its promotion: %v", err)
		}
		var refusal *rollout.Refusal
		if _, err := w.ChangeShift(context.Background(), ann, "alone", api.ShiftChange{}); !errors.As(err, &refusal) {
			t.Errorf("a shift to it: %v", err)
		}
	})
}

// TestShiftAborts goes back to mode, weights, state and replicas from before it.
func TestShiftAborts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pair(t, 1)
		scale, interval := true, api.Interval(time.Minute)
		w.shift(t, api.ShiftChange{Steps: []int{50, 100}, Interval: &interval, Scale: &scale})
		time.Sleep(30 * time.Second)
		w.wantShift(t, api.ShiftRunning, 50)
		if paused, _ := w.PauseAll(context.Background(), ann); len(paused) != 1 || paused[0] != "g" {
			t.Errorf("the stop button pauses %v", paused)
		}
		time.Sleep(time.Hour)
		w.wantShift(t, api.ShiftPaused, 50)
		if _, err := w.AbortShift(context.Background(), ann, "next"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantSplit(t, "g", "next 0, prod 4")
		g, _ := w.Group(context.Background(), "g")
		if s, _ := w.Get(context.Background(), "next"); g.TrafficMode != api.ModeAuto || s.Traffic.State != api.StateStandalone || s.Replicas.Desired != 1 {
			t.Errorf("after the abort: %s, %+v, %d replicas", g.TrafficMode, s.Traffic, s.Replicas.Desired)
		}
	})
}

// TestShiftWaits: without --scale a step that ready replicas do not carry waits
// and says for what; to a member without replicas there is no shift.
func TestShiftWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pair(t, 1)
		interval := api.Interval(time.Second)
		w.shift(t, api.ShiftChange{Steps: []int{25, 100}, Interval: &interval})
		time.Sleep(time.Minute)
		if v := w.wantShift(t, api.ShiftRunning, 25); v.WaitingFor == "" {
			t.Error("it waits and does not say for what")
		}
		if _, err := w.Scale(context.Background(), ann, "next", 4); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantShift(t, api.ShiftCompleted, 100)
		w.member(t, "empty", "g", 0)
		var refusal *rollout.Refusal
		if _, err := w.ChangeShift(context.Background(), ann, "empty", api.ShiftChange{}); !errors.As(err, &refusal) {
			t.Errorf("a shift to a member without replicas: %v", err)
		}
		if _, err := w.Shift(context.Background(), "prod"); err == nil {
			t.Error("there was no shift to prod")
		}
	})
}

// TestPromote updates production to the canary's version, moves the traffic back
// and ends the canary, also when the control plane is killed in between.
func TestPromote(t *testing.T) {
	for _, wait := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		inWorld(t, func(t *testing.T, w *world) {
			ctx := context.Background()
			w.pair(t, 1)
			interval := api.Interval(time.Second)
			w.shift(t, api.ShiftChange{Steps: []int{20}, Interval: &interval})
			time.Sleep(time.Minute)
			w.wantShift(t, api.ShiftCompleted, 20)
			if _, err := w.Promote(ctx, ann, "next", api.PromoteChange{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait)
			w.shut(t)
			w.open(t)
			time.Sleep(10 * time.Minute)
			v, err := w.Promotion(ctx, "next")
			if err != nil || v.Phase != api.PromotionCompleted {
				t.Fatalf("after %s: %+v, %v", wait, v, err)
			}
			prod, _ := w.Get(ctx, "prod")
			next, _ := w.Get(ctx, "next")
			if prod.CurrentVersion != 2 || prod.Replicas.Updated != 4 || prod.Traffic.Share != 1 || next.Replicas.Live != 0 {
				t.Errorf("production is at version %d with %d updated and a share of %g; the canary has %d replicas",
					prod.CurrentVersion, prod.Replicas.Updated, prod.Traffic.Share, next.Replicas.Live)
			}
			d, err := w.Diff(ctx, "prod", Pair{From: 1, To: 2})
			if err != nil || len(d.Changes) != 1 || d.Changes[0].Path != "containers[0].env[A]" {
				t.Errorf("what was promoted: %+v, %v", d.Changes, err)
			}
		})
	}
}

// TestPromoteUnderAPlan says on whom it waits: on the operator of the plan.
func TestPromoteUnderAPlan(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, one, all := context.Background(), api.Count{Value: 1}, api.Count{Value: 100, Percent: true}
		w.pair(t, 1)
		if _, err := w.ChangePlan(ctx, ann, "prod", api.PlanChange{TargetUpdated: &one}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Promote(ctx, ann, "next", api.PromoteChange{Into: []string{"prod"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		v, err := w.Promotion(ctx, "next")
		if want := "its plan waits for a new target: 1 of 4 updated"; err != nil || !strings.Contains(v.WaitingFor, want) {
			t.Errorf("the promotion waits for %q, %v; want %q", v.WaitingFor, err, want)
		}
		if _, err := w.ChangePlan(ctx, ann, "prod", api.PlanChange{TargetUpdated: &all}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if v, err = w.Promotion(ctx, "next"); err != nil || v.Phase != api.PromotionCompleted {
			t.Errorf("after the plan has gone on: %+v, %v", v, err)
		}
	})
}

// TestAbandon takes the canary out at once, and ends it when told so.
func TestAbandon(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.pair(t, 1)
		w.shift(t, api.ShiftChange{Steps: []int{20, 100}})
		time.Sleep(time.Minute)
		w.wantShift(t, api.ShiftRunning, 20)
		if _, err := w.Abandon(ctx, ann, "next", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantShift(t, api.ShiftAborted, 20)
		w.wantSplit(t, "g", "next 0, prod 4")
		if s, _ := w.Get(ctx, "next"); s.Status != api.StatusStopped {
			t.Errorf("the canary is %s", s.Status)
		}
		if _, err := w.Abandon(ctx, ann, "prod", false); err == nil {
			t.Error("the only one that serves is taken out")
		}
	})
}

// TestShiftGates: each step, the last one too, waits for its gates; one that fails
// takes the traffic back by itself.
func TestShiftGates(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		said := gate.Measurement{NoData: "nobody answers"}
		var about GateSubject
		w.outside = func(s GateSubject) gate.Measurement {
			mu.Lock()
			defer mu.Unlock()
			about = s
			return said
		}
		say := func(m gate.Measurement) {
			mu.Lock()
			defer mu.Unlock()
			said = m
		}
		w.pair(t, 4)
		interval := api.Interval(time.Second)
		gates := []api.Gate{{Command: &api.GateCommand{Command: "./check"}, Window: "5s", MaxWait: "1h", OnFail: api.GateRollback}}
		w.shift(t, api.ShiftChange{Steps: []int{50, 100}, Interval: &interval, Gates: &gates})
		time.Sleep(5 * time.Minute)
		if v := w.wantShift(t, api.ShiftRunning, 50); !v.Judging || len(v.Records) != 1 || v.Records[0].Results[0].Outcome != api.GateNoData {
			t.Errorf("while nobody answers: %+v", v)
		}
		if about.Service != "next" || about.NewVersion != 2 || about.OldVersion != 1 {
			t.Errorf("the gate is asked about %+v", about)
		}
		say(gate.Measurement{})
		time.Sleep(time.Minute)
		w.wantShift(t, api.ShiftCompleted, 100)

		if _, err := w.Abandon(context.Background(), ann, "next", false); err != nil {
			t.Fatal(err)
		}
		w.shift(t, api.ShiftChange{Steps: []int{50, 100}, Interval: &interval, Gates: &gates})
		say(gate.Measurement{Failed: "exit code 1"})
		time.Sleep(time.Minute)
		if v := w.wantShift(t, api.ShiftAborted, 50); v.Reason != "gate" {
			t.Errorf("taken back by %s: %s", v.Reason, v.Message)
		}
		if s, _ := w.Get(context.Background(), "next"); s.Traffic.Share != 0 {
			t.Errorf("the canary has a share of %g", s.Traffic.Share)
		}
	})
}
