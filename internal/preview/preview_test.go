package preview

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// service is one of version 1 with n ready replicas and this service file.
func service(t interface{ Fatal(...any) }, n int, file string) Input {
	doc, err := api.ParseDocument([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := api.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	one := rollout.Target{Version: 1, Revision: "one"}
	p := rollout.Policy{Drain: spec.Drain, StartupTimeout: spec.Strategy.StartupTimeout}
	in := Input{Spec: spec, State: rollout.State{Now: now, Policies: map[string]rollout.Policy{"one": p, "two": p}, Service: rollout.Service{
		Name: "s", Desired: n, Strategy: rollout.Defaults(spec.Strategy, rollout.Public, false), Current: one, Base: &one, Latest: 1, NextSeq: n + 1,
	}}}
	before := now.Add(-time.Hour)
	for i := range n {
		in.State.Replicas = append(in.State.Replicas, rollout.Replica{
			ID: fmt.Sprintf("s-1-%d", i), Version: 1, Revision: "one", Stage: rollout.Live, Starts: 1, Process: rollout.Running,
			FirstStartAt: before, StartedAt: before, Healthy: true, HealthyAt: before, ReadyAt: before, Routed: true, Acked: true,
		})
	}
	return in
}

// update runs the preview of an update to version 2.
func update(in Input) (out api.Preview) {
	in.State.Update(rollout.Target{Version: 2, Revision: "two"}, "ann")
	in.Now.Replaces = true
	Run(in, &out)
	return out
}

func file(metadata string) string {
	return `{"metadata": {"name": "s", "instance": 4` + metadata + `}, "containers": [{"command": "./server", "health_check": {"http_get": {"path": "/ready"}}}]}`
}

func samples(took ...time.Duration) (list []Sample) {
	for i, d := range took {
		list = Add(list, now.Add(time.Duration(i)*time.Minute), d)
	}
	return list
}

// TestWarnings: each warning comes when it must, says what it is about, and does
// not come otherwise.
func TestWarnings(t *testing.T) {
	cores := 4.0
	book := placement.New(map[string]placement.Capacity{"box": {CPU: &cores}})
	for i := range 4 {
		book.Hold(fmt.Sprintf("s-1-%d", i), "box", placement.Need{CPU: 1}, nil)
	}
	needs := map[string]Need{"one": {"box", placement.Need{CPU: 1}}, "two": {"box", placement.Need{CPU: 1}}}
	strategy := func(s string) string { return `, "rolling_strategy": {` + s + `}` }
	for _, c := range []struct {
		name   string
		n      int
		file   string
		change func(*Input)
		code   string
		says   []string
	}{
		{"nothing to warn of", 4, file(""), func(in *Input) { in.Now.Slowest, in.Now.InFlight = 29*time.Second, 100 }, "", nil},
		{"no room, for ever", 4, file(""), func(in *Input) { in.Book, in.Needs = book.Copy(), needs }, api.WarnNoRoom, []string{"0 of 4 cores", "waits until something else"}},
		{"no room for a while", 4, file(strategy(`"max_unavailable": 1`)), func(in *Input) { in.Book, in.Needs = book.Copy(), needs }, api.WarnNoRoom, []string{"its own old replicas"}},
		{"the only one away", 1, file(strategy(`"max_surge": 0, "max_unavailable": 1`)), nil, api.WarnAway, []string{"the only replica", "for 5s"}},
		{"all away", 4, file(strategy(`"max_surge": 0, "max_unavailable": "100%"`)), nil, api.WarnAway, []string{"all 4 replicas"}},
		{"no health check", 4, `{"metadata": {"name": "s", "instance": 4}, "containers": [{"command": "./server"}]}`, nil, api.WarnNoHealth, []string{"tcp check"}},
		{"a short grace period", 4, file(`, "eas": {"termination_grace_period": 10}`), func(in *Input) { in.Now.Slowest = 12 * time.Second }, api.WarnGrace, []string{"10s", "12s"}},
		{"a deaf process", 4, file(`, "rpc": {"enable_sigterm": true}`), func(in *Input) {
			in.Now.Deaf = []Deaf{{Replica: "s-1-0", Pid: 77, Revision: "one"}, {Replica: "s-1-1", Pid: 78, Revision: "one"}}
		}, api.WarnSigterm, []string{"s-1-0 (pid 77)", "no handler", "1 more"}},
		{"a deaf process that gets no signal", 4, file(""), func(in *Input) { in.Now.Deaf = []Deaf{{Replica: "s-1-0", Pid: 77, Revision: "one"}} }, "", nil},
		{"one that ignores it", 4, file(`, "rpc": {"enable_sigterm": true}`), func(in *Input) {
			in.Now.Deaf = []Deaf{{Replica: "s-1-0", Pid: 77, Revision: "one", Ignores: true}}
		}, api.WarnSigterm, []string{"SIGKILL at the end"}},
		{"half of them cold", 4, file(strategy(`"max_surge": 2`)), nil, api.WarnNoWarmUp, []string{"2 of 4"}},
		{"half of them warm", 4, `{"metadata": {"name": "s", "instance": 4, "rolling_strategy": {"max_surge": 2}}, "warm_up_data_path": "x.bin",
			"containers": [{"command": "./server", "health_check": {"http_get": {"path": "/ready"}}}]}`, nil, "", nil},
		{"busy replicas", 4, file(strategy(`"max_unavailable": 2`)), func(in *Input) { in.Now.InFlight = 8 }, api.WarnCapacity, []string{"8 requests", "2 at each of 4", "4 each"}},
		{"idle replicas", 4, file(strategy(`"max_unavailable": 2`)), func(in *Input) { in.Now.InFlight = 3 }, "", nil},
		{"a full queue", 4, file(strategy(`"max_unavailable": 2`) + `, "rpc": {"max_queue_size": 1}`), func(in *Input) { in.Now.InFlight = 3 }, api.WarnCapacity, []string{"450"}},
		{"a slow start", 4, file(strategy(`"startup_timeout": 60`)), func(in *Input) { in.Seen.Startup = samples(20*time.Second, 61*time.Second, 20*time.Second) }, api.WarnLongStartup, []string{"61s"}},
		{"what the update says", 4, file(""), func(in *Input) { in.Now.File = []string{"metadata.x: no effect"} }, api.WarnFile, []string{"metadata.x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := service(t, c.n, c.file)
			if c.change != nil {
				c.change(&in)
			}
			out := update(in)
			if c.code == "" {
				if len(out.Warnings) > 0 {
					t.Fatalf("%+v", out.Warnings)
				}
				return
			}
			if len(out.Warnings) != 1 || out.Warnings[0].Code != c.code || c.code != api.WarnFile && out.Warnings[0].Hint == "" {
				t.Fatalf("%+v", out.Warnings)
			}
			for _, part := range c.says {
				if !strings.Contains(out.Warnings[0].Message, part) {
					t.Errorf("%q does not say %q", out.Warnings[0].Message, part)
				}
			}
		})
	}
}

// TestFailure: what a failed start leaves, at each step of an update of four.
func TestFailure(t *testing.T) {
	out := update(service(t, 4, file("")))
	want := [][3]int{} // old, new, ready
	for _, st := range out.Steps {
		if f := st.Failure; f != nil && len(want) == 0 || f != nil && want[len(want)-1] != [3]int{f.Old, f.New, f.Ready} {
			want = append(want, [3]int{f.Old, f.New, f.Ready})
			if f.Phase != api.RolloutPaused || !strings.Contains(f.WayOut, "sluice rollback s` goes back to version 1") {
				t.Errorf("%+v", f)
			}
		}
	}
	if fmt.Sprint(want) != "[[4 0 4] [3 1 4] [2 2 4] [1 3 4]]" {
		t.Errorf("%v", want)
	}
	in := service(t, 4, file(""))
	in.State.Service.Plan = &rollout.Plan{OnFailure: api.FailureRollsBack}
	if f := update(in).Steps[0].Failure; f == nil || f.Phase != api.RolloutRolledBack {
		t.Errorf("a plan that rolls back: %+v", f)
	}
}

// TestTimes: the median of what was measured, or what is assumed, and which.
func TestTimes(t *testing.T) {
	in := service(t, 4, file(""))
	assumed := update(in).Times
	if assumed.Startup.Seconds != 5 || assumed.Startup.Measured != 0 || assumed.Startup.Since != nil || !strings.Contains(assumed.Startup.Basis, "assumed") {
		t.Errorf("%+v", assumed.Startup)
	}
	in = service(t, 4, file(""))
	in.Seen = Seen{Startup: samples(9*time.Second, 2*time.Second, 7*time.Second)}
	out := update(in)
	if s := out.Times.Startup; s.Seconds != 7 || s.Measured != 3 || s.Slowest != 9 || !s.Since.Equal(now) {
		t.Errorf("%+v", s)
	}
	if out.End.At < 28 || out.End.At > 28.2 {
		t.Errorf("four starts of 7 s take %g s", out.End.At)
	}
	slow := service(t, 4, strings.Replace(file(""), `{"http_get": {"path": "/ready"}}`, `{"http_get": {"path": "/ready"}, "initial_delay_seconds": 40}`, 1))
	if s := update(slow).Times.Startup; s.Seconds != 40 || !strings.Contains(s.Basis, "initial delay") {
		t.Errorf("%+v", s)
	}
	var list []Sample
	for i := range 3 * kept {
		list = Add(list, now, time.Duration(i))
	}
	if len(list) != kept || list[0].Took != time.Duration(2*kept) {
		t.Errorf("%d samples are kept, the first is %v", len(list), list[0])
	}
}

// TestBatches: 25% of ten goes 3, 6, 9, 10, each an interval after the one before
// was complete.
func TestBatches(t *testing.T) {
	in := service(t, 10, file(`, "rolling_strategy": {"max_surge": 3}`))
	in.State.Service.Plan = &rollout.Plan{Batch: &rollout.Batch{Size: api.Count{Value: 25, Percent: true}, Interval: time.Minute}}
	out := update(in)
	var got []string
	for _, b := range out.Batches {
		got = append(got, fmt.Sprintf("%d at %.0f for %.0f", b.Target, b.Starts, *b.Duration))
		if want := now.Add(time.Duration(b.Starts * float64(time.Second))); !b.StartsAt.Equal(want) {
			t.Errorf("batch %d starts at %s, and that is not %gs from now", b.Number, b.StartsAt, b.Starts)
		}
	}
	if fmt.Sprint(got) != "[3 at 0 for 5 6 at 65 for 5 9 at 130 for 5 10 at 195 for 5]" {
		t.Errorf("%q", got)
	}
}

// TestPeak: what drains needs room too.
func TestPeak(t *testing.T) {
	in := service(t, 4, file(`, "rolling_strategy": {"max_surge": 2}`))
	in.Needs = map[string]Need{"one": {"", placement.Need{CPU: 1, MemoryMB: 100}}, "two": {"", placement.Need{CPU: 2, MemoryMB: 100, GPU: 1}}}
	in.Seen.Startup = samples(10 * time.Second) // less than the grace period
	out := update(in)
	// Two new ones ready, two old ones draining, two old ones ready, two more starting.
	if p := out.Peak; p.Processes != 8 || p.CPU != 12 || p.MemoryMB != 800 || p.GPU != 4 {
		t.Errorf("%+v", p)
	}
}

// TestBoundsAreForetold: over any strategy and plan the preview comes to an end,
// keeps the bounds, and leaves as many as the plan says.
func TestBoundsAreForetold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		count := func(name string) api.Count {
			return api.Count{Value: rapid.IntRange(0, 100).Draw(t, name), Percent: true}
		}
		in := service(t, n, file(""))
		sv := &in.State.Service
		sv.Strategy.MaxSurge, sv.Strategy.MaxUnavailable = count("surge"), count("unavailable")
		sv.Strategy.TerminationComplete = rapid.Bool().Draw(t, "complete")
		target := n
		switch rapid.IntRange(0, 2).Draw(t, "plan") {
		case 1:
			c := api.Count{Value: rapid.IntRange(0, n).Draw(t, "target")}
			sv.Plan, target = &rollout.Plan{Target: &c}, c.Value
		case 2:
			sv.Plan = &rollout.Plan{Batch: &rollout.Batch{Size: api.Count{Value: rapid.IntRange(1, n).Draw(t, "size")}, Interval: time.Minute}}
		}
		b := sv.Strategy.Resolve(n)
		out := update(in)
		if out.LowestReady.Replicas < n-b.Unavailable || out.HighestLive.Replicas > n+b.Surge {
			t.Fatalf("%+v: ready %+v, live %+v", b, out.LowestReady, out.HighestLive)
		}
		phase := api.PreviewCompleted
		if target < n {
			phase = api.PreviewWaiting
		}
		if c := out.Steps[len(out.Steps)-1]; out.End.Phase != phase || c.New != target || c.Old != n-target || c.Draining != 0 {
			t.Fatalf("it ends %+v with %+v, the target is %d of %d", out.End, c.PreviewCounts, target, n)
		}
	})
}

// BenchmarkRun is the preview of an update of a thousand replicas.
func BenchmarkRun(b *testing.B) {
	for _, surge := range []string{"2%", "1"} {
		b.Run("surge "+surge, func(b *testing.B) {
			in := fmt.Sprintf(`, "rolling_strategy": {"max_surge": %q}`, surge)
			for b.Loop() {
				if out := update(service(b, 1000, file(in))); out.End.Phase != api.PreviewCompleted {
					b.Fatal(out.End)
				}
			}
		})
	}
}
