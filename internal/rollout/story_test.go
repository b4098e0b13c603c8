package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"sluice.dev/sluice/api"
)

// TestStories runs the scripts in testdata/stories: each command is followed by what
// happened. After a wanted change, `go test ./internal/rollout -rewrite`
// records anew; read the difference.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.log.Reset()
			if err := tell(t, w, d); err != nil {
				return "refused: " + err.Error() + "\n"
			}
			for _, broken := range w.broken {
				t.Errorf("%s: %s", d.Pos, broken)
			}
			return w.log.String()
		})
	})
}

func count(t *testing.T, d *datadriven.TestData, key string) (api.Count, bool) {
	var text string
	if !maybe(t, d, key, &text) {
		return api.Count{}, false
	}
	c, err := api.ParseCount(text)
	if err != nil {
		d.Fatalf(t, "%s: %v", key, err)
	}
	return c, true
}

func duration(t *testing.T, d *datadriven.TestData, key string, otherwise time.Duration) time.Duration {
	var text string
	if !maybe(t, d, key, &text) {
		return otherwise
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		d.Fatalf(t, "%s: %v", key, err)
	}
	return v
}

// tellBehaviour reads how replicas of a new version behave.
func tellBehaviour(t *testing.T, w *world, d *datadriven.TestData) Target {
	b := behaviour{startup: duration(t, d, "startup", 2*time.Second), drain: duration(t, d, "drain", time.Second),
		busy: duration(t, d, "busy", 100*time.Millisecond), never: d.HasArg("never")}
	var code string
	if maybe(t, d, "exit", &code) {
		b.exit = "exit code " + code + ": model file is corrupt"
	}
	if d.HasArg("missing") {
		b.unstartable = "./model-server does not exist"
	}
	to := w.target(b)
	p := w.Policies[to.Revision]
	p.StartupTimeout = duration(t, d, "timeout", p.StartupTimeout)
	p.Drain.Grace = duration(t, d, "grace", p.Drain.Grace)
	p.Drain.Sigterm = !d.HasArg("nosigterm")
	if d.HasArg("idle") {
		p.Drain.Mode = api.DrainIdle
	}
	w.Policies[to.Revision] = p
	return to
}

func tell(t *testing.T, w *world, d *datadriven.TestData) error {
	if d.Cmd == "create" {
		*w = *newWorld()
		w.Service.Strategy.MaxSurge = api.Count{Value: 1}
	}
	if c, ok := count(t, d, "surge"); ok {
		w.Service.Strategy.MaxSurge = c
	}
	if c, ok := count(t, d, "unavailable"); ok {
		w.Service.Strategy.MaxUnavailable = c
	}
	w.Service.Strategy.TerminationComplete = w.Service.Strategy.TerminationComplete || d.HasArg("complete")
	w.Service.Strategy.MinReady = duration(t, d, "minready", w.Service.Strategy.MinReady)
	switch d.Cmd {
	case "create":
		n := 4
		maybe(t, d, "replicas", &n)
		w.Begun("s", n, w.Service.Strategy, tellBehaviour(t, w, d), "ann")
	case "update":
		to := tellBehaviour(t, w, d)
		if d.HasArg("live-only") {
			to.Revision = w.Service.Current.Revision
		}
		w.Update(to, "ann")
	case "plan":
		return tellPlan(t, w, d)
	case "judge":
		tellGates(w, d.CmdArgs[0].Key)
	case "rollback":
		return tellRollback(t, w, d)
	case "restart":
		return w.Restart("ann")
	case "scale":
		n := 0
		d.ScanArgs(t, "to", &n)
		w.Scale(n)
	case "pause":
		return w.Pause()
	case "resume":
		return w.Resume()
	case "stop":
		return w.Stop()
	case "start":
		return w.Start("ann")
	case "evict":
		return w.Evict(d.CmdArgs[0].Key)
	case "crash", "unhealthy", "healthy", "hang":
		for _, a := range d.CmdArgs {
			tellFault(w, d.Cmd, a.Key)
		}
	case "full":
		w.noRoom = strings.Join(argKeys(d), " ")
	case "delete":
		w.Delete()
	case "run":
		if d.HasArg("for") {
			w.run(duration(t, d, "for", 0))
		} else {
			w.runOut()
		}
	case "show":
		w.log.WriteString(w.summary())
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	if d.Cmd == "run" {
		w.log.WriteString(w.summary())
	}
	return nil
}

func tellPlan(t *testing.T, w *world, d *datadriven.TestData) error {
	switch {
	case d.HasArg("delete"):
		w.DeletePlan()
		return nil
	case d.HasArg("rollback"):
		return w.PlanRollback()
	}
	ch := api.PlanChange{}
	if c, ok := count(t, d, "target"); ok {
		ch.TargetUpdated = &c
	}
	if c, ok := count(t, d, "batch"); ok {
		ch.Batch = &api.BatchChange{Size: &c}
	}
	if d.HasArg("interval") {
		interval := api.Interval(duration(t, d, "interval", 0))
		if ch.Batch == nil {
			ch.Batch = &api.BatchChange{}
		}
		ch.Batch.Interval = &interval
	}
	if d.HasArg("paused") {
		var text string
		d.ScanArgs(t, "paused", &text)
		paused := text == "true"
		ch.Paused = &paused
	}
	if d.HasArg("rollback-on-failure") {
		on := api.FailureRollsBack
		ch.OnFailure = &on
	}
	if d.HasArg("gate") || d.HasArg("no-gates") {
		gates := []api.Gate{{Metric: api.MetricErrorRate, MaxDifference: "1%"}}
		if d.HasArg("no-gates") {
			gates = nil
		}
		ch.Gates = &gates
	}
	if err := ch.Check(); err != nil {
		return err
	}
	return w.SetPlan(ch)
}

// tellGates has the gates say something of the batch that is complete.
func tellGates(w *world, action string) {
	if !w.Judging() {
		w.say("no gate is asked")
		return
	}
	w.NoteGates(api.GateRecord{At: api.At(w.Now), Action: api.GateAction(action), Reason: "gate error_rate: 5% of 200 requests"}, w.Service.Rollout.BatchDoneAt)
}

func argKeys(d *datadriven.TestData) (keys []string) {
	for _, a := range d.CmdArgs {
		keys = append(keys, a.Key)
	}
	return keys
}

func tellRollback(t *testing.T, w *world, d *datadriven.TestData) error {
	var to int
	if maybe(t, d, "to", &to) {
		_, err := w.Rollback(Target{Version: to, Revision: fmt.Sprintf("rev%d", to)}, Manner{Planned: d.HasArg("planned")}, "ann")
		return err
	}
	return w.rollback()
}

func tellFault(w *world, fault, id string) {
	r := w.Replica(id)
	if r == nil {
		w.say("there is no replica %s", id)
		return
	}
	switch fault {
	case "crash":
		w.exit(id, r.Starts, "exit code 139: segmentation fault")
	case "unhealthy":
		w.unhealthy(id, "GET /ready: 500")
	case "healthy":
		w.healthy(id, r.Starts)
	case "hang":
		r.NoteNotLive("no answer within 2s")
	}
	w.say("%s %s", fault, id)
}

func maybe(t *testing.T, d *datadriven.TestData, key string, dest any) bool {
	if !d.HasArg(key) {
		return false
	}
	d.ScanArgs(t, key, dest)
	return true
}
