package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/series"
)

// fleet is a model of gateways that count: so many requests a second at each
// version of service s that is routed to, one in ten of version 2 an error.
type fleet struct {
	*plane
	mu      sync.Mutex
	rate    uint64
	counted map[int]gate.Counts
	last    time.Time
}

func (f *fleet) Show() ([]api.Gateway, uint64) {
	return []api.Gateway{{ID: "local", State: api.GatewayAccepting, InFlight: 3}}, 9
}

func (f *fleet) Holders(replica string) []string { return []string{"local"} }

// CountedSince counts on, as gateways do while no control plane looks.
func (f *fleet) CountedSince(mark uint64) (map[string]map[int]gate.Counts, []float64, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.plane.mu.Lock()
	versions := map[int]bool{}
	for _, e := range f.routes["s"].Endpoints {
		versions[e.Version] = true
	}
	f.plane.mu.Unlock()
	if n := f.rate * uint64(now.Sub(f.last).Round(time.Second)/time.Second); !f.last.IsZero() && n > 0 {
		for version := range versions {
			add := gate.Counts{Requests: n, Latency: []uint64{0, n}}
			if version == 2 {
				add.Errors = n / 10
			}
			f.counted[version] = f.counted[version].Plus(add)
		}
	}
	f.last = now
	return map[string]map[int]gate.Counts{"s": maps.Clone(f.counted)}, []float64{0.001, 0.01, 0.1}, mark + 1
}

func inFleet(t *testing.T, test func(t *testing.T, w *world, f *fleet)) {
	inWorld(t, func(t *testing.T, w *world) {
		f := &fleet{plane: w.plane, rate: 20, counted: map[int]gate.Counts{1: {Requests: 1e6, Latency: []uint64{1e6}}}}
		w.fleet = f
		w.shut(t)
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		w.open(t)
		test(t, w, f)
	})
}

func (w *world) series(t *testing.T, window time.Duration, version int) api.Series {
	t.Helper()
	s, err := w.Series(context.Background(), "s", window, version)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSeriesOfARollout: two versions beside each other while one follows the other,
// with the rollout's steps as marks; nothing of what was counted before the service
// began.
func TestSeriesOfARollout(t *testing.T) {
	inFleet(t, func(t *testing.T, w *world, f *fleet) {
		w.create(t, 4)
		time.Sleep(time.Minute)
		one := api.Count{Value: 2}
		out, err := w.CreatePlan(context.Background(), By{Actor: "bob"}, "s", api.PlanChange{TargetUpdated: &one})
		w.do(t, out, err)
		w.update(t, "b")
		time.Sleep(time.Minute)
		all := api.Count{Value: 4}
		out, err = w.ChangePlan(context.Background(), By{Actor: "bob"}, "s", api.PlanChange{TargetUpdated: &all})
		w.do(t, out, err)
		time.Sleep(time.Minute + 5*time.Second)
		s := w.series(t, 5*time.Minute, 0)
		seen := map[string]int{}
		for i, p := range s.Points {
			if i > 0 && p.At.Sub(s.Points[i-1].At.Time) != series.Step {
				t.Errorf("from %v to %v", s.Points[i-1].At, p.At)
			}
			var key []string
			for _, v := range p.Versions {
				key = append(key, fmt.Sprintf("v%d x%d", v.Version, v.Ready))
				if v.Requests > 21 || v.P99 != nil && *v.P99 != 0.01 || v.Errors > v.Requests/10+0.001 || v.Version == 1 && v.Errors > 0 {
					t.Errorf("%v: %+v", p.At, v)
				}
			}
			seen[strings.Join(key, ", ")]++
		}
		for _, key := range []string{"v1 x4", "v1 x2, v2 x2", "v2 x4"} {
			if seen[key] < 4 {
				t.Errorf("%d points with %s: %v", seen[key], key, seen)
			}
		}
		var kinds []string
		for i, m := range s.Marks {
			kinds = append(kinds, m.Kind)
			if m.Rollout == "" || m.Text == "" || i > 0 && m.At.Before(s.Marks[i-1].At.Time) {
				t.Errorf("mark %+v", m)
			}
		}
		for _, kind := range []string{"Created", "Updated", "PlanChanged", "RolloutCompleted"} {
			if !slices.Contains(kinds, kind) {
				t.Errorf("no mark %s: %v", kind, kinds)
			}
		}
		if late := w.series(t, time.Minute, 0); len(late.Marks) >= len(s.Marks) || len(late.Points) != 6 {
			t.Errorf("in the last minute %d points and the marks %+v", len(late.Points), late.Marks)
		}
		for _, p := range w.series(t, 5*time.Minute, 2).Points {
			if len(p.Versions) != 1 || p.Versions[0].Version != 2 {
				t.Errorf("of version 2: %+v", p)
			}
		}
	})
}

// TestSeriesOverARestart: minutes are there again after the control plane was away,
// the time in which it was away is a gap, and what was counted meanwhile is of no
// time. A control plane that could not store in between begins anew.
func TestSeriesOverARestart(t *testing.T) {
	inFleet(t, func(t *testing.T, w *world, f *fleet) {
		w.create(t, 2)
		time.Sleep(5 * time.Minute)
		before := w.series(t, 2*time.Hour, 0).Points
		if len(before) < 4 {
			t.Fatalf("%d minutes before: %+v", len(before), before)
		}
		w.shut(t)
		time.Sleep(3 * time.Minute)
		w.open(t)
		time.Sleep(3 * time.Minute)
		s := w.series(t, 2*time.Hour, 0)
		gaps := 0
		for i, p := range s.Points {
			if i < len(before)-1 && !p.At.Equal(before[i].At.Time) {
				t.Errorf("point %d is of %v, was of %v", i, p.At, before[i].At)
			}
			if v := p.Versions[0]; v.Requests > 21 || v.Ready != 2 || i > 0 && v.Requests < 19 {
				t.Errorf("%v: %+v", p.At, v)
			}
			if i > 0 && p.At.Sub(s.Points[i-1].At.Time) >= 3*time.Minute {
				gaps++
			}
		}
		if gaps != 1 {
			t.Errorf("%d gaps: %+v", gaps, s.Points)
		}
		if fine := w.series(t, 20*time.Minute, 0); len(fine.Points) < 6*(len(before)-1) || fine.StepSeconds != 10 {
			t.Errorf("in fine steps: %d", len(fine.Points))
		}
	})
}

// TestSeriesOfADeletedService: they go with it, and another of the name has its own.
func TestSeriesOfADeletedService(t *testing.T) {
	inFleet(t, func(t *testing.T, w *world, f *fleet) {
		ctx := context.Background()
		w.create(t, 1)
		time.Sleep(2*time.Minute + 3*time.Second)
		if _, err := w.Delete(ctx, By{Actor: "ann"}, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(45 * time.Second)
		var missing *NotFoundError
		if _, err := w.Series(ctx, "s", time.Hour, 0); !errors.As(err, &missing) {
			t.Errorf("of a deleted service: %v", err)
		}
		if hours, err := w.store.Series(ctx, "", 0); err != nil || len(hours) != 0 {
			t.Errorf("stored: %v, %v", hours, err)
		}
		at := time.Now()
		w.create(t, 1)
		time.Sleep(time.Minute)
		for _, p := range w.series(t, time.Hour, 0).Points {
			if p.At.Before(at.Add(-series.Step)) || p.Versions[0].Requests > 21 {
				t.Errorf("of the one before: %+v", p)
			}
		}
	})
}

func TestGatewaysOfADrain(t *testing.T) {
	inFleet(t, func(t *testing.T, w *world, f *fleet) {
		ctx := context.Background()
		w.create(t, 2)
		view, err := w.Gateways(ctx, "")
		if err != nil || len(view.Gateways) != 1 || view.Revision != 9 || len(view.Replicas) != 0 {
			t.Errorf("at rest: %+v, %v", view, err)
		}
		if view, _ = w.Gateways(ctx, "s"); len(view.Replicas) != 2 || view.Replicas[0].DrainingSince != nil || view.Replicas[0].Version != 1 {
			t.Errorf("of the service: %+v", view)
		}
		doc := document(t, `{"metadata":{"name":"s","instance":1,"rpc":{"enable_sigterm":false},"eas":{"termination_grace_period":20}}}`)
		if _, err := w.Update(ctx, By{Actor: "ann"}, "s", doc, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		view, _ = w.Gateways(ctx, "")
		if len(view.Replicas) != 1 || view.Replicas[0].Phase != api.ReplicaDraining || view.Replicas[0].DrainingSince == nil || view.Replicas[0].Deadline == nil {
			t.Fatalf("while one drains: %+v", view.Replicas)
		}
		if r := view.Replicas[0]; r.Deadline.Sub(r.DrainingSince.Time).Round(time.Second) != 20*time.Second {
			t.Errorf("from %v to %v", r.DrainingSince, r.Deadline)
		}
		time.Sleep(20 * time.Second)
		if view, _ = w.Gateways(ctx, ""); len(view.Replicas) != 0 {
			t.Errorf("after its end: %+v", view.Replicas)
		}
	})
}
