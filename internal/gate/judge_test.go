package gate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func counts(requests, errors uint64) Counts {
	return Counts{Requests: requests, Errors: errors, ReplicaSeconds: 60}
}

// at puts n answers into the bucket that seconds falls into.
func (c Counts) at(seconds float64, n uint64) Counts {
	if c.Latency == nil {
		c.Latency = make([]uint64, len(testBounds)+1)
	}
	c.Latency[histogram{bounds: testBounds}.atLeast(seconds)] += n
	c.Requests += n
	return c
}

func TestJudge(t *testing.T) {
	served := Counts{ReplicaSeconds: 60}
	slow, fast := served.at(.1, 900).at(1, 100), served.at(.1, 1000)
	tests := []struct {
		name     string
		gate     api.Gate
		new, old Counts
		want     api.GateOutcome
		says     string
	}{
		{"200 each without an error", api.Gate{Metric: "error_rate", MaxDifference: "5%"}, counts(200, 0), counts(200, 0), api.GatePass, "error_rate 0% in 200 requests, old replicas 0% in 200: within what is allowed (at most old + 5%), at a confidence of 99%"},
		{"the same against 1%", api.Gate{Metric: "error_rate", MaxDifference: "1%"}, counts(200, 0), counts(200, 0), api.GateUnsure, "not enough to tell"},
		{"2% of 200", api.Gate{Metric: "error_rate", MaxDifference: "1%"}, counts(200, 4), counts(200, 0), api.GateUnsure, "not enough to tell"},
		{"2% of 20,000", api.Gate{Metric: "error_rate", MaxDifference: "1%"}, counts(20_000, 400), counts(20_000, 0), api.GateFail, "outside what is allowed (at most old + 1%)"},
		{"all fail", api.Gate{Metric: "error_rate", Max: "1%"}, counts(50, 50), Counts{}, api.GateFail, "error_rate 100% in 50"},
		{"new gets too little", api.Gate{Metric: "error_rate", Max: "1%"}, counts(49, 49), Counts{}, api.GateNoData, "the new replicas answered 49 of the 50 requests that are needed"},
		{"old gets too little", api.Gate{Metric: "error_rate", MaxRatio: "2"}, counts(100, 0), counts(3, 0), api.GateNoData, "the old replicas answered 3 of the 50"},
		{"nothing at all", api.Gate{Metric: "latency_p95", MaxRatio: "2"}, Counts{}, Counts{}, api.GateNoData, "answered 0 of the 50"},
		{"a ratio of nothing shows nothing", api.Gate{Metric: "error_rate", MaxRatio: "2"}, counts(1000, 0), counts(1000, 0), api.GateUnsure, ""},
		{"the more generous passes", api.Gate{Metric: "error_rate", MaxRatio: "2", MaxDifference: "2%"}, counts(1000, 0), counts(1000, 0), api.GatePass, "at most 2 x old or at most old + 2%"},
		{"the more generous does not fail", api.Gate{Metric: "error_rate", MaxRatio: "2", MaxDifference: "10%"}, counts(10_000, 500), counts(10_000, 10), api.GatePass, ""},
		{"neither is kept", api.Gate{Metric: "error_rate", MaxRatio: "2", MaxDifference: "2%"}, counts(10_000, 500), counts(10_000, 10), api.GateFail, ""},
		{"a tenth is slow: p95", api.Gate{Metric: "latency_p95", MaxRatio: "1.5"}, slow, fast, api.GateFail, "latency_p95 1.015808s in 1000 requests"},
		{"a tenth is slow: p50", api.Gate{Metric: "latency_p50", MaxRatio: "1.5"}, slow, fast, api.GatePass, ""},
		{"p50 against a limit", api.Gate{Metric: "latency_p50", Max: "200ms"}, slow, Counts{}, api.GatePass, "at most 200ms"},
		{"p99 against a limit", api.Gate{Metric: "latency_p99", Max: "200ms"}, slow, Counts{}, api.GateFail, ""},
		{"difference of latency", api.Gate{Metric: "latency_p95", MaxDifference: "50ms"}, fast, fast, api.GatePass, "at most old + 50ms"},
		{"a limit within the bucket", api.Gate{Metric: "latency_p95", Max: "100ms"}, fast, Counts{}, api.GateUnsure, ""},
		{"slower than every bucket", api.Gate{Metric: "latency_p50", Max: "1s"}, served.at(1e4, 100), Counts{}, api.GateFail, ""},
		{"a third of the requests", api.Gate{Metric: "requests_per_second", MinRatio: "0.8"}, counts(200, 0), counts(600, 0), api.GateFail, "3.333/s in 200 requests, old replicas 10/s"},
		{"no request where 2/s are due", api.Gate{Metric: "requests_per_second", Min: "2"}, served, Counts{}, api.GateFail, ""},
		{"no replica", api.Gate{Metric: "requests_per_second", Min: "2"}, Counts{}, Counts{}, api.GateNoData, "no new replica served"},
		{"enough requests", api.Gate{Metric: "requests_per_second", Min: "2"}, counts(400, 0), Counts{}, api.GatePass, ""},
		{"too many requests", api.Gate{Metric: "requests_per_second", MaxRatio: "1.2"}, counts(1200, 0), counts(600, 0), api.GateFail, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res := Judge(ruleOf(t, test.gate), Window{New: test.new, Old: test.old, Bounds: testBounds, Elapsed: 60})
			if res.Outcome != test.want || !strings.Contains(res.Message, test.says) {
				t.Errorf("%s: %s\nwant %s: %s", res.Outcome, res.Message, test.want, test.says)
			}
			if _, err := json.Marshal(res); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestJudgeAtScale keeps its evidence finite and of the right sign for counts
// of years.
func TestJudgeAtScale(t *testing.T) {
	rule := ruleOf(t, api.Gate{Metric: "error_rate", MaxDifference: "0.1%"})
	for _, n := range []uint64{1e6, 1e9, 1e12} {
		good := Judge(rule, Window{New: counts(n, n/100), Old: counts(n, n/100)})
		bad := Judge(rule, Window{New: counts(n, n/50), Old: counts(n, n/100)})
		if good.Outcome != api.GatePass || bad.Outcome != api.GateFail || math.IsNaN(good.EvidenceFail) || good.EvidenceFail > 1 || bad.EvidencePass > 1 {
			t.Errorf("%g requests: equal %+v; twice the errors %+v", float64(n), good, bad)
		}
	}
}

// TestCoarserIsMoreCareful: with wide buckets no verdict appears that the fine
// ones do not give.
func TestCoarserIsMoreCareful(t *testing.T) {
	var coarse []float64
	for i := 0; i < len(testBounds); i += 16 {
		coarse = append(coarse, testBounds[i])
	}
	widen := func(c Counts) Counts {
		wide := make([]uint64, len(coarse)+1)
		for i, n := range c.Latency {
			wide[min((i+15)/16, len(coarse))] += n
		}
		c.Latency = wide
		return c
	}
	served := Counts{ReplicaSeconds: 1}
	for _, metric := range []string{"latency_p50", "latency_p95"} {
		for _, ratio := range []float64{0.5, 0.9, 1, 1.1, 1.5, 2, 4} {
			rule := ruleOf(t, api.Gate{Metric: metric, MaxRatio: "1.4"})
			w := Window{New: served.at(.1*ratio, 500).at(.2*ratio, 80), Old: served.at(.1, 500).at(.2, 80), Bounds: testBounds}
			fine := weigh(rule, w)
			w.New, w.Old, w.Bounds = widen(w.New), widen(w.Old), coarse
			wide := weigh(rule, w)
			if wide.broken > fine.broken+1e-9 || wide.kept > fine.kept+1e-9 {
				t.Errorf("%s x %g: coarse buckets find %+v, fine ones %+v", metric, ratio, wide, fine)
			}
		}
	}
}

func TestSince(t *testing.T) {
	before := counts(10, 1).at(.1, 5)
	after := before.Plus(counts(20, 3).at(.1, 7).at(2, 1))
	after.ReplicaSeconds = 90
	d, ok := after.Since(before)
	if !ok || d.Requests != 28 || d.Errors != 3 || d.ReplicaSeconds != 30 || samples("latency_p50", d) != 8 {
		t.Errorf("%+v, %v", d, ok)
	}
	if d, ok := before.Since(Counts{}); !ok || d.Requests != 15 {
		t.Errorf("since nothing: %+v, %v", d, ok)
	}
	if _, ok := before.Since(after); ok {
		t.Error("counters that went backwards make no window")
	}
	if d, _ := counts(11, 9).Since(counts(10, 1)); d.Errors != 1 {
		t.Errorf("%d errors of 1 request", d.Errors)
	}
}

func TestAct(t *testing.T) {
	tests := []struct {
		gate    api.Gate
		outcome api.GateOutcome
		elapsed time.Duration
		want    api.GateAction
	}{
		{api.Gate{}, api.GateFail, 0, api.GatePause},
		{api.Gate{OnFail: "rollback"}, api.GateFail, 0, api.GateRollback},
		{api.Gate{OnFail: "continue"}, api.GateFail, 0, api.GateContinue},
		{api.Gate{}, api.GatePass, 59 * time.Second, api.GateWait},
		{api.Gate{}, api.GatePass, time.Minute, api.GateContinue},
		{api.Gate{Window: "5s"}, api.GatePass, 5 * time.Second, api.GateContinue},
		{api.Gate{}, api.GateNoData, 10*time.Minute - 1, api.GateWait},
		{api.Gate{}, api.GateNoData, 10 * time.Minute, api.GatePause},
		{api.Gate{MaxWait: "2m"}, api.GateUnsure, 2 * time.Minute, api.GatePause},
		{api.Gate{Window: "8m"}, api.GateUnsure, 15 * time.Minute, api.GateWait},
		{api.Gate{OnUnsure: "continue"}, api.GateUnsure, 30 * time.Second, api.GateWait},
		{api.Gate{OnUnsure: "continue"}, api.GateUnsure, time.Minute, api.GateContinue},
		{api.Gate{OnNoData: "rollback"}, api.GateNoData, time.Minute, api.GateRollback},
	}
	for _, test := range tests {
		test.gate.Metric, test.gate.Max = "error_rate", "1%"
		v := Act(ruleOf(t, test.gate), api.GateResult{Outcome: test.outcome, Message: "m"}, test.elapsed)
		if v.Action != test.want || v.Would != test.want {
			t.Errorf("%+v, %s after %s: %+v, want %s", test.gate, test.outcome, test.elapsed, v, test.want)
		}
		test.gate.DryRun = true
		dry := Act(ruleOf(t, test.gate), api.GateResult{Outcome: test.outcome, Message: "m"}, test.elapsed)
		if dry.Action != api.GateContinue || dry.Would != test.want || !strings.Contains(dry.Reason, "dry run") {
			t.Errorf("dry run of %+v: %+v", test.gate, dry)
		}
	}
	v := func(a api.GateAction) Verdict { return Verdict{Action: a} }
	if got := Strictest([]Verdict{v("continue"), v("pause"), v("wait")}); got.Action != api.GatePause {
		t.Errorf("strictest: %+v", got)
	}
	if got := Strictest(nil); got.Action != api.GateContinue {
		t.Errorf("without gates: %+v", got)
	}
}

func TestMeasured(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	query := func(g api.Gate) api.Gate {
		g.Prometheus = &api.GatePrometheus{Address: "http://p", Query: "q"}
		if g.MaxRatio != "" || g.MinRatio != "" || g.MaxDifference != "" {
			g.Prometheus.OldQuery = "o"
		}
		return g
	}
	command := api.Gate{Command: &api.GateCommand{Command: "true"}}
	tests := []struct {
		gate api.Gate
		m    Measurement
		want api.GateOutcome
		says string
	}{
		{query(api.Gate{Max: "2"}), Measurement{New: number(2)}, api.GatePass, "2: within what is allowed (at most 2)"},
		{query(api.Gate{Max: "2"}), Measurement{New: number(2.1)}, api.GateFail, "2.1: outside"},
		{query(api.Gate{Min: "2"}), Measurement{New: number(1)}, api.GateFail, "at least 2"},
		{query(api.Gate{Max: "2"}), Measurement{New: number(math.NaN())}, api.GateNoData, "no number"},
		{query(api.Gate{Max: "2"}), Measurement{NoData: "it is down"}, api.GateNoData, "it is down"},
		{query(api.Gate{MaxRatio: "2"}), Measurement{New: number(4), Old: number(2)}, api.GatePass, "old 2"},
		{query(api.Gate{MaxRatio: "2"}), Measurement{New: number(5), Old: number(2)}, api.GateFail, ""},
		{query(api.Gate{MaxRatio: "2", MaxDifference: "3"}), Measurement{New: number(5), Old: number(2)}, api.GatePass, ""},
		{query(api.Gate{MinRatio: "0.5"}), Measurement{New: number(.9), Old: number(2)}, api.GateFail, ""},
		{query(api.Gate{MaxRatio: "2"}), Measurement{New: number(5)}, api.GateNoData, "old replicas"},
		{command, Measurement{}, api.GatePass, "passed"},
		{command, Measurement{Failed: "exit code 3", Output: "boom"}, api.GateFail, "exit code 3"},
	}
	for _, test := range tests {
		res := Measured(ruleOf(t, test.gate), test.m, 1)
		if res.Outcome != test.want || !strings.Contains(res.Message, test.says) || res.Output != test.m.Output {
			t.Errorf("%+v of %+v: %+v, want %s", test.m, test.gate, res, test.want)
		}
		if _, err := json.Marshal(res); err != nil {
			t.Error(err)
		}
	}
}
