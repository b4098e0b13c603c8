package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/memory"
)

// wave is what happens with less than a second between one thing and the next:
// in the real world, what the model does at one instant is spread over some
// messages' ways.
type wave struct {
	from, to time.Duration
	did      map[string]int // "drain of 2": 3
	counts   api.PreviewCounts
}

const together = time.Second

func addTo(waves []wave, at time.Duration, counts api.PreviewCounts, did map[string]int) []wave {
	if len(did) == 0 {
		return waves
	}
	if n := len(waves); n == 0 || at-waves[n-1].to > together {
		waves = append(waves, wave{from: at, did: map[string]int{}})
	}
	last := &waves[len(waves)-1]
	last.to, last.counts = at, counts
	for what, n := range did {
		last.did[what] += n
	}
	return waves
}

func (w wave) String() string {
	var did []string
	for _, what := range sorted(w.did) {
		did = append(did, fmt.Sprintf("%d %s", w.did[what], what))
	}
	return fmt.Sprintf("%7.2fs  %-60s %+v", w.from.Seconds(), strings.Join(did, ", "), w.counts)
}

func written(waves []wave) string {
	var b strings.Builder
	for _, w := range waves {
		fmt.Fprintln(&b, w)
	}
	return b.String()
}

func label(do string, version int) string {
	if version == 0 {
		return do
	}
	return fmt.Sprintf("%s of %d", do, version)
}

func foretold(p api.Preview) (waves []wave) {
	for _, st := range p.Steps {
		did := map[string]int{}
		for _, a := range st.Actions {
			did[label(a.Do, a.Version)] += max(1, a.Replicas)
		}
		waves = addTo(waves, time.Duration(st.At*float64(time.Second)), st.PreviewCounts, did)
	}
	return waves
}

// tape writes down what is committed: the steps as they happen.
type tape struct {
	store.Store
	w        *World
	on       bool
	began    time.Time
	now, old rollout.State
	waves    []wave
	// The extremes.
	lowest, highest int
}

func (t *tape) Commit(ctx context.Context, changes ...store.Change) ([]api.Event, error) {
	events, err := t.Store.Commit(ctx, changes...)
	for i := range changes {
		t.fold(&changes[i])
	}
	return events, err
}

func (t *tape) fold(ch *store.Change) {
	t.old, t.now.Replicas = t.now, slices.Clone(t.now.Replicas)
	t.now.Now = t.w.now
	if ch.Service != nil {
		t.now.Service = ch.Service.Core
	}
	t.now.Replicas = slices.DeleteFunc(t.now.Replicas, func(r rollout.Replica) bool { return slices.Contains(ch.DropReplicas, r.ID) })
	for _, r := range ch.PutReplicas {
		if was := t.now.Replica(r.Core.ID); was != nil {
			*was = r.Core
		} else {
			t.now.Replicas = append(t.now.Replicas, r.Core)
		}
	}
	if !t.on {
		return
	}
	c := t.now.Counts()
	t.lowest, t.highest = min(t.lowest, c.Ready), max(t.highest, c.Live)
	fresh, old := t.now.Sides()
	t.waves = addTo(t.waves, t.w.now.Sub(t.began), api.PreviewCounts{
		Old: old, New: fresh, Draining: c.Draining, Ready: c.Ready, Updated: c.Updated, Live: c.Live, Failed: c.Failed}, t.difference(ch))
}

// difference says in the words of a preview what a change has done.
func (t *tape) difference(ch *store.Change) map[string]int {
	did := map[string]int{}
	note := func(is bool, do string, version int) {
		if is {
			did[label(do, version)]++
		}
	}
	shown := func(r *rollout.Replica) int {
		if to := t.now.Service.Current; r.Revision == to.Revision {
			return to.Version
		}
		return r.Version
	}
	for _, put := range ch.PutReplicas {
		r, was := put.Core, t.old.Replica(put.Core.ID)
		if was == nil {
			note(true, "create", shown(&r))
			was = &rollout.Replica{Stage: rollout.Live, Starts: 1}
		}
		note(r.Stage == rollout.Draining && was.Stage == rollout.Live, "drain", shown(&r))
		note(!r.Signalled.Equal(was.Signalled), "terminate", shown(&r))
		note(!r.Killed.Equal(was.Killed), "kill", shown(&r))
		note(!r.ReadyAt.Equal(was.ReadyAt), "ready", shown(&r))
		note(r.Unplaced != "" && was.Unplaced == "", "pending", shown(&r))
		note(r.Unplaced == "" && was.Unplaced != "", "start", shown(&r))
	}
	for _, id := range ch.DropReplicas {
		note(true, "remove", shown(t.old.Replica(id)))
	}
	is, was := t.now.Service.Rollout, t.old.Service.Rollout
	if is == nil || was == nil {
		return did
	}
	same := is.ID == was.ID
	note(is.Phase == api.RolloutRunning && was.Phase == api.RolloutPending, "begin", 0)
	note(is.Phase == api.RolloutCompleted && same && was.Phase != is.Phase, "complete", 0)
	note(!is.BatchDoneAt.IsZero() && was.BatchDoneAt.IsZero(), "batch_done", 0)
	note(same && is.BatchDoneAt.IsZero() && !was.BatchDoneAt.IsZero(), "next_batch", 0)
	note(!t.now.Service.Scaling && t.old.Service.Scaling && is.Phase == was.Phase, "settle", 0)
	passed := func(ro *rollout.Rollout) (at api.Time) {
		if n := len(ro.Gates); n > 0 && ro.Gates[n-1].Action == api.GateContinue {
			at = ro.Gates[n-1].At
		}
		return at
	}
	note(same && passed(is) != passed(was) && !passed(is).IsZero(), "gates_passed", 0)
	return did
}

// foresight is a world in which an update is previewed and then made.
type foresight struct {
	*World
	tape *tape
	t    *testing.T
	by   controller.By
	n    int // versions made
}

func newForesight(t *testing.T, room *room) *foresight {
	tp := &tape{Store: memory.New()}
	w := newWorld(Config{Seed: 7, Store: tp})
	tp.w = w
	w.calm, w.services, w.room = true, []string{"s"}, room
	w.startup, w.exit, w.inHand = 20*time.Second, 4*time.Second, 2500*time.Millisecond
	w.boot()
	return &foresight{World: w, tape: tp, t: t, by: controller.By{Actor: "ann"}}
}

func (f *foresight) pass(d time.Duration) {
	f.t.Helper()
	f.proceed(1_000_000, f.now.Add(d))
	if f.fault != nil {
		f.t.Fatal(f.fault)
	}
}

// version is a file with another command than the one before.
func (f *foresight) version(metadata string) api.Document {
	f.n++
	return document(fmt.Sprintf(`{"metadata": {"name": "s"%s}, "containers": [{"command": %q, "env": [{"name": "N", "value": "%d"}]}]}`, metadata, good, f.n))
}

func (f *foresight) update(file api.Document) {
	f.t.Helper()
	var err error
	if f.n == 1 {
		_, err = f.controller.Create(context.Background(), f.by, file)
	} else {
		_, err = f.controller.Update(context.Background(), f.by, "s", file, false)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *foresight) plan(text string) {
	f.t.Helper()
	ch, err := api.ParsePlanChange([]byte(text))
	if err == nil {
		_, err = f.controller.ChangePlan(context.Background(), f.by, "s", ch)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// foretell previews the update, makes it, and returns what was foretold and what
// happened in the time that the preview looks at.
func (f *foresight) foretell(file api.Document) (p api.Preview, told, happened []wave) {
	f.t.Helper()
	p, err := f.controller.Preview(context.Background(), "s", file, false)
	if err != nil {
		f.t.Fatal(err)
	}
	// What it takes to preview must leave no trace.
	again, err := f.controller.Preview(context.Background(), "s", file, false)
	if err != nil || fmt.Sprint(again) == "" || again.ToVersion != p.ToVersion || len(again.Steps) != len(p.Steps) {
		f.t.Fatalf("%v: a second preview is another: %d steps, %d before", err, len(again.Steps), len(p.Steps))
	}
	f.tape.on, f.tape.began, f.tape.waves = true, f.now, nil
	f.tape.lowest, f.tape.highest = p.Now.Ready, p.Now.Live
	f.update(file)
	f.pass(time.Duration(p.End.Quiet*1.1*float64(time.Second)) + 5*time.Second)
	return p, foretold(p), f.tape.waves
}

// compare wants the same waves, in order, each with the same steps and counts
// after it and at the same time: within half a second and two in a hundred.
func compare(t *testing.T, told, happened []wave) {
	t.Helper()
	for i := range max(len(told), len(happened)) {
		if i >= len(told) || i >= len(happened) {
			t.Fatalf("%d waves were foretold, %d happened", len(told), len(happened))
		}
		a, b := told[i], happened[i]
		apart := (a.from - b.from).Abs()
		if !maps.Equal(a.did, b.did) || a.counts != b.counts || apart > 500*time.Millisecond+b.from/50 {
			t.Fatalf("wave %d:\ntold     %s\nhappened %s", i, a, b)
		}
	}
}

// TestPreviewComesTrue: what is previewed happens, step by step.
func TestPreviewComesTrue(t *testing.T) {
	const (
		idle      = `"eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}`
		silent    = `"eas": {"drain": "idle"}`
		signal    = `"rpc": {"enable_sigterm": true}`
		graceless = `"eas": {"termination_grace_period": 12}`
	)
	strategy := func(text string) string { return `"rolling_strategy": {` + text + `}` }
	for _, c := range []struct {
		name     string
		n        int
		metadata []string
		plan     string
		end      api.PreviewEnding
		low      int
		high     int
	}{
		{"one at a time", 4, []string{strategy(`"max_surge": 1`), idle}, "", api.PreviewCompleted, 4, 5},
		{"three at a time", 10, []string{strategy(`"max_surge": 3`), idle}, "", api.PreviewCompleted, 10, 13},
		{"in place", 4, []string{strategy(`"max_surge": 0, "max_unavailable": 1`), idle}, "", api.PreviewCompleted, 3, 4},
		{"both", 7, []string{strategy(`"max_surge": 2, "max_unavailable": 1`), silent}, "", api.PreviewCompleted, 6, 9},
		{"percentages", 10, []string{strategy(`"max_surge": "25%", "max_unavailable": "10%"`), signal}, "", api.PreviewCompleted, 9, 13},
		{"only when the old one is gone", 3, []string{strategy(`"max_surge": 1, "replacement": "termination_complete"`), graceless}, "", api.PreviewCompleted, 3, 4},
		{"a single one away", 1, []string{strategy(`"max_surge": 0, "max_unavailable": 1, "replacement": "termination_complete"`), idle}, "", api.PreviewCompleted, 0, 1},
		{"ready for a while", 4, []string{strategy(`"max_surge": 2, "min_ready_seconds": 7`), signal}, "", api.PreviewCompleted, 4, 6},
		{"the whole grace period", 4, []string{strategy(`"max_surge": 2`), graceless}, "", api.PreviewCompleted, 4, 6},
		{"by hand", 10, []string{strategy(`"max_surge": 1`), idle}, `{"target_updated": 2}`, api.PreviewWaiting, 10, 11},
		{"by hand, a percentage", 10, []string{strategy(`"max_surge": 2`), idle}, `{"target_updated": "25%"}`, api.PreviewWaiting, 10, 12},
		{"begin and wait at 0", 4, []string{idle}, `{"target_updated": 0}`, api.PreviewWaiting, 4, 4},
		{"by the clock", 10, []string{strategy(`"max_surge": 3`), idle}, `{"batch": {"size": "25%", "interval": "90s"}}`, api.PreviewCompleted, 10, 13},
		{"by the clock, slowly", 5, []string{strategy(`"max_surge": 1`), graceless}, `{"batch": {"size": 2, "interval": "1h"}}`, api.PreviewCompleted, 5, 6},
		{"paused", 4, []string{idle}, `{"target_updated": "100%", "paused": true}`, api.PreviewPaused, 4, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForesight(t, nil)
			metadata := fmt.Sprintf(`, "instance": %d, %s`, c.n, strings.Join(c.metadata, ", "))
			settled(f, metadata, 2)
			if c.plan != "" {
				f.plan(c.plan)
			}
			p, told, happened := f.foretell(f.version(metadata))
			compare(t, told, happened)
			if t.Failed() || testing.Verbose() {
				t.Logf("told\n%shappened\n%s", written(told), written(happened))
			}
			if p.LowestReady.Replicas != c.low || f.tape.lowest != c.low || p.HighestLive.Replicas != c.high || f.tape.highest != c.high {
				t.Errorf("ready >= %d and live <= %d were foretold, it was %d and %d, and should be %d and %d",
					p.LowestReady.Replicas, p.HighestLive.Replicas, f.tape.lowest, f.tape.highest, c.low, c.high)
			}
			if p.End.Phase != c.end || p.Times.Startup.Seconds != 20 || p.Times.Startup.Measured == 0 {
				t.Errorf("%+v, %+v", p.End, p.Times.Startup)
			}
			view, _ := f.controller.Get(context.Background(), "s")
			if took := view.Rollout.EndedAt; c.end == api.PreviewCompleted {
				actual := took.Sub(view.Rollout.StartedAt.Time).Seconds()
				if p.End.At < actual*0.98-0.5 || p.End.At > actual*1.02 {
					t.Errorf("it took %gs, %gs were foretold", actual, p.End.At)
				}
			}
		})
	}
}

// settled makes versions of a service: one measures starts, the second one ends.
func settled(f *foresight, metadata string, versions int) {
	for range versions {
		f.update(f.version(metadata))
		f.pass(30 * time.Minute)
	}
}

// TestPreviewOfAnythingElse: what is no plain update of a service at rest.
func TestPreviewOfAnythingElse(t *testing.T) {
	const four = `, "instance": 4, "rolling_strategy": {"max_surge": 1}, "eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}`
	for _, c := range []struct {
		name    string
		room    *room
		before  string // metadata of the two versions before
		midway  func(f *foresight)
		file    func(f *foresight) api.Document
		outcome api.PreviewOutcome
		end     api.PreviewEnding
		steps   bool
		text    string // in what it says of the rollout in progress
	}{
		{"a version in the middle of another", nil, four, func(f *foresight) {
			f.update(f.version(four))
			f.pass(47 * time.Second)
		}, func(f *foresight) api.Document { return f.version(four) }, api.PreviewRollout, api.PreviewCompleted, true, "is superseded"},
		{"a version after one that is paused", nil, four, func(f *foresight) {
			f.update(f.version(four))
			f.pass(27 * time.Second)
			if _, err := f.controller.Pause(context.Background(), f.by, "s"); err != nil {
				f.t.Fatal(err)
			}
			f.pass(time.Minute)
		}, func(f *foresight) api.Document { return f.version(four) }, api.PreviewRollout, api.PreviewCompleted, true, "superseded"},
		{"settings only, in the middle", nil, four, func(f *foresight) {
			f.update(f.version(four))
			f.pass(27 * time.Second)
		}, func(f *foresight) api.Document {
			return document(`{"metadata": {"rolling_strategy": {"max_surge": 2}}}`)
		},
			api.PreviewSettings, api.PreviewCompleted, true, "goes on as one to version 4"},
		{"settings only", nil, four, nil, func(f *foresight) api.Document {
			return document(`{"metadata": {"rolling_strategy": {"max_surge": 2}}}`)
		}, api.PreviewSettings, api.PreviewCompleted, false, ""},
		{"nothing", nil, four, nil, func(f *foresight) api.Document {
			return document(`{"metadata": {"rolling_strategy": {"max_surge": 1}}}`)
		},
			api.PreviewNothing, api.PreviewCompleted, false, ""},
		{"more replicas", nil, four, nil, func(f *foresight) api.Document { return document(`{"metadata": {"instance": 6}}`) },
			api.PreviewScale, api.PreviewCompleted, true, ""},
		{"fewer replicas", nil, four, nil, func(f *foresight) api.Document { return document(`{"metadata": {"instance": 1}}`) },
			api.PreviewScale, api.PreviewCompleted, true, ""},
		{"more replicas of another version", nil, four, nil, func(f *foresight) api.Document {
			return f.version(strings.Replace(four, `"instance": 4`, `"instance": 6`, 1))
		}, api.PreviewRollout, api.PreviewCompleted, true, ""},
		{"no room beside the old ones", &room{cores: 4, kind: rollout.Public}, four + `, "resource": "box", "cpu": 1`, nil,
			func(f *foresight) api.Document { return f.version("") }, api.PreviewRollout, api.PreviewStuck, true, ""},
		{"room as old ones go", &room{cores: 5, kind: rollout.Quota},
			strings.Replace(four, `"max_surge": 1`, `"max_surge": 3`, 1) + `, "resource": "box", "cpu": 1`, nil,
			func(f *foresight) api.Document { return f.version("") }, api.PreviewRollout, api.PreviewCompleted, true, ""},
		{"gates", nil, four, func(f *foresight) {
			f.plan(`{"batch": {"size": 2, "interval": "20s"}, "gates": [{"name": "a", "command": {"command": "./check"}, "window": "50s"}]}`)
		}, func(f *foresight) api.Document { return f.version(four) }, api.PreviewRollout, api.PreviewCompleted, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForesight(t, c.room)
			versions := 2
			if c.end == api.PreviewStuck {
				versions = 1 // there is no room for a second one
			}
			settled(f, c.before, versions)
			if c.midway != nil {
				c.midway(f)
			}
			file := c.file(f)
			p, told, happened := f.foretell(file)
			if testing.Verbose() {
				t.Logf("told\n%shappened\n%s", written(told), written(happened))
			}
			if p.Outcome != c.outcome || p.End.Phase != c.end || (len(p.Steps) > 0) != c.steps {
				t.Errorf("%s, %+v, %d steps", p.Outcome, p.End, len(p.Steps))
			}
			if c.text != "" && (p.Supersedes == nil || !strings.Contains(p.Supersedes.Text, c.text)) || c.text == "" && p.Supersedes != nil {
				t.Errorf("supersedes %+v", p.Supersedes)
			}
			compare(t, told, happened)
		})
	}
}
