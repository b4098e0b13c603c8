package gate

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

var (
	seed = flag.Uint64("gate.seed", 4, "of the simulations")
	runs = flag.Int("gate.runs", 60, "of each simulation")
)

// testBounds are as fine as the gateways' own: 16 to the octave.
var testBounds = func() (b []float64) {
	for octave := 128e-6; octave < 500; octave *= 2 {
		for i := range 16 {
			b = append(b, octave*(1+float64(i)/16))
		}
	}
	return b
}()

func ruleOf(t testing.TB, g api.Gate) api.GateRule {
	t.Helper()
	rules, problems := api.GateRules("gates", []api.Gate{g})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return rules[0]
}

// world makes the requests of one second on both sides.
type world struct {
	perSecond [2]float64 // new, old
	errors    func(side int, second int) float64
	latency   func(side int, r *rand.Rand) float64
}

func (w world) second(at int, r *rand.Rand, into *Window) {
	for side, c := range []*Counts{&into.New, &into.Old} {
		if c.Latency == nil && w.latency != nil {
			c.Latency = make([]uint64, len(testBounds)+1)
		}
		for range poisson(w.perSecond[side], r) {
			c.Requests++
			if w.errors != nil && r.Float64() < w.errors(side, at) {
				c.Errors++
			}
			if w.latency != nil {
				h := histogram{bounds: testBounds}
				c.Latency[h.atLeast(w.latency(side, r))]++
			}
		}
		c.ReplicaSeconds++
	}
	into.Bounds, into.Elapsed = testBounds, float64(at+1)
}

func poisson(mean float64, r *rand.Rand) (n int) {
	for left := r.ExpFloat64(); left < mean; left += r.ExpFloat64() {
		n++
	}
	return n
}

func constant(new, old float64) func(int, int) float64 {
	return func(side, _ int) float64 { return [2]float64{new, old}[side] }
}

func logNormal(newMedian, oldMedian, sigma float64) func(int, *rand.Rand) float64 {
	return func(side int, r *rand.Rand) float64 {
		return [2]float64{newMedian, oldMedian}[side] * math.Exp(sigma*r.NormFloat64())
	}
}

// bursts make errors of both sides come and go together, once a minute.
func bursts(_, second int) float64 {
	if second%60 < 10 {
		return 0.3
	}
	return 0.01
}

type simulation struct {
	name  string
	gate  api.Gate
	world world
	looks int
	// What is required: at most so many shares of runs fail, pass; at least so many do.
	mostFail, mostPass, leastFail, leastPass float64
}

func simulations() []simulation {
	errorRate := func(g api.Gate) api.Gate { g.Metric, g.Confidence = api.MetricErrorRate, 0.95; return g }
	p95 := func(g api.Gate) api.Gate { g.Metric, g.Confidence = api.MetricLatencyP95, 0.95; return g }
	rate := func(g api.Gate) api.Gate { g.Metric, g.Confidence = api.MetricRequests, 0.95; return g }
	plus1, plus5, twice := api.Gate{MaxDifference: "1%"}, api.Gate{MaxDifference: "5%"}, api.Gate{MaxRatio: "2"}
	load, even := [2]float64{5, 15}, [2]float64{10, 10}
	const a = 0.05
	return []simulation{
		{"errors: 2%+1% allowed, at the limit", errorRate(plus1), world{load, constant(.03, .02), nil}, 600, a, a, 0, 0},
		{"errors: equal 2%, +1% allowed", errorRate(plus1), world{load, constant(.02, .02), nil}, 3600, a, 1, 0, .9},
		{"errors: none, +5% allowed", errorRate(plus5), world{load, constant(0, 0), nil}, 120, a, 1, 0, 1},
		{"errors: 2% v 0%, +1% allowed", errorRate(plus1), world{load, constant(.02, 0), nil}, 1800, 1, a, .9, 0},
		{"errors: 20% v 1%, +1% allowed", errorRate(plus1), world{load, constant(.2, .01), nil}, 300, 1, a, .99, 0},
		{"errors: 5% v 2.5%, x2 allowed, at the limit", errorRate(twice), world{load, constant(.05, .025), nil}, 600, a, a, 0, 0},
		{"errors: bursts on both sides, +1% allowed", errorRate(plus1), world{load, bursts, nil}, 600, a, 1, 0, 0},
		{"errors: absolute 1%, at the limit", errorRate(api.Gate{Max: "1%"}), world{load, constant(.01, 0), nil}, 600, a, a, 0, 0},
		{"errors: absolute 1%, 5%", errorRate(api.Gate{Max: "1%"}), world{load, constant(.05, 0), nil}, 600, 1, a, .99, 0},
		{"p95: x1.2 allowed, at the limit", p95(api.Gate{MaxRatio: "1.2"}), world{even, nil, logNormal(.012, .01, .5)}, 600, a, a, 0, 0},
		{"p95: x1.2 allowed, equal", p95(api.Gate{MaxRatio: "1.2"}), world{even, nil, logNormal(.01, .01, .5)}, 1800, a, 1, 0, .9},
		{"p95: x1.2 allowed, x2", p95(api.Gate{MaxRatio: "1.2"}), world{even, nil, logNormal(.02, .01, .5)}, 600, 1, a, .99, 0},
		{"p95: 25 ms allowed, 50 ms", p95(api.Gate{Max: "25ms"}), world{even, nil, logNormal(.022, .01, .5)}, 600, 1, a, .99, 0},
		{"requests: x0.8 at least, at the limit", rate(api.Gate{MinRatio: "0.8"}), world{[2]float64{8, 10}, nil, nil}, 600, a, a, 0, 0},
		{"requests: x0.8 at least, equal", rate(api.Gate{MinRatio: "0.8"}), world{even, nil, nil}, 600, a, 1, 0, .99},
		{"requests: 5/s at least, at the limit", rate(api.Gate{Min: "5"}), world{[2]float64{5, 0}, nil, nil}, 600, a, a, 0, 0},
		{"requests: 5/s at least, 2/s", rate(api.Gate{Min: "5"}), world{[2]float64{2, 0}, nil, nil}, 300, 1, a, .99, 0},
	}
}

// TestSimulations looks at each gate every second, as a controller does, and
// counts runs in which it ever failed, ever passed, and when it first did
// either (0: no run did). Where a share is bounded by 1 - confidence, three standard errors of
// the number of runs are allowed on top.
func TestSimulations(t *testing.T) {
	t.Logf("seed %d, %d runs each, a look every second, confidence 95%%", *seed, *runs)
	t.Logf("%-46s %6s %7s %7s %9s %9s", "", "looks", "fail", "pass", "median s", "requests")
	for _, s := range simulations() {
		rule := ruleOf(t, s.gate)
		r := rand.New(rand.NewPCG(*seed, 1))
		var failed, passed int
		var first []float64
		var requests float64
		for range *runs {
			var w Window
			var fail, pass bool
			decided := 0.0
			for at := range s.looks {
				s.world.second(at, r, &w)
				res := Judge(rule, w)
				fail, pass = fail || res.Outcome == api.GateFail, pass || res.Outcome == api.GatePass
				if decided == 0 && (fail || pass) {
					decided = w.Elapsed
					requests += float64(w.New.Requests + w.Old.Requests)
				}
				if fail && pass || decided > 0 && s.mostFail == 1 && fail || decided > 0 && s.mostPass == 1 && pass {
					break
				}
			}
			failed, passed = failed+one(fail), passed+one(pass)
			if decided > 0 {
				first = append(first, decided)
			}
		}
		n := float64(*runs)
		shareFail, sharePass := float64(failed)/n, float64(passed)/n
		t.Logf("%-46s %6d %6.1f%% %6.1f%% %9.0f %9.0f", s.name, s.looks, 100*shareFail, 100*sharePass, median(first), requests/math.Max(1, float64(len(first))))
		slack := func(p float64) float64 { return p + 3*math.Sqrt(p*(1-p)/n) }
		if shareFail > slack(s.mostFail) || sharePass > slack(s.mostPass) || shareFail < s.leastFail || sharePass < s.leastPass {
			t.Errorf("%s: failed in %.3f of runs (allowed %.3f to %.3f), passed in %.3f (%.3f to %.3f)", s.name,
				shareFail, s.leastFail, s.mostFail, sharePass, s.leastPass, s.mostPass)
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// TestFixedTestsCannotBeLookedAt shows what this package is for: the usual
// two-proportion z-test, asked every second, finds differences that are not
// there in far more runs than it promises.
func TestFixedTestsCannotBeLookedAt(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 2))
	equal := world{[2]float64{5, 15}, constant(.02, .02), nil}
	alarms := 0
	for range *runs {
		var w Window
		for at := range 600 {
			equal.second(at, r, &w)
			a, b := float64(w.New.Requests), float64(w.Old.Requests)
			if a < 50 || b < 50 {
				continue
			}
			pooled := float64(w.New.Errors+w.Old.Errors) / (a + b)
			z := (float64(w.New.Errors)/a - float64(w.Old.Errors)/b) / math.Sqrt(pooled*(1-pooled)*(1/a+1/b))
			if z > 1.645 {
				alarms++
				break
			}
		}
	}
	share := float64(alarms) / float64(*runs)
	t.Logf("seed %d: a z-test at 5%%, looked at 600 times, alarms in %.1f%% of runs", *seed, 100*share)
	if share < 0.15 {
		t.Errorf("share of false alarms %.3f: the comparison in docs/gates.md says far more", share)
	}
}

func BenchmarkJudge(b *testing.B) {
	for _, g := range []api.Gate{{Metric: api.MetricErrorRate, MaxDifference: "1%"}, {Metric: api.MetricLatencyP95, MaxRatio: "1.2"}, {Metric: api.MetricRequests, MinRatio: "0.8"}} {
		b.Run(g.Metric, func(b *testing.B) {
			rule := ruleOf(b, g)
			r := rand.New(rand.NewPCG(*seed, 3))
			var w Window
			busy := world{[2]float64{50, 150}, constant(.02, .02), logNormal(.01, .01, .5)}
			for at := range int(time.Minute / time.Second) {
				busy.second(at, r, &w)
			}
			b.ReportAllocs()
			for b.Loop() {
				Judge(rule, w)
			}
		})
	}
}
