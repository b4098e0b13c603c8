package canary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"sluice.dev/sluice/api"
)

// TestStories runs the scripts in testdata/stories: each command is followed by
// what happened. After a wanted change, `go test ./internal/canary -rewrite`
// records anew; read the difference.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		w := newWorld(api.ModeAuto)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.log.Reset()
			if err := tell(w, d); err != nil {
				return "refused: " + err.Error() + "\n"
			}
			for _, broken := range w.broken {
				t.Errorf("%s: %s", d.Pos, broken)
			}
			return w.log.String()
		})
	})
}

func arg(d *datadriven.TestData, key string) (string, bool) {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return strings.Join(a.Vals, ","), true
		}
	}
	return "", false
}

func span(d *datadriven.TestData, key string, otherwise time.Duration) time.Duration {
	text, ok := arg(d, key)
	if !ok {
		return otherwise
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return v
}

// readMember reads name=ready/desired[/weight][/standalone].
func readMember(name, text string) Member {
	m := Member{Service: name, State: api.StateGrouping, Weight: api.NoWeight}
	if rest, ok := strings.CutSuffix(text, "/standalone"); ok {
		text, m.State = rest, api.StateStandalone
	}
	for i, part := range strings.Split(text, "/") {
		n, err := strconv.Atoi(part)
		if err != nil {
			panic(err)
		}
		*[]*int{&m.Ready, &m.Desired, &m.Weight}[i] = n
	}
	return m
}

func tell(w *world, d *datadriven.TestData) error {
	switch d.Cmd {
	case "group":
		mode := api.TrafficMode(d.CmdArgs[0].Key)
		var members []Member
		for _, a := range d.CmdArgs[1:] {
			members = append(members, readMember(a.Key, a.Vals[0]))
		}
		*w = *newWorld(mode, members...)
		w.say("%s", w.split())
	case "member": // what is observed of one changes
		for _, a := range d.CmdArgs {
			w.observe(a.Key, a.Vals)
		}
	case "shift":
		return tellShift(w, d)
	case "abort":
		dec := AbortShift(*w.shift, w.g, ByUser, "", w.now)
		w.shift = &dec.Shift
		w.carryOut(dec.Set, dec.Scale, "")
		w.say("shift %s %s", w.shift.Phase, w.shift.Message)
	case "judge":
		action := api.GateAction(d.CmdArgs[0].Key)
		next := NoteGates(*w.shift, api.GateRecord{At: api.At(w.now), Action: action, Reason: "gate error_rate: 5% of 200 requests",
			Results: []api.GateResult{{Gate: "error_rate", Outcome: api.GatePass}}}, w.shift.ReachedAt)
		w.shift = &next
	case "promote":
		return tellPromote(w, d)
	case "abandon":
		a, err := Abandon(w.g, d.CmdArgs[0].Key, w.shift, w.promotion, w.now)
		if err != nil {
			return err
		}
		if a.Shift != nil {
			w.shift = a.Shift
		}
		w.carryOut(&a.Set, a.Scale, "")
		for _, warning := range a.Warnings {
			w.say("warning: %s", warning)
		}
	case "run":
		w.run(span(d, "for", time.Minute))
		w.show()
	default:
		return fmt.Errorf("no such command: %s", d.Cmd)
	}
	return nil
}

func (w *world) observe(name string, vals []string) {
	i := w.g.index(name)
	for _, v := range vals {
		switch v {
		case "gone":
			w.g.Members = slices.Delete(slices.Clone(w.g.Members), i, i+1)
		case "stopped":
			w.g.Members[i].Stopped, w.g.Members[i].Ready = true, 0
		case "standalone", "grouping":
			w.g.Members[i].State = api.TrafficState(v)
		case "updates-fail", "updates-succeed":
			w.fails = v == "updates-fail"
		default:
			m := readMember(name, v)
			if i < 0 {
				w.g.Members = append(slices.Clone(w.g.Members), m)
				continue
			}
			w.g.Members[i].Ready, w.g.Members[i].Desired = m.Ready, m.Desired
			if m.Weight >= 0 {
				w.g.Members[i].Weight = m.Weight
			}
		}
	}
}

func (w *world) show() {
	fmt.Fprintf(&w.log, "%s\n", w.split())
	if w.shift != nil {
		v := w.shift.View(w.g, w.now)
		fmt.Fprintf(&w.log, "shift %s at %d%%, next %d", v.Phase, v.Percent, v.Next)
		if v.NextStepAt != nil {
			fmt.Fprintf(&w.log, " at %.2fs", v.NextStepAt.Sub(epoch).Seconds())
		}
		fmt.Fprintf(&w.log, "; %s\n", strings.TrimSpace(v.Reason+" "+v.Message+" waiting for: "+v.WaitingFor))
	}
	if w.promotion != nil {
		v := w.promotion.View(w.g, w.now)
		fmt.Fprintf(&w.log, "promotion %s %s; %s waiting for: %s\n", v.Phase, v.Stage, v.Message, v.WaitingFor)
	}
}

func tellShift(w *world, d *datadriven.TestData) error {
	ch := api.ShiftChange{}
	ch.To, _ = arg(d, "to")
	if text, ok := arg(d, "steps"); ok {
		for _, p := range strings.Split(text, ",") {
			n, _ := strconv.Atoi(strings.TrimSpace(p))
			ch.Steps = append(ch.Steps, n)
		}
	}
	if _, ok := arg(d, "interval"); ok {
		i := api.Interval(span(d, "interval", 0))
		ch.Interval = &i
	}
	if text, ok := arg(d, "max_load"); ok {
		f, _ := strconv.ParseFloat(text, 64)
		ch.MaxLoad = &f
	}
	yes := true
	if d.HasArg("scale") {
		ch.Scale = &yes
	}
	if d.HasArg("gate") {
		ch.Gates = &[]api.Gate{{Metric: api.MetricErrorRate, Max: "1%"}}
	}
	if d.HasArg("pause") || d.HasArg("resume") {
		paused := d.HasArg("pause")
		ch.Paused = &paused
	}
	if err := ch.Check(); err != nil {
		return err
	}
	s, err := ChangeShift(w.shift, ch, w.g, "ann", w.now)
	if err != nil {
		return err
	}
	w.shift = &s
	return nil
}

func tellPromote(w *world, d *datadriven.TestData) error {
	ch, no := api.PromoteChange{}, false
	if text, ok := arg(d, "keep"); ok {
		n, _ := strconv.Atoi(text)
		ch.Keep = &n
	}
	if text, ok := arg(d, "into"); ok {
		for _, name := range strings.Split(text, ",") {
			ch.Into = append(ch.Into, strings.TrimSpace(name))
		}
	}
	if d.HasArg("noscale") {
		ch.Scale = &no
	}
	if err := ch.Check(); err != nil {
		return err
	}
	p, err := BeginPromotion(w.promotion, d.CmdArgs[0].Key, 7, ch, w.g, w.shift, "ann", w.now)
	if err != nil {
		return err
	}
	if w.shift.Active() {
		s := EndShift(*w.shift, w.now)
		w.shift = &s
	}
	w.promotion = &p
	return nil
}
