package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
)

// TestMeasured has two gateways count the requests of two versions, one of
// which is slow and fails a tenth, and asks gates about what was counted since.
func TestMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1, Known: []store.Gateway{{ID: "g1", Pid: 1}, {ID: "g2", Pid: 1}}})
		defer h.Close()
		fast, slow := uint64(wire.Bucket(10*time.Millisecond)), uint64(wire.Bucket(30*time.Millisecond))
		say := func(g *fake, n uint64) {
			g.report(wire.Report{All: true, Tallies: []wire.Tally{
				{Service: "a", Version: 1, Class: [6]uint64{2: n}, Latency: [][2]uint64{{fast, n}}},
				{Service: "a", Version: 2, Class: [6]uint64{2: n - n/10, 5: n / 20}, Lost: n/10 - n/20, Canceled: 3, Latency: [][2]uint64{{slow, n}}},
				{Service: "a", Version: 0, Class: [6]uint64{5: 99}},
				{Service: "b", Version: 1, Class: [6]uint64{5: n}},
			}})
		}
		g1, g2 := dial(t, h, "g1", 1), dial(t, h, "g2", 1)
		say(g1, 1000)
		say(g2, 1000)
		before, _ := h.Measured("a")
		if len(before) != 2 {
			t.Fatalf("versions %v, want 1 and 2", before)
		}
		say(g1, 1400)
		g2.say(wire.Up{Bye: true})
		say(dial(t, h, "g2", 2), 600) // counts from nothing again
		after, bounds := h.Measured("a")
		var w gate.Window
		for version, into := range map[int]*gate.Counts{1: &w.Old, 2: &w.New} {
			counts, ok := after[version].Since(before[version])
			if !ok {
				t.Fatalf("version %d went backwards: %+v after %+v", version, after[version], before[version])
			}
			*into = counts
		}
		w.Bounds = bounds
		if w.New.Requests != 1000 || w.New.Errors != 100 || w.New.Canceled != 3 || w.Old.Requests != 1000 || w.Old.Errors != 0 {
			t.Errorf("counted %+v", w)
		}
		for g, want := range map[api.Gate]api.GateOutcome{
			{Metric: "error_rate", MaxDifference: "1%"}:         api.GateFail,
			{Metric: "error_rate", MaxDifference: "20%"}:        api.GatePass,
			{Metric: "latency_p95", MaxRatio: "2"}:              api.GateFail,
			{Metric: "latency_p95", MaxRatio: "4"}:              api.GatePass,
			{Metric: "latency_p50", MaxDifference: "30ms"}:      api.GatePass,
			{Metric: "latency_p99", Max: "25ms"}:                api.GateFail,
			{Metric: "error_rate", Max: "1%", MinSamples: 1001}: api.GateNoData,
		} {
			rules, problems := api.GateRules("gates", []api.Gate{g})
			if res := gate.Judge(rules[0], w); len(problems) > 0 || res.Outcome != want {
				t.Errorf("%s: %s, want %s; %v", fmt.Sprint(g.Metric, g.Max, g.MaxDifference, g.MaxRatio), res.Message, want, problems)
			}
		}
	})
}
