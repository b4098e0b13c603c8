package controller

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/store"
)

func (w *world) rollout(t *testing.T, id string) api.Rollout {
	t.Helper()
	ro, err := w.Rollout(context.Background(), "s", id)
	if err != nil {
		t.Fatal(err)
	}
	if ro.History == nil {
		t.Fatalf("rollout %s has no history: %+v", id, ro)
	}
	return ro
}

// story is a rollout's actions, one "actor: action" a line.
func story(ro api.Rollout) string {
	var lines []string
	for _, a := range ro.History.Actions {
		actor := a.Actor
		if actor == "" {
			actor = "sluice"
		}
		lines = append(lines, actor+": "+a.Action)
	}
	return strings.Join(lines, "\n")
}

func want(t *testing.T, what, got string, lines ...string) {
	t.Helper()
	if got != strings.Join(lines, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, strings.Join(lines, "\n"))
	}
}

func (w *world) do(t *testing.T, out Outcome, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestHistoryTellsTheStory: a plan that is paused, adjusted, held by a gate and
// rolled back says so in order, with who did it; a control plane that is killed in
// the middle of it loses nothing and says nothing twice.
func TestHistoryTellsTheStory(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed=", killed), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				by := func(who string) By { return By{Actor: who} }
				restart := func() {
					if killed {
						w.shut(t)
						time.Sleep(time.Second)
						w.open(t)
					}
				}
				w.create(t, 4)
				var broken atomic.Bool
				w.outside = func(GateSubject) (m gate.Measurement) {
					if broken.Load() {
						m.Failed = "status 500"
					}
					return m
				}
				one, two, three := api.Count{Value: 1}, api.Count{Value: 2}, api.Count{Value: 3}
				gates := []api.Gate{{HTTP: &api.GateHTTP{URL: "http://127.0.0.1/check"}}}
				_, err := w.ChangePlan(ctx, by("ann"), "s", api.PlanChange{TargetUpdated: &one, Gates: &gates})
				w.do(t, Outcome{}, err)
				doc := document(t, `{"containers":[{"command":"./server","env":[{"name":"A","value":"2"}]}]}`)
				_, err = w.Update(ctx, By{Actor: "bob", Message: "a faster model"}, "s", doc, false)
				w.do(t, Outcome{}, err)
				time.Sleep(time.Second / 2)
				restart()
				time.Sleep(time.Minute)
				_, err = w.Pause(ctx, by("eve"), "s")
				w.do(t, Outcome{}, err)
				_, err = w.Pause(ctx, by("eve"), "s")
				w.do(t, Outcome{}, err)
				restart()
				_, err = w.Resume(ctx, by("bob"), "s")
				w.do(t, Outcome{}, err)
				_, err = w.ChangePlan(ctx, by("ann"), "s", api.PlanChange{TargetUpdated: &two})
				w.do(t, Outcome{}, err)
				time.Sleep(10 * time.Minute)
				broken.Store(true)
				_, err = w.ChangePlan(ctx, by("ann"), "s", api.PlanChange{TargetUpdated: &three})
				w.do(t, Outcome{}, err)
				time.Sleep(10 * time.Minute)
				restart()
				_, err = w.Rollback(ctx, By{Actor: "carl", Message: "too slow"}, "s", api.Rollback{})
				w.do(t, Outcome{}, err)
				time.Sleep(time.Minute)
				w.want(t, api.StatusRunning, 4)

				ro := w.rollout(t, w.get(t).Rollout.ID)
				want(t, "the story", story(ro), "bob: Updated", "sluice: BatchCompleted",
					"eve: RolloutPaused", "bob: RolloutResumed", "ann: PlanChanged", "sluice: GatesPassed", "sluice: BatchBegan", "sluice: BatchCompleted",
					"sluice: GatesPassed", "ann: PlanChanged", "sluice: BatchCompleted", "sluice: RolloutPaused",
					"carl: RollbackBegan", "sluice: RolloutRolledBack")
				if ro.Why != "a faster model" || ro.Phase != api.RolloutRolledBack || ro.History.FailureCount != 0 {
					t.Errorf("why %q, %s, %+v", ro.Why, ro.Phase, ro.History)
				}
				if last := ro.History.Actions[len(ro.History.Actions)-2]; !strings.Contains(last.Text, "(too slow)") {
					t.Errorf("the rollback does not say why: %s", last.Text)
				}
				w.eventsSayTheSame(t, ro)
			})
		})
	}
}

// eventsSayTheSame: what is in the history is in the events of that rollout.
func (w *world) eventsSayTheSame(t *testing.T, ro api.Rollout) {
	t.Helper()
	events, err := w.Events(context.Background(), store.EventQuery{Service: "s", EventFilter: api.EventFilter{Rollout: ro.ID}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range ro.History.Actions {
		found := 0
		for _, e := range events {
			if e.Reason == a.Action && e.Actor == a.Actor && e.Time.UnixMilli() == a.At.UnixMilli() && e.Message == a.Text {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d events tell of %+v", found, a)
		}
	}
	if first := events[0]; first.Reason != "Updated" {
		t.Errorf("the first event of the rollout is %+v", first)
	}
}

// TestHistoryOfFailure: the replica that failed is named with its reason, and so
// is who superseded the rollout.
func TestHistoryOfFailure(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		w.processes.startup = time.Hour
		w.update(t, "2")
		failing := w.get(t).Rollout.ID
		for range 3 {
			time.Sleep(10 * time.Second)
			w.processes.end("s-2-4", "crash", 3)
		}
		time.Sleep(10 * time.Second)
		w.want(t, api.StatusPaused, 0)
		w.processes.startup = time.Second
		doc := document(t, `{"containers":[{"command":"./server","env":[{"name":"A","value":"3"}]}]}`)
		_, err := w.Update(context.Background(), By{Actor: "bob", Message: "repaired"}, "s", doc, false)
		w.do(t, Outcome{}, err)
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
		ro := w.rollout(t, failing)
		want(t, "the one that failed", story(ro), "ann: Updated", "sluice: RolloutPaused", "bob: RolloutSuperseded")
		f := ro.History.Failures
		if len(f) != 1 || ro.History.FailureCount != 1 || f[0].Version != 2 || !strings.Contains(f[0].Reason, "exit code 3: last words") {
			t.Errorf("failures: %+v of %d", f, ro.History.FailureCount)
		}
		next := w.get(t).Rollout
		if next.History != nil || next.Why != "" {
			t.Errorf("a service shows its rollout with its history: %+v", next)
		}
		ro = w.rollout(t, next.ID)
		want(t, "the one after it", story(ro), "bob: Updated", "sluice: RolloutCompleted")
		if ro.Why != "repaired" {
			t.Errorf("why: %q", ro.Why)
		}
	})
}

// TestHistoryCounts: the requests of both versions while the rollout lasted, not
// what was before and after it, though gateways and control plane begin anew.
func TestHistoryCounts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		var old, new atomic.Uint64
		counters := func() map[int]gate.Counts {
			n := old.Load()
			m := map[int]gate.Counts{1: {Requests: n, Errors: n / 10, Latency: []uint64{0, n, 0, 0}}}
			if n := new.Load(); n > 0 {
				m[2] = gate.Counts{Requests: n, Latency: []uint64{n, 0, 0, 0}}
			}
			return m
		}
		old.Store(1000)
		w.plane.measure(counters)
		w.processes.startup = 5 * time.Minute
		w.update(t, "2")
		id := w.get(t).Rollout.ID
		old.Add(100)
		time.Sleep(time.Minute) // nothing happens; they are written down all the same
		w.shut(t)
		old.Store(0) // the gateway was replaced meanwhile
		w.plane.measure(func() map[int]gate.Counts { return nil })
		w.open(t)
		w.plane.measure(counters)
		time.Sleep(time.Minute)
		old.Add(50)
		time.Sleep(time.Minute)
		if now := trafficOf(w.rollout(t, id)); now != "1: 150 15 0.01" {
			t.Errorf("so far: %s", now)
		}
		for range 600 {
			time.Sleep(10 * time.Second)
			if w.get(t).Replicas.Updated > 0 {
				new.Add(1)
			}
			if w.get(t).Status == api.StatusRunning {
				break
			}
		}
		counted := new.Load()
		old.Store(99999) // after its end
		new.Store(99999)
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
		got := trafficOf(w.rollout(t, id))
		if want := fmt.Sprintf("1: 150 15 0.01; 2: %d 0 0.001", counted); counted < 10 || got != want && got != fmt.Sprintf("1: 150 15 0.01; 2: %d 0 0.001", counted-1) {
			t.Errorf("counted %s, want %s", got, want)
		}
	})
}

func trafficOf(ro api.Rollout) string {
	var words []string
	for _, v := range ro.History.Traffic {
		words = append(words, fmt.Sprint(v.Version, ": ", v.Requests, " ", v.Errors, " ", *v.P95))
	}
	return strings.Join(words, "; ")
}

// TestHistoryForetells: what the preview says when a rollout begins is what it
// then takes; of one that waits for somebody nothing is said.
func TestHistoryForetells(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shut(t)
		w.foretell = true
		w.open(t)
		w.create(t, 4)
		w.update(t, "2")
		id := w.get(t).Rollout.ID
		time.Sleep(time.Second)
		w.shut(t) // what is said is kept
		w.open(t)
		time.Sleep(time.Minute)
		ro := w.rollout(t, id)
		if ro.History.Expected == nil {
			t.Fatal("nothing was expected of it")
		}
		took := ro.EndedAt.Sub(ro.StartedAt.Time).Seconds()
		if said := *ro.History.Expected; said < 0.8*took || said > 1.2*took {
			t.Errorf("%.1f s were expected, it took %.1f", said, took)
		}
		one := api.Count{Value: 1}
		_, err := w.ChangePlan(context.Background(), ann, "s", api.PlanChange{TargetUpdated: &one})
		w.do(t, Outcome{}, err)
		w.update(t, "3")
		time.Sleep(time.Minute)
		if ro := w.rollout(t, w.get(t).Rollout.ID); ro.History.Expected != nil {
			t.Errorf("%.1f s are expected of a rollout that waits for a new target", *ro.History.Expected)
		}
	})
}

// TestUnchangedSaysNothing: who asks for what is so already leaves no event.
func TestUnchangedSaysNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.pair(t, 1)
		paused, freeze := true, &api.Freeze{Reason: "year end", Until: api.At(time.Now().Add(time.Hour))}
		w.shift(t, api.ShiftChange{Steps: []int{10, 100}})
		mode := api.ModeCustomized
		for _, c := range []struct {
			name string
			do   func() error
		}{
			{"pause a shift", func() error { _, err := w.ChangeShift(ctx, ann, "next", api.ShiftChange{Paused: &paused}); return err }},
			{"abandon", func() error { _, err := w.Abandon(ctx, ann, "next", false); return err }},
			{"the mode of a group", func() error { _, err := w.ChangeGroup(ctx, ann, "g", api.GroupChange{TrafficMode: &mode}); return err }},
			{"freeze a service", func() error { return w.Freeze(ctx, ann, "prod", freeze) }},
			{"unfreeze a service", func() error { return w.Freeze(ctx, ann, "prod", nil) }},
			{"freeze a group", func() error { return w.Freeze(ctx, ann, "g", freeze) }},
			{"unfreeze a group", func() error { return w.Freeze(ctx, ann, "g", nil) }},
		} {
			for range 2 {
				if err := c.do(); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			before := w.countEvents(t)
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if after := w.countEvents(t); after != before {
				t.Errorf("%s once more is told by %d events", c.name, after-before)
			}
			time.Sleep(time.Minute)
		}
		events, _ := w.Events(ctx, store.EventQuery{Service: "g", EventFilter: api.EventFilter{Reason: "ShiftChanged"}})
		if len(events) != 2 { // begun, and paused once
			t.Errorf("%d events of a shift that was begun and paused", len(events))
		}
	})
}

// countEvents is how many events there are in all.
func (w *world) countEvents(t *testing.T) int {
	t.Helper()
	events, err := w.Events(context.Background(), store.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}
