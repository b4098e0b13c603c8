package rollout

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
)

func drawCount(t *rapid.T, name string, n int) api.Count {
	if rapid.Bool().Draw(t, name+" in percent") {
		return api.Count{Value: rapid.IntRange(0, 100).Draw(t, name), Percent: true}
	}
	return api.Count{Value: rapid.IntRange(0, n).Draw(t, name)}
}

func drawBehaviour(t *rapid.T) behaviour {
	b := behaviour{
		startup: time.Duration(rapid.IntRange(0, 5000).Draw(t, "startup ms")) * time.Millisecond,
		drain:   time.Duration(rapid.IntRange(0, 3000).Draw(t, "drain ms")) * time.Millisecond,
		busy:    time.Duration(rapid.IntRange(0, 3000).Draw(t, "busy ms")) * time.Millisecond,
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		b.exit = "exit code 1"
	case 1:
		b.never = true
	case 2:
		b.unstartable = "no such file"
	}
	return b
}

// drawWorld is a service of version 1, created, and maybe up.
func drawWorld(t *rapid.T) *world {
	w := newWorld()
	n := rapid.IntRange(1, 12).Draw(t, "replicas")
	w.Service.Strategy = Strategy{
		MaxSurge:            drawCount(t, "surge", n),
		MaxUnavailable:      drawCount(t, "unavailable", n),
		TerminationComplete: rapid.Bool().Draw(t, "complete"),
		MinReady:            time.Duration(rapid.IntRange(0, 1).Draw(t, "min ready s")) * time.Second,
	}
	w.Begun("s", n, w.Service.Strategy, w.target(behaviour{startup: time.Second, drain: time.Second}), "ann")
	if rapid.Bool().Draw(t, "up") {
		w.run(time.Minute)
	}
	return w
}

// disturb does one random thing to the service or to a replica.
func disturb(t *rapid.T, w *world) {
	pick := func() *Replica {
		if len(w.Replicas) == 0 {
			return &Replica{}
		}
		return &w.Replicas[rapid.IntRange(0, len(w.Replicas)-1).Draw(t, "which")]
	}
	switch rapid.IntRange(0, 18).Draw(t, "what") {
	case 0, 1:
		w.Update(w.target(drawBehaviour(t)), "ann")
	case 2:
		_ = w.Pause()
	case 3, 4:
		_ = w.Resume()
	case 5:
		w.Scale(rapid.IntRange(0, 12).Draw(t, "scale to"))
	case 6:
		_ = w.Restart("ann")
	case 7:
		_ = w.rollback()
	case 8:
		if w.Stop() != nil {
			_ = w.Start("ann")
		}
	case 9, 10:
		r := pick()
		w.exit(r.ID, r.Starts, "exit code 139")
	case 11:
		w.unhealthy(pick().ID, "GET /ready: 500")
	case 12:
		r := pick()
		w.healthy(r.ID, r.Starts)
	case 13:
		if r := pick(); r.Process == Running {
			r.NoteNotLive("no answer")
		}
	case 14:
		_ = w.Evict(pick().ID)
	case 15:
		w.noRoom = rapid.SampledFrom([]string{"", "", "no gpu is free"}).Draw(t, "room")
	case 16, 17, 18:
		drawPlan(t, w)
	}
}

func (w *world) rollback() error {
	if taken, err := w.TakeBack(); taken {
		return err
	}
	to, err := w.RollbackTarget(w.completed)
	if err == nil {
		_, err = w.Rollback(to, Manner{Planned: w.Service.Plan != nil && w.Service.NextSeq%2 == 0}, "ann")
	}
	return err
}

// drawPlan does one random thing to the plan.
func drawPlan(t *rapid.T, w *world) {
	n := w.Service.Desired
	ch := api.PlanChange{}
	switch rapid.IntRange(0, 12).Draw(t, "plan") {
	case 0, 1, 2:
		c := drawCount(t, "target", n)
		ch.TargetUpdated = &c
	case 3, 4:
		size, interval := drawCount(t, "size", n), api.Interval(rapid.IntRange(1, 90).Draw(t, "interval s"))*api.Interval(time.Second)
		ch.Batch = &api.BatchChange{Size: &size, Interval: &interval}
	case 5:
		on := rapid.SampledFrom([]api.OnFailure{api.FailurePauses, api.FailureRollsBack}).Draw(t, "on failure")
		ch.OnFailure = &on
	case 6, 7:
		paused := rapid.Bool().Draw(t, "paused")
		ch.Paused = &paused
	case 8:
		_ = w.PlanRollback()
	case 9:
		w.DeletePlan()
	case 10:
		gates := []api.Gate{{Metric: api.MetricErrorRate, MaxDifference: "1%"}}[rapid.IntRange(0, 1).Draw(t, "no gates"):]
		ch.Gates = &gates
	case 11, 12:
		actions := []api.GateAction{api.GateContinue, api.GateContinue, api.GateWait, api.GatePause, api.GateRollback}
		tellGates(w, string(rapid.SampledFrom(actions).Draw(t, "gates say")))
	}
	if ch.Check() == nil {
		_ = w.SetPlan(ch)
	}
}

// TestBoundsHold: whatever happens, no action breaks a bound, a paused rollout
// moves nothing but replacements of what an operator evicted, and deciding
// always comes to an end.
func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(1, 40).Draw(t, "disturbances") {
			disturb(t, w)
			w.run(time.Duration(rapid.IntRange(0, 4000).Draw(t, "wait ms")) * time.Millisecond)
			if len(w.broken) > 0 {
				t.Fatalf("%s\n%s", w.broken[0], w.log)
			}
		}
	})
}

// TestAlwaysEnds: once the disturbances are over and whoever has to has rolled
// back, resumed or started it, the service runs what was wanted.
func TestAlwaysEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(1, 25).Draw(t, "disturbances") {
			disturb(t, w)
			w.run(time.Duration(rapid.IntRange(0, 4000).Draw(t, "wait ms")) * time.Millisecond)
		}
		w.noRoom = ""
		if w.Service.Stopped {
			_ = w.Start("ann")
		}
		w.DeletePlan()
		w.Update(w.target(behaviour{startup: time.Second, drain: time.Second}), "ann")
		w.recover()
		w.run(24 * time.Hour)
		c := w.Counts()
		if status, _, message := w.Status(); status != api.StatusRunning || c.Updated != w.Service.Desired || c.Kept != 0 ||
			w.Service.Rollout.Phase != api.RolloutCompleted {
			t.Fatalf("it does not end: %s %s %+v, waiting for %q\n%s", status, message, c, w.WaitingFor(), w.log)
		}
	})
}

// recover ends what is still unwell.
func (w *world) recover() {
	for i := range w.Replicas {
		w.healthy(w.Replicas[i].ID, w.Replicas[i].Starts)
	}
}

// TestPlansEndWhereTheySay: whatever was done to a plan and to the service
// before, once nobody interferes the update ends at what the plan says then.
func TestPlansEndWhereTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.Service.Strategy = Strategy{MaxSurge: drawCount(t, "surge", 9), MaxUnavailable: drawCount(t, "unavailable", 9)}
		good := behaviour{startup: time.Second, drain: time.Second}
		w.Begun("s", rapid.IntRange(1, 12).Draw(t, "replicas"), w.Service.Strategy, w.target(good), "ann")
		w.run(time.Minute)
		drawPlan(t, w)
		w.Update(w.target(good), "ann")
		for range rapid.IntRange(0, 12).Draw(t, "disturbances") {
			if rapid.Bool().Draw(t, "the plan") {
				drawPlan(t, w)
			} else {
				disturb(t, w)
			}
			w.run(time.Duration(rapid.IntRange(0, 20000).Draw(t, "wait ms")) * time.Millisecond)
		}
		w.noRoom = ""
		if w.Service.Stopped {
			_ = w.Start("ann")
		}
		w.Update(w.target(good), "ann")
		backwards := rapid.IntRange(0, 4).Draw(t, "then back") == 0 && w.PlanRollback() == nil
		_ = w.Resume()
		w.recover()
		for range 20 { // batches; more than there are replicas
			w.run(time.Hour)
			tellGates(w, string(api.GateContinue))
		}
		n, ro, c := w.Service.Desired, w.Service.Rollout, w.Counts()
		want, phase := n, api.RolloutCompleted
		switch p := w.Service.Plan; {
		case backwards:
			phase = api.RolloutRolledBack
		case p != nil && ro.Planned && p.Batch == nil && ro.TargetUpdated != nil && !w.Service.whole():
			want, phase = ro.TargetUpdated.Up(n), api.RolloutRunning
			if !p.Target.Percent {
				want = min(p.Target.Value, max(0, n-1))
			}
		}
		// A base that does not start was complete only because a disturbance called
		// it healthy: nothing is promised of going back to it.
		if b := w.behave[w.Service.Base.Revision]; (want < n || backwards) && (b.exit != "" || b.never || b.unstartable != "") {
			return
		}
		if c.Updated != want || c.Ready != n || c.Live != n || ro.Phase != phase {
			t.Fatalf("it ends %s with %+v, want %d updated and %s, waiting for %q\n%s", ro.Phase, c, want, phase, w.WaitingFor(), w.log)
		}
	})
}

// TestRoundsAreFew: with equal start-up times and no faults, the number of
// rounds is at most one more than the least possible under the bounds.
func TestRoundsAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		n := rapid.IntRange(1, 200).Draw(t, "replicas")
		w.Service.Strategy = Strategy{MaxSurge: drawCount(t, "surge", n), MaxUnavailable: drawCount(t, "unavailable", n)}
		w.Begun("s", n, w.Service.Strategy, w.target(behaviour{startup: time.Second}), "ann")
		w.run(time.Hour)
		began := w.Now
		w.Update(w.target(behaviour{startup: time.Minute}), "ann")
		w.runOut()
		b := w.Service.Strategy.Resolve(n)
		least := (n + b.Surge + b.Unavailable - 1) / (b.Surge + b.Unavailable)
		rounds := int(w.Service.Rollout.EndedAt.Sub(began).Round(time.Minute) / time.Minute)
		if w.Service.Rollout.Phase != api.RolloutCompleted || rounds > least+1 {
			t.Fatalf("%d replicas, surge %d, unavailable %d: %d rounds, the least is %d; %s",
				n, b.Surge, b.Unavailable, rounds, least, w.Service.Rollout.Phase)
		}
	})
}

// TestReplay: the same schedule leads to the same bytes.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.IntRange(0, 1<<20).Draw(t, "seed")
		if a, b := scheduled(seed), scheduled(seed); !bytes.Equal(a, b) {
			t.Fatalf("seed %d differs:\n%s\n---\n%s", seed, a, b)
		}
	})
}

func scheduled(seed int) []byte {
	return rapid.Custom(func(t *rapid.T) []byte {
		w := drawWorld(t)
		for range 20 {
			disturb(t, w)
			w.run(time.Second)
		}
		fmt.Fprint(w.log, w.summary())
		return w.log.Bytes()
	}).Example(seed)
}

// TestDecideChangesNothing: Decide reads its state only.
func TestDecideChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		disturb(t, w)
		before := fmt.Sprintf("%+v", w.State)
		first := Decide(&w.State)
		if after := fmt.Sprintf("%+v", w.State); after != before {
			t.Fatalf("before %s\nafter %s", before, after)
		}
		if again := Decide(&w.State); fmt.Sprint(first) != fmt.Sprint(again) {
			t.Fatalf("first %v, again %v", first, again)
		}
	})
}
