package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/rollout"
)

// stock is a content of one model for each version, none of it kept. How each
// stands is what the test says; unsure ones take an hour to be read.
type stock struct {
	NoContent
	stands map[string]history.Condition
}

func (stock) Digests(files []api.File) (list []api.Digest) {
	for _, f := range files {
		if f.Kind == api.FileModel {
			list = append(list, api.Digest{Kind: f.Kind, Path: f.Path, Stat: "recorded", SHA256: "known"})
		}
	}
	return list
}

func (c stock) Compare(ctx context.Context, d api.Digest, full bool) (history.Condition, string) {
	now, told := c.stands[d.Path]
	switch {
	case !told:
		return history.Same, ""
	case now == history.Unsure && full:
		select {
		case <-ctx.Done():
		case <-time.After(time.Hour):
		}
	}
	return now, d.Path + " is " + string(now)
}

// inStock runs a service of three replicas of version 2, each version with a
// model of its own.
func inStock(t *testing.T, do func(t *testing.T, w *world, c stock)) {
	inWorld(t, func(t *testing.T, w *world) {
		c := stock{stands: map[string]history.Condition{}}
		w.cfg.Content = c
		w.create(t, 3)
		for _, model := range []string{"/m/1", "/m/2"} {
			if _, err := w.Update(t.Context(), By{Actor: "ann"}, "s", document(t, `{"model_path":"`+model+`"}`), false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		do(t, w, c)
	})
}

func TestRollbackHeedsThePreflight(t *testing.T) {
	inStock(t, func(t *testing.T, w *world, c stock) {
		by := By{Actor: "ann"}
		c.stands["/m/1"] = history.Missing
		before := w.get(t)
		_, err := w.Rollback(t.Context(), by, "s", api.Rollback{Version: 2})
		var refused *rollout.Refusal
		if !errors.As(err, &refused) || !strings.Contains(refused.Message, "model /m/1 is missing") || !strings.Contains(refused.Hint, "--force") {
			t.Fatalf("the model is missing: %v", err)
		}
		if _, err = w.Rollback(t.Context(), by, "s", api.Rollback{}); !errors.As(err, &refused) {
			t.Fatalf("chosen without a number it is refused as well: %v", err)
		}
		if now := w.get(t); now.Revision != before.Revision || now.CurrentVersion != 3 {
			t.Errorf("a refusal changed something: %+v", now)
		}
		out, err := w.Rollback(t.Context(), by, "s", api.Rollback{Version: 2, Force: true})
		if err != nil || !strings.Contains(out.Text, "forced") || len(out.Warnings) == 0 || !strings.Contains(out.Warnings[0], "/m/1 is missing") {
			t.Fatalf("forced: %q %q %v", out.Text, out.Warnings, err)
		}
	})
}

// A rollback that starts nothing, since the replicas of its version all live,
// is not refused for what a start would need.
func TestRollbackToSurvivors(t *testing.T) {
	inStock(t, func(t *testing.T, w *world, c stock) {
		w.processes.refuseWith(errors.New("no such luck"))
		if _, err := w.Update(t.Context(), By{Actor: "ann"}, "s", document(t, `{"model_path":"/m/3"}`), false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		w.want(t, api.StatusPaused, 0)
		w.processes.refuseWith(nil)
		c.stands["/m/2"] = history.Missing
		out, err := w.Rollback(t.Context(), By{Actor: "ann"}, "s", api.Rollback{})
		if err != nil || len(out.Warnings) == 0 || !strings.Contains(out.Warnings[0], "no other could be started") {
			t.Fatalf("%q %v", out.Warnings, err)
		}
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 3)
	})
}

// Files that would take an hour to read do not hold a rollback up.
func TestRollbackDoesNotWaitForHashes(t *testing.T) {
	inStock(t, func(t *testing.T, w *world, c stock) {
		c.stands["/m/1"] = history.Unsure
		began := time.Now()
		out, err := w.Rollback(t.Context(), By{Actor: "ann"}, "s", api.Rollback{Version: 2})
		if err != nil || len(out.Warnings) == 0 || !strings.Contains(out.Warnings[0], "could not be found out") {
			t.Fatalf("%q %v", out.Warnings, err)
		}
		if took := time.Since(began); took > lookBefore {
			t.Errorf("it took %s", took)
		}
	})
}

// TestRollbackOfStopped: nothing starts before the service does, and the answer
// says so.
func TestRollbackOfStopped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 1)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(time.Minute)
		if _, err := w.Stop(ctx, ann, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		out, err := w.Rollback(ctx, ann, "s", api.Rollback{Version: 1})
		if err != nil || out.Text != "rolls back to version 1; the service is stopped, `sluice start s` starts it with this version" {
			t.Errorf("%q, %v", out.Text, err)
		}
		time.Sleep(time.Minute)
		if n := w.processes.running(); n != 0 {
			t.Errorf("%d replicas run of a stopped service", n)
		}
		if _, err := w.Start(ctx, ann, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if v := w.get(t); v.CurrentVersion != 1 || v.Replicas.Ready != 1 {
			t.Errorf("started: %+v", v)
		}
	})
}
