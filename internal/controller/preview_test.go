package controller

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// TestPreview: it sees what gateways and processes say, remembers measured times
// over a restart of the control plane, is refused like the update, and leaves
// nothing behind.
func TestPreview(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 4)
		w.update(t, "1")
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 4)
		w.cfg.Insight = Insight{
			Slowest: func(service string) time.Duration { return time.Minute },
			OnTerm:  func(pid int, _ uint64) Hearing { return HearsNothing },
		}
		file := document(t, `{"containers":[{"command":"./other"}]}`)
		shown := func() string { text, _ := json.Marshal(w.get(t)); return string(text) }
		before := shown()
		p, err := w.Preview(ctx, "s", file, false)
		if err != nil {
			t.Fatal(err)
		}
		if after := shown(); after != before {
			t.Errorf("before %s\nafter  %s", before, after)
		}
		codes := map[string]bool{}
		for _, v := range p.Warnings {
			codes[v.Code] = true
		}
		if !codes[api.WarnGrace] || !codes[api.WarnSigterm] || !codes[api.WarnNoHealth] || len(p.Warnings) != 3 {
			t.Errorf("%+v", p.Warnings)
		}
		if s := p.Times.Startup; s.Measured != 8 || s.Seconds != 1 || p.Times.Exit.Measured != 4 || p.Times.InHand.Measured != 4 {
			t.Errorf("%+v", p.Times)
		}
		if p.FromVersion != 2 || p.ToVersion != 3 || p.End.Phase != api.PreviewCompleted || p.End.At < 4 || p.End.At > 4.5 {
			t.Errorf("%d to %d, %+v", p.FromVersion, p.ToVersion, p.End)
		}
		if len(p.Diff) != 2 || p.Diff[0].Path != "containers[0].command" || string(p.Diff[0].To) != `"./other"` || p.Diff[1].Op != "remove" {
			t.Errorf("%+v", p.Diff)
		}

		if _, err := w.Scale(ctx, By{Actor: "ann"}, "s", 3); err != nil { // writes what was measured
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.shut(t)
		w.open(t)
		if p, err = w.Preview(ctx, "s", file, false); err != nil || p.Times.Startup.Measured != 8 || p.Times.Exit.Measured < 4 {
			t.Errorf("after a restart: %v, %+v", err, p.Times)
		}

		var missing *NotFoundError
		if _, err := w.Preview(ctx, "nosuch", file, false); !errors.As(err, &missing) {
			t.Errorf("%v", err)
		}
		var invalid *api.InvalidError
		if _, err := w.Preview(ctx, "s", document(t, `{"metadata":{"instance":-1}}`), false); !errors.As(err, &invalid) {
			t.Errorf("%v", err)
		}
		if _, err := w.Stop(ctx, By{Actor: "ann"}, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if p, err := w.Preview(ctx, "s", file, false); err != nil || p.Outcome != api.PreviewRecorded || len(p.Steps) != 0 {
			t.Errorf("stopped: %v, %s, %+v", err, p.Outcome, p.Steps)
		}
		if _, err := w.Delete(ctx, By{Actor: "ann"}, "s"); err != nil {
			t.Fatal(err)
		}
		var refused *rollout.Refusal
		if _, err := w.Preview(ctx, "s", file, false); !errors.As(err, &refused) && !errors.As(err, &missing) {
			t.Errorf("deleting: %v", err)
		}
	})
}
