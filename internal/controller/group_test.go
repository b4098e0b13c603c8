package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

var ann = By{Actor: "ann"}

// member creates a service in a group and waits until it runs.
func (w *world) member(t *testing.T, name, group string, n int) {
	t.Helper()
	doc := document(t, fmt.Sprintf(`{"metadata":{"name":%q,"instance":%d,"group":%q,"rpc":{"enable_sigterm":true}},
		"containers":[{"command":"./server"}]}`, name, n, group))
	if _, err := w.Create(context.Background(), ann, doc); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
}

func (w *world) wantSplit(t *testing.T, group, want string) {
	t.Helper()
	if got := w.plane.split(group); got != want {
		t.Errorf("the split of %s is %q, want %q", group, got, want)
	}
}

func (w *world) release(t *testing.T, name string, weight int, state api.TrafficState) api.Service {
	t.Helper()
	r := api.Release{Weight: &weight}
	if state != "" {
		r.TrafficState = &state
	}
	out, err := w.Release(context.Background(), ann, name, r)
	if err != nil {
		t.Fatal(err)
	}
	return out.Service
}

// TestGroup follows a group from its first member to its last: rules 19 and 20.
func TestGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.member(t, "a", "prod", 3)
		w.wantSplit(t, "prod", "a 3")
		w.member(t, "b", "prod", 1)
		w.wantSplit(t, "prod", "a 3, b 0") // joining moves nothing
		grouping := api.StateGrouping
		if _, err := w.Release(ctx, ann, "b", api.Release{TrafficState: &grouping}); err != nil {
			t.Fatal(err)
		}
		w.wantSplit(t, "prod", "a 3, b 1")

		customized := api.ModeCustomized
		g, err := w.ChangeGroup(ctx, ann, "prod", api.GroupChange{TrafficMode: &customized})
		if err != nil || g.Members[0].Weight != 75 || g.Members[1].Weight != 25 {
			t.Fatalf("switched to customized: %+v, %v", g, err)
		}
		w.wantSplit(t, "prod", "a 75, b 25")
		v := w.release(t, "b", 0, "")
		w.wantSplit(t, "prod", "a 75, b 0")
		if v.Traffic != (api.Traffic{State: api.StateGrouping, Weight: 0, Share: 0}) {
			t.Errorf("b in its group: %+v", v.Traffic)
		}
		w.release(t, "b", -1, api.StateStandalone)
		w.release(t, "b", 25, api.StateGrouping)

		// What was said survives the control plane; a scale moves weights only in auto.
		w.shut(t)
		w.open(t)
		time.Sleep(5 * time.Second)
		w.wantSplit(t, "prod", "a 75, b 25")
		if _, err := w.Scale(ctx, ann, "b", 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantSplit(t, "prod", "a 75, b 25")
		auto := api.ModeAuto
		if _, err := w.ChangeGroup(ctx, ann, "prod", api.GroupChange{TrafficMode: &auto}); err != nil {
			t.Fatal(err)
		}
		w.wantSplit(t, "prod", "a 3, b 0")

		// Leaving, and moving to another group.
		if _, err := w.Update(ctx, ann, "b", document(t, `{"metadata":{"group":"other"}}`), false); err != nil {
			t.Fatal(err)
		}
		w.wantSplit(t, "prod", "a 3")
		if g, err := w.Group(ctx, "other"); err != nil || g.Members[0].State != api.StateGrouping {
			t.Errorf("the first of another group: %+v, %v", g, err)
		}
		if _, err := w.Delete(ctx, ann, "b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		var missing *NotFoundError
		if _, err := w.Group(ctx, "other"); !errors.As(err, &missing) {
			t.Errorf("a group without members: %v", err)
		}
	})
}

// TestOneNamespace: a group and a service never have one name, and what is
// refused changes nothing.
func TestOneNamespace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.member(t, "a", "prod", 1)
		var refusal *rollout.Refusal
		var invalid *api.InvalidError
		if _, err := w.Create(ctx, ann, document(t, `{"metadata":{"name":"prod"},"containers":[{"command":"./x"}]}`)); !errors.As(err, &refusal) {
			t.Errorf("a service of a group's name: %v", err)
		}
		if _, err := w.Create(ctx, ann, document(t, `{"metadata":{"name":"c","group":"a"},"containers":[{"command":"./x"}]}`)); !errors.As(err, &invalid) {
			t.Errorf("a group of a service's name: %v", err)
		}
		if _, err := w.CreateGroup(ctx, ann, "a", api.GroupChange{}); !errors.As(err, &refusal) {
			t.Errorf("a group made of a service's name: %v", err)
		}
		before, _ := w.Get(ctx, "a")
		if _, err := w.Update(ctx, ann, "a", document(t, `{"metadata":{"group":"a"}}`), false); err == nil {
			t.Error("a service in a group of its own name")
		}
		if after, _ := w.Get(ctx, "a"); after.Group != "prod" || after.Revision != before.Revision {
			t.Errorf("a refused change: %+v", after)
		}
		out, err := w.Update(ctx, ann, "a", document(t, `{"metadata":{"group":"prod","traffic_state":"grouping"}}`), false)
		if err != nil || out.Changed {
			t.Errorf("what is so already: %+v, %v", out.Text, err)
		}
		rules := []api.TrafficRule{{Header: "X", Service: "nobody"}}
		if _, err := w.ChangeGroup(ctx, ann, "prod", api.GroupChange{Rules: &rules}); !errors.As(err, &invalid) {
			t.Errorf("a rule for no member: %v", err)
		}
	})
}

// TestDeleteGroup: members go on by themselves, or with cascade are deleted; a
// group that was made by itself stays without members.
func TestDeleteGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		if _, err := w.CreateGroup(ctx, ann, "prod", api.GroupChange{}); err != nil {
			t.Fatal(err)
		}
		w.member(t, "a", "prod", 1)
		w.member(t, "b", "beta", 1)
		if _, err := w.Update(ctx, ann, "a", document(t, `{"metadata":{"group":null}}`), false); err != nil {
			t.Fatal(err)
		}
		if g, err := w.Group(ctx, "prod"); err != nil || len(g.Members) != 0 {
			t.Errorf("a group made by itself: %+v, %v", g, err)
		}
		if err := w.DeleteGroup(ctx, ann, "prod", false); err != nil {
			t.Error(err)
		}
		if err := w.DeleteGroup(ctx, ann, "beta", true); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := len(w.Groups(ctx)); n != 0 {
			t.Errorf("%d groups are left", n)
		}
		if _, err := w.Get(ctx, "b"); err == nil {
			t.Error("a member was to be deleted too")
		}
		if s, err := w.Get(ctx, "a"); err != nil || s.Status != api.StatusRunning || s.Group != "" {
			t.Errorf("a: %+v, %v", s, err)
		}
	})
}

// TestFreeze: every change is refused with the reason, until it has run out.
func TestFreeze(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.member(t, "a", "prod", 1)
		freeze := &api.Freeze{Until: api.At(time.Now().Add(time.Hour)), Reason: "year end"}
		for _, name := range []string{"a", "prod"} {
			if err := w.Freeze(ctx, ann, name, freeze); err != nil {
				t.Fatal(err)
			}
			var refusal *rollout.Refusal
			weight := 3
			for what, err := range map[string]error{
				"scale":   second(w.Scale(ctx, ann, "a", 2)),
				"delete":  second(w.Delete(ctx, ann, "a")),
				"release": second(w.Release(ctx, ann, "a", api.Release{Weight: &weight})),
			} {
				if !errors.As(err, &refusal) || refusal.Message == "" {
					t.Errorf("%s while %s is frozen: %v", what, name, err)
				}
			}
			if err := w.Freeze(ctx, ann, name, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Freeze(ctx, ann, "a", freeze); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := w.Scale(ctx, ann, "a", 2); err != nil {
			t.Errorf("after its end: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestMirror: onto itself, onto nothing and in a circle are refused.
func TestMirror(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		for _, name := range []string{"a", "b", "c"} {
			w.member(t, name, "", 1)
		}
		for _, m := range [][2]string{{"a", "b"}, {"b", "c"}} {
			if _, err := w.SetMirror(ctx, ann, m[0], &api.Mirror{To: m[1], Ratio: 10}); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range [][2]string{{"a", "a"}, {"c", "a"}, {"c", "nosuch"}, {"nosuch", "a"}} {
			if _, err := w.SetMirror(ctx, ann, m[0], &api.Mirror{To: m[1], Ratio: 10}); err == nil {
				t.Errorf("%s is mirrored to %s", m[0], m[1])
			}
		}
		if got, err := w.Mirror(ctx, "a"); err != nil || got.To != "b" {
			t.Errorf("the mirror of a: %+v, %v", got, err)
		}
		if got, err := w.Get(ctx, "a"); err != nil || got.Mirror == nil || *got.Mirror != (api.Mirror{To: "b", Ratio: 10}) {
			t.Errorf("a shows the mirror %+v, %v", got.Mirror, err)
		}
		if out, err := w.SetMirror(ctx, ann, "a", nil); err != nil || !out.Changed {
			t.Errorf("off: %+v, %v", out, err)
		} else if out.Service.Mirror != nil {
			t.Errorf("off: a shows the mirror %+v", out.Service.Mirror)
		}
		if out, err := w.SetMirror(ctx, ann, "a", nil); err != nil || out.Changed {
			t.Errorf("off again: %+v, %v", out, err)
		}
	})
}

// TestMeasuredShares: what members got of the group's requests in the last
// minute, and nothing before anything was counted.
func TestMeasuredShares(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.member(t, "a", "prod", 1)
		w.member(t, "b", "prod", 1)
		if g, _ := w.Group(ctx, "prod"); g.Members[0].Measured != nil {
			t.Errorf("measured without a request: %+v", g.Members[0])
		}
		for i := range uint64(12) {
			w.plane.mu.Lock()
			w.plane.given = map[string]uint64{"a": 70 * i, "b": 30 * i}
			w.plane.mu.Unlock()
			time.Sleep(10 * time.Second)
		}
		g, _ := w.Group(ctx, "prod")
		if a, b := g.Members[0].Measured, g.Members[1].Measured; a == nil || *a != 0.7 || *b != 0.3 {
			t.Errorf("measured: %v %v", a, b)
		}
		c, err := w.CompareTraffic(ctx, "prod", time.Minute)
		if err != nil || c.Reference != "a" || c.Seconds < 50 || c.Seconds > 70 || *c.Members[1].Measured != 0.3 || len(c.Members[1].Results) != 2 {
			t.Errorf("compared: %+v, %v", c, err)
		}
	})
}
