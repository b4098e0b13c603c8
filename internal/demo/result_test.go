package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

func someResult() *Result {
	return &Result{
		minReady: 1,
		Gated: &GatedResult{
			Version: 4, Replicas: 1, Seconds: 6.04, Sent: 1600, Answered: 100, Errors: 21, StreamErrors: 3, Images: 599, FailsImages: 119,
			Verdict: api.GateResult{
				Gate: "error_rate", Outcome: api.GateFail, Limit: "at most old + 1%", Elapsed: 2.04,
				New: &api.GateSide{Requests: 62, Errors: 11, Value: 11. / 62}, Old: &api.GateSide{Requests: 1180, Errors: 1, Value: 1. / 1180},
			},
		},
		Problems: []string{},
		Phases: []PhaseResult{
			{Name: "before", Seconds: 5, Sent: 1001, P50: 0.84, P99: 1.5, Accuracy: 0.826, Answers: map[int]int{1: 1001}, Streams: StreamResult{Opened: 4, Whole: 4}},
			{Name: "update to version 2", Seconds: 4.12, Sent: 11344, P50: 1, P99: 12.25, Accuracy: 0.9, Answers: map[int]int{1: 11000, 2: 344}, Streams: StreamResult{Opened: 8, Whole: 8}},
			{Name: "try of version 4", Seconds: 8, Sent: 1600, P50: 1, P99: 2, Accuracy: 0.97, Answers: map[int]int{2: 1500, 4: 79}, Errors: map[int]int{4: 21}, Streams: StreamResult{Opened: 4, Whole: 4, Errors: 3}},
			{Name: "end", Answers: map[int]int{}},
		},
		Rollouts: []RolloutResult{
			{Kind: api.KindCreate, ToVersion: 1, Phase: api.RolloutCompleted, Seconds: 1.05, Rounds: 1, StartSeconds: 1.03, ShortestSeconds: 1.03, Ratio: 1.019, MostLive: 4},
			{Kind: api.KindUpdate, FromVersion: 1, ToVersion: 2, Phase: api.RolloutCompleted, Seconds: 4.12, Rounds: 4, StartSeconds: 1.025, ShortestSeconds: 4.1, Ratio: 1.0049, FewestReady: 4, MostLive: 5},
			{Kind: api.KindUpdate, FromVersion: 2, ToVersion: 4, Phase: api.RolloutRolledBack, Seconds: 6.04, FewestReady: 4, MostLive: 5},
			{Kind: api.KindRollback, FromVersion: 3, ToVersion: 2, Phase: api.RolloutCompleted, Seconds: 0.004, FewestReady: 4, MostLive: 4},
		},
	}
}

func TestTableEndsWithTheVerdict(t *testing.T) {
	r := someResult()
	r.conclude()
	var b strings.Builder
	if err := r.print(options{out: &b, format: table}); err != nil {
		t.Errorf("nothing was lost: %v", err)
	}
	if !strings.HasSuffix(b.String(), "\n0 of 13,945 requests lost, 0 cut; 16 streams opened, 16 whole, 0 cut\n") {
		t.Errorf("the verdict is not the last line:\n%s", b.String())
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	recorded(t, "table.txt", b.String())
}

func TestOneLostOrCutRequestIsAnError(t *testing.T) {
	for name, spoil := range map[string]func(*PhaseResult){
		"lost":             func(p *PhaseResult) { p.Lost, p.Faults = 1, []string{"request 9: EOF"} },
		"a stream cut":     func(p *PhaseResult) { p.Streams.Whole, p.Streams.Cut, p.Faults = 7, 1, []string{"request 9: EOF"} },
		"a stream neither": func(p *PhaseResult) { p.Streams.Whole, p.Faults = 7, []string{"request 9: EOF"} },
		"cut":              func(p *PhaseResult) { p.Cut, p.Faults = 1, []string{"request 9: EOF"} },
	} {
		r := someResult()
		spoil(&r.Phases[1])
		r.conclude()
		var b strings.Builder
		if err := r.print(options{out: &b, format: table}); err == nil || r.OK {
			t.Errorf("%s: no error", name)
		}
		if !strings.Contains(b.String(), "update to version 2: request 9: EOF\n") {
			t.Errorf("%s: the fault is not shown:\n%s", name, b.String())
		}
	}
}

func TestAnswersOfAVersionThatMustNotAnswerAreAnError(t *testing.T) {
	r := someResult()
	r.expectVersions(r.Phases[1], []int{1, 2})
	if len(r.Problems) != 0 {
		t.Errorf("both versions may answer: %v", r.Problems)
	}
	r.expectVersions(r.Phases[1], []int{2})
	r.conclude()
	if r.OK || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "11,000 of version 1") {
		t.Errorf("%v", r.Problems)
	}
}

// Errors of the faulty version are what its phase is for; any other version's, or
// any in another phase, are not.
func TestErrorsThatMustNotBeAreAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*PhaseResult)
		want  string
	}{
		"none to find fault with": {func(*PhaseResult) {}, ""},
		"the old version":         {func(p *PhaseResult) { p.Errors[2] = 3 }, "3 errors of version 2"},
		"the old one's streams":   {func(p *PhaseResult) { p.streamErrors = []int{2} }, "errors of version 2 in streams"},
	} {
		r := someResult()
		p := r.Phases[2]
		tt.spoil(&p)
		r.expectVersions(p, []int{2, 4})
		if said := strings.Join(r.Problems, ""); !strings.Contains(said, tt.want) || (tt.want == "") != (said == "") {
			t.Errorf("%s: %q", name, said)
		}
		r.expectVersions(p, []int{2})
		if said := strings.Join(r.Problems, ""); !strings.Contains(said, "21 errors of version 4") {
			t.Errorf("%s, in another phase: %q", name, said)
		}
	}
}

func TestJSONHasNoNullLists(t *testing.T) {
	r := someResult()
	r.Phases, r.Rollouts = []PhaseResult{}, []RolloutResult{}
	r.conclude()
	var b bytes.Buffer
	if err := r.print(options{out: &b, format: asJSON}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["ok"] != true || got["verdict"] != "0 of 0 requests lost, 0 cut" {
		t.Errorf("%v", got)
	}
	for _, list := range []string{"problems", "phases", "rollouts"} {
		if _, ok := got[list].([]any); !ok {
			t.Errorf("%s is %v", list, got[list])
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 12: "12", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}
