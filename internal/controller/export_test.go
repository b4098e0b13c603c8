package controller

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/traffic"
)

// carried is the export as a file holds it, masked as the server masks it.
func (w *world) carried(t *testing.T, name string) api.Export {
	t.Helper()
	e, err := w.Export(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`sealed:v1:[A-Za-z0-9_-]*`).ReplaceAll(text, []byte(api.Mask))
	var read api.Export
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// comparable drops what differs between an export and that of its import: when
// it was made, and the event that tells of the import.
func comparable(e api.Export) api.Export {
	e.ExportedAt = api.Time{}
	var events []api.Event
	for _, event := range e.Events {
		if event.Seq = 0; event.Reason != "Imported" {
			events = append(events, event)
		}
	}
	e.Events = events
	return e
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestExportAndImport carries a service with a history into another server and
// back under another name: nothing is lost but its name, and it starts.
func TestExportAndImport(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 3)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(time.Minute)
		w.update(t, "3")
		time.Sleep(time.Minute)
		if _, err := w.Rollback(ctx, ann, "s", api.Rollback{Version: 2}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := w.Pin(ctx, ann, "s", 1, true); err != nil {
			t.Fatal(err)
		}
		half := api.Count{Value: 50, Percent: true}
		if _, err := w.ChangePlan(ctx, ann, "s", api.PlanChange{TargetUpdated: &half}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Scale(ctx, ann, "s", 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		first := w.carried(t, "s")

		beside(t, func(other *world) {
			out, err := other.Import(ctx, By{Actor: "bob"}, first, As{Name: "copy"})
			if err != nil || out.Service.Status != api.StatusStopped || out.Service.CurrentVersion != 2 || out.Service.LatestVersion != 3 || out.Service.Replicas.Desired != 2 {
				t.Fatalf("%+v, %v", out, err)
			}
			time.Sleep(time.Hour)
			if n := other.processes.running(); n != 0 {
				t.Errorf("%d replicas started by themselves", n)
			}
			other.shut(t) // nothing is kept in memory alone
			other.open(t)
			back := other.carried(t, "copy")
			if _, err := other.Import(ctx, ann, back, As{Name: "s"}); err != nil {
				t.Fatal(err)
			}
			again := other.carried(t, "s")
			if a, b := text(t, comparable(first)), text(t, comparable(again)); a != b {
				t.Errorf("there and back:\n%s\nwas\n%s", b, a)
			}
			other.bringUp(t, "copy", 2, 2)
		})
	})
}

// beside makes another world in the same bubble of time.
func beside(t *testing.T, test func(other *world)) {
	t.Helper()
	other := &world{data: t.TempDir(), processes: &processes{startup: time.Second, live: map[string]runtime.Launch{}},
		plane: &plane{delay: 10 * time.Millisecond, routes: map[string]traffic.Route{}, acked: 0}}
	other.open(t)
	defer func() { other.shut(t) }()
	test(other)
}

// bringUp starts an imported service and takes it through a life after that.
func (w *world) bringUp(t *testing.T, name string, version, replicas int) {
	t.Helper()
	ctx := context.Background()
	if _, err := w.Start(ctx, ann, name); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	s, _ := w.Get(ctx, name)
	if s.Status != api.StatusRunning || s.CurrentVersion != version || s.Replicas.Ready != replicas || s.Rollout.Kind != api.KindCreate {
		t.Fatalf("started: %s, %+v, %+v", s.Status, s.Replicas, s.Rollout)
	}
	if _, err := w.DeletePlan(ctx, ann, name); err != nil {
		t.Fatal(err)
	}
	if out, err := w.Update(ctx, ann, name, document(t, `{"model_path":"v4"}`), false); err != nil || out.Service.LatestVersion != 4 {
		t.Fatalf("%+v, %v", out.Service, err)
	}
	time.Sleep(time.Minute)
	if _, err := w.Rollback(ctx, ann, name, api.Rollback{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if s, _ := w.Get(ctx, name); s.Status != api.StatusRunning || s.CurrentVersion != 2 && s.CurrentVersion != 3 {
		t.Errorf("rolled back: %s, version %d, %+v", s.Status, s.CurrentVersion, s.Rollout)
	}
	list, err := w.Rollouts(ctx, name)
	ids := map[string]bool{}
	for _, ro := range list {
		if ids[ro.ID] {
			t.Errorf("two rollouts have the id %s", ro.ID)
		}
		ids[ro.ID] = true
	}
	if err != nil || len(ids) < 5 {
		t.Errorf("%d rollouts, %v", len(ids), err)
	}
}

// TestImportOfLittle: a service that was exported before anything happened, and
// without history.
func TestImportOfLittle(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 1)
		e := w.carried(t, "s")
		e.Rollouts, e.Events, e.Plan = nil, nil, nil
		e.Service.BaseVersion = 0
		if _, err := w.Import(ctx, ann, e, As{Name: "b"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Preview(ctx, "b", document(t, `{"model_path":"x"}`), false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Update(ctx, ann, "b", document(t, `{"model_path":"x"}`), false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Start(ctx, ann, "b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s, _ := w.Get(ctx, "b"); s.Status != api.StatusRunning || s.CurrentVersion != 2 {
			t.Errorf("%s at version %d: %s", s.Status, s.CurrentVersion, s.Message)
		}
	})
}

// TestImportIsRefusedWhole: what is wrong is named, and nothing is written.
func TestImportIsRefusedWhole(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 1)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(time.Minute)
		if _, err := w.CreateGroup(ctx, ann, "g", api.GroupChange{}); err != nil {
			t.Fatal(err)
		}
		good := w.carried(t, "s")
		for _, c := range []struct {
			name string
			as   As
			do   func(*api.Export)
			want string
		}{
			{"another format", As{}, func(e *api.Export) { e.Format = "tar" }, `format: "tar"`},
			{"no versions", As{}, func(e *api.Export) { e.Versions = nil }, "versions: there is none"},
			{"without current", As{}, func(e *api.Export) { e.Versions = e.Versions[:1] }, "service.current_version: 2"},
			{"twice", As{}, func(e *api.Export) { e.Versions = append(e.Versions, e.Versions[1]) }, "versions[2].number: 2: there are two"},
			{"descending", As{}, func(e *api.Export) { e.Versions = []api.ExportedVersion{e.Versions[1], e.Versions[0]} }, "numbers ascend"},
			{"a base that is gone", As{}, func(e *api.Export) { e.Service.BaseVersion = 7 }, "service.base_version: 7"},
			{"two rollouts of one id", As{}, func(e *api.Export) { e.Rollouts = append(e.Rollouts, e.Rollouts[0]) }, "two of this id"},
			{"a version this server refuses", As{}, func(e *api.Export) {
				e.Versions[0].Config = []byte(`{"metadata":{"name":"s"},"containers":[{"command":"x","port":-1}]}`)
			}, "version 1: containers[0].port: -1"},
			{"an unknown key", As{}, func(e *api.Export) { e.Service.Config = []byte(`{"metadata":{"nme":"s"}}`) }, "service.config: metadata.nme"},
			{"no configuration at all", As{}, func(e *api.Export) { e.Versions[1].Config = []byte(`17`) }, "version 2"},
			{"a plan that is none", As{}, func(e *api.Export) { e.Plan = &api.PlanChange{} }, "plan: the change is empty"},
			{"a plan for more replicas", As{}, func(e *api.Export) { e.Plan = &api.PlanChange{TargetUpdated: &api.Count{Value: 9}} }, "target_updated: 9"},
			{"the name of a service", As{Name: "s"}, func(*api.Export) {}, `service "s" exists already`},
			{"the name of a group", As{Name: "g"}, func(*api.Export) {}, "there is a group of the name g"},
			{"no name", As{Name: "A b"}, func(*api.Export) {}, "metadata.name"},
			{"a relative folder", As{WorkingDir: "models"}, func(*api.Export) {}, `working_dir: "models"`},
		} {
			e := w.carried(t, "s")
			c.do(&e)
			as := c.as
			if as.Name == "" {
				as.Name = "b"
			}
			_, err := w.Import(ctx, ann, e, as)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want in it %s", c.name, err, c.want)
			}
			var missing *NotFoundError
			if _, err := w.Get(ctx, "b"); !errors.As(err, &missing) {
				t.Fatalf("%s: a service is there: %v", c.name, err)
			}
		}
		w.store.fail(errors.New("the disk is full"))
		if _, err := w.Import(ctx, ann, good, As{Name: "b"}); err == nil {
			t.Error("imported though nothing could be recorded")
		}
		w.store.fail(nil)
		if _, err := w.Import(ctx, ann, good, As{Name: "b", WorkingDir: "/srv"}); err != nil {
			t.Errorf("after all: %v", err)
		}
		if v, _ := w.Version(ctx, "b", 1); !strings.Contains(string(v.Config), `"working_dir":"/srv"`) {
			t.Errorf("the working directory: %s", v.Config)
		}
		if len(w.List(ctx)) != 2 {
			t.Error("more services than two")
		}
	})
}

// TestSecretsAreNotCarried: no replica starts with a mask for a value, nobody can
// call before the token is set, and the preflight says what has to be set again.
func TestSecretsAreNotCarried(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.make(t, secretive)
		e := w.carried(t, "s")
		if s := text(t, e); strings.Contains(s, inClear) || strings.Contains(s, "sealed:") {
			t.Fatalf("a secret is in the export: %s", s)
		}
		out, err := w.Import(ctx, ann, e, As{Name: "b"})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"containers[0].env[API_KEY]", "token", "dockerAuth"} {
			if !strings.Contains(strings.Join(out.Warnings, "\n"), path+" is a secret, which no export holds") {
				t.Errorf("no warning for %s: %q", path, out.Warnings)
			}
		}
		list, err := w.Preflight(ctx, "b", 1)
		if err != nil || list[0].Verdict != "missing" || !strings.Contains(text(t, list), "containers[0].env[API_KEY]") {
			t.Errorf("%s, %v", text(t, list), err)
		}
		before := w.processes.running()
		if _, err := w.Start(ctx, ann, "b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s, _ := w.Get(ctx, "b"); w.processes.running() != before || !strings.Contains(s.Message, "API_KEY") {
			t.Errorf("%d run; %s", w.processes.running(), s.Message)
		}
		set := `{"token":"other-token","dockerAuth":"x","containers":[{"command":"./server","env":[{"name":"API_KEY","value":"another","secret":true}]}]}`
		if _, err := w.Update(ctx, ann, "b", document(t, set), false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s, _ := w.Get(ctx, "b"); s.Status != api.StatusRunning || s.Replicas.Ready != 1 {
			t.Errorf("set again: %s, %s", s.Status, s.Message)
		}
		// A value that was written into the file is sealed like any other.
		e.Service.Config = json.RawMessage(strings.ReplaceAll(string(e.Service.Config), api.Mask, "written-in"))
		e.Versions[0].Config = json.RawMessage(strings.ReplaceAll(string(e.Versions[0].Config), api.Mask, "written-in"))
		if out, err := w.Import(ctx, ann, e, As{Name: "c"}); err != nil || strings.Contains(text(t, out.Service), "written-in") {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestExportInProgress: a rollout that was in progress has ended with the move.
func TestExportInProgress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 4)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(1500 * time.Millisecond)
		e := w.carried(t, "s")
		if last := e.Rollouts[len(e.Rollouts)-1]; last.Phase.Ended() {
			t.Fatalf("it has ended: %+v", last)
		}
		out, err := w.Import(ctx, ann, e, As{Name: "b"})
		if err != nil || !strings.Contains(strings.Join(out.Warnings, " "), "rollout b-r") || out.Service.Status != api.StatusStopped {
			t.Fatalf("%+v, %v", out, err)
		}
		list, _ := w.Rollouts(ctx, "b")
		if list[0].Phase != api.RolloutSuperseded || list[0].EndedAt == nil || list[0].ID == e.Rollouts[len(e.Rollouts)-1].ID {
			t.Errorf("%+v", list[0])
		}
		if _, err := w.Start(ctx, ann, "b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s, _ := w.Get(ctx, "b")
		if s.Status != api.StatusRunning || s.CurrentVersion != 2 || s.Replicas.Ready != 4 || reflect.DeepEqual(s.Rollout.ID, list[0].ID) {
			t.Errorf("%s, version %d, %+v", s.Status, s.CurrentVersion, s.Rollout)
		}
	})
}
