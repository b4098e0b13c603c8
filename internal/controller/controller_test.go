package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

func TestUpdateReplacesEveryReplica(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 3)
		w.update(t, "2")
		if s := w.get(t); s.Status != api.StatusUpdating || s.Rollout.WaitingFor == "" || s.CurrentVersion != 2 {
			t.Errorf("right after the answer: %s, %+v", s.Status, s.Rollout)
		}
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 3)
		if w.processes.running() != 3 {
			t.Errorf("%d processes run", w.processes.running())
		}
		history := w.plane.sizes()
		for i, n := range history[slices.Index(history, 3):] {
			if n < 3 {
				t.Errorf("routing table %d after the creation has %d replicas: %v", i, n, history)
			}
		}
	})
}

// TestNothingIsDoneUnrecorded: while the store fails no process is started or
// ended; when it works again the rollout goes on from where it was.
func TestNothingIsDoneUnrecorded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		w.update(t, "2")
		w.store.fail(errors.New("the disk is full"))
		before := w.processes.called()
		time.Sleep(time.Minute)
		if calls := w.processes.called() - before; calls > 1 { // the start that was recorded before
			t.Errorf("%d things done while nothing could be recorded", calls)
		}
		s := w.get(t)
		if s.Replicas.Kept != 2 || !strings.Contains(s.Message, "the disk is full") {
			t.Errorf("%d old replicas serve; %s", s.Replicas.Kept, s.Message)
		}
		if _, err := w.Scale(context.Background(), By{Actor: "ann"}, "s", 5); err == nil {
			t.Error("a change was answered though it could not be recorded")
		}
		if s := w.get(t); s.Replicas.Desired != 2 {
			t.Errorf("a refused scale left %d desired", s.Replicas.Desired)
		}
		w.store.fail(nil)
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
	})
}

// TestGoesOnAfterACrash stops the control plane at every moment of a rollout
// and begins again from what is stored.
func TestGoesOnAfterACrash(t *testing.T) {
	for ms := 0; ms < 8000; ms += 333 {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.create(t, 2)
				w.update(t, "2")
				time.Sleep(time.Duration(ms) * time.Millisecond)
				w.shut(t)
				time.Sleep(time.Second)
				w.open(t)
				time.Sleep(time.Minute)
				w.want(t, api.StatusRunning, 2)
				if w.processes.running() != 2 {
					t.Errorf("%d processes run", w.processes.running())
				}
			})
		})
	}
}

// TestDiedMeanwhile: a replica that ended while no control plane looked is
// started again.
func TestDiedMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		w.shut(t)
		w.processes.die("s-1-1")
		w.open(t)
		time.Sleep(10 * time.Second)
		w.want(t, api.StatusRunning, 2)
		if !w.processes.did("start s-1-1/2") {
			t.Error("it was not started again")
		}
	})
}

// TestDrainWaitsForEveryGateway: without the acknowledgement no process is
// ended, however long it takes.
func TestDrainWaitsForEveryGateway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 1)
		w.update(t, "2")
		time.Sleep(1005 * time.Millisecond) // the new replica is in the table, not acknowledged yet
		time.Sleep(10 * time.Millisecond)
		w.plane.mu.Lock()
		w.plane.silent = true
		w.plane.mu.Unlock()
		time.Sleep(time.Hour)
		if w.processes.did("terminate s-1-1") || w.processes.did("kill s-1-1") {
			t.Fatal("ended without an acknowledgement")
		}
		w.plane.mu.Lock()
		w.plane.silent, w.plane.acked = false, w.plane.revision
		w.plane.mu.Unlock()
		w.GatewaysChanged(nil)
		time.Sleep(time.Second)
		if !w.processes.did("terminate s-1-1") {
			t.Error("not ended after the acknowledgement")
		}
	})
}

func TestFailedStartPausesAndSaysWhy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		w.processes.refuseWith(&runtime.UnstartableError{Reason: "./server does not exist"})
		w.update(t, "2")
		time.Sleep(time.Minute)
		s := w.get(t)
		if s.Status != api.StatusPaused || s.Reason != rollout.PausedByFailure || !strings.Contains(s.Message, "./server does not exist") {
			t.Errorf("%s (%s): %s", s.Status, s.Reason, s.Message)
		}
		w.processes.refuseWith(nil)
		out, err := w.Rollback(context.Background(), By{Actor: "ann"}, "s", api.Rollback{})
		if err != nil || !strings.Contains(out.Text, "version 1") {
			t.Fatalf("rollback: %q, %v", out.Text, err)
		}
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
		if s := w.get(t); s.CurrentVersion != 1 || s.LatestVersion != 2 || s.Replicas.Failed != 0 {
			t.Errorf("after the rollback: %+v", s)
		}
	})
}

func TestNoRoomIsPending(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 1)
		w.processes.refuseWith(&runtime.UnplacedError{Reason: "no port is free"})
		w.update(t, "2")
		time.Sleep(time.Hour)
		if s := w.get(t); s.Replicas.Failed != 0 || !strings.Contains(s.Rollout.WaitingFor, "no port is free") {
			t.Errorf("%+v", s.Rollout)
		}
		events, _ := w.Events(context.Background(), store.EventQuery{Service: "s"})
		if len(events) > 30 {
			t.Errorf("%d events about one replica without room", len(events))
		}
		w.processes.refuseWith(nil)
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 1)
	})
}

func TestRefusals(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, by := context.Background(), By{Actor: "ann"}
		w.create(t, 1)
		var refusal *rollout.Refusal
		var stale *StaleError
		var missing *NotFoundError
		var exists *ExistsError
		var invalid *api.InvalidError
		for name, c := range map[string]struct {
			do func() (Outcome, error)
			as any
		}{
			"resume of what is not paused": {func() (Outcome, error) { return w.Resume(ctx, by, "s") }, &refusal},
			"pause of nothing":             {func() (Outcome, error) { return w.Pause(ctx, by, "s") }, &refusal},
			"rollback with nothing below":  {func() (Outcome, error) { return w.Rollback(ctx, by, "s", api.Rollback{}) }, &refusal},
			"rollback to the current":      {func() (Outcome, error) { return w.Rollback(ctx, by, "s", api.Rollback{Version: 1}) }, &refusal},
			"rollback to nowhere":          {func() (Outcome, error) { return w.Rollback(ctx, by, "s", api.Rollback{Version: 9}) }, &missing},
			"start of what runs":           {func() (Outcome, error) { return w.Start(ctx, by, "s") }, &refusal},
			"another service":              {func() (Outcome, error) { return w.Scale(ctx, by, "x", 1) }, &missing},
			"negative scale":               {func() (Outcome, error) { return w.Scale(ctx, by, "s", -1) }, &invalid},
			"stale":                        {func() (Outcome, error) { return w.Restart(ctx, By{IfRevision: 99}, "s") }, &stale},
			"evict nobody":                 {func() (Outcome, error) { return w.EvictReplica(ctx, by, "s", "s-1-99") }, &missing},
			"same name": {func() (Outcome, error) {
				return w.Create(ctx, by, document(t, `{"metadata":{"name":"s"},"containers":[{"command":"x"}]}`))
			}, &exists},
		} {
			before := w.get(t).Revision
			if _, err := c.do(); !errors.As(err, c.as) {
				t.Errorf("%s: %v", name, err)
			}
			if after := w.get(t).Revision; after != before {
				t.Errorf("%s: revision went from %d to %d", name, before, after)
			}
		}
	})
}

func TestClassesOfKeys(t *testing.T) {
	// What the gateways must hold requests to: version 4 of the table sets it.
	limits := func(version int) api.Limits {
		if version < 4 {
			return api.Limits{Keepalive: 10 * time.Minute}
		}
		return api.Limits{Keepalive: 2 * time.Second, MaxQueue: 7, RateLimit: 1.5}
	}
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 2)
		pids := func() string { return fmt.Sprint(w.processes.called()) }
		for _, c := range []struct {
			patch    string
			versions int
			replaced bool
			changed  bool
		}{
			{`{"metadata":{"instance":2}}`, 1, false, false},
			{`{"metadata":{"instance":2,"token":"secret"}}`, 1, false, true},
			{`{"metadata":{"eas.termination_grace_period":60}}`, 2, false, true},
			{`{"metadata":{"rolling_strategy":{"max_surge":2}}}`, 3, false, true},
			{`{"metadata":{"rpc":{"keepalive":2000,"max_queue_size":7,"rate_limit":1.5}}}`, 4, false, true},
			{`{"containers":[{"command":"./other"}]}`, 5, true, true},
			{`{"containers":[{"command":"./other"}]}`, 5, false, false},
		} {
			before := pids()
			patch := c.patch
			if strings.Contains(patch, `"token":"secret"`) {
				patch = `{"token":"secret"}`
			}
			out, err := w.Update(ctx, By{Actor: "ann"}, "s", document(t, patch), false)
			if err != nil {
				t.Fatalf("%s: %v", patch, err)
			}
			time.Sleep(time.Minute)
			if s := w.get(t); out.Changed != c.changed || s.LatestVersion != c.versions || (pids() != before) != c.replaced ||
				s.Status != api.StatusRunning || s.Replicas.Updated != 2 || w.plane.limits("s") != limits(s.LatestVersion) {
				t.Errorf("%s: changed %v, %d versions, replaced %v; %s %+v", patch, out.Changed, s.LatestVersion, pids() != before, s.Status, s.Replicas)
			}
		}
	})
}

func TestDeleteDrainsThenForgets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 2)
		if _, err := w.Delete(context.Background(), By{Actor: "ann"}, "s"); err != nil {
			t.Fatal(err)
		}
		w.want(t, api.StatusDeleting, 0)
		time.Sleep(time.Minute)
		if _, err := w.Get(context.Background(), "s"); err == nil || w.processes.running() != 0 {
			t.Errorf("still there: %v, %d processes", err, w.processes.running())
		}
		w.create(t, 1)
	})
}
