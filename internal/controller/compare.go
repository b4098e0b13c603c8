package controller

import (
	"context"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/gate"
)

const (
	sampleEvery = 10 * time.Second
	samplesKept = 31 // five minutes
	// measuredOver is what a member's measured share is of.
	measuredOver = time.Minute
)

// sample is what the gateways had counted of a group's members at one moment.
type sample struct {
	at     time.Time
	given  map[string]uint64      // requests of the group's address
	counts map[string]gate.Counts // of the service as a whole, all versions
}

// sample reads the gateways' counts.
func (g *group) sample() sample {
	now := sample{at: g.c.now(), given: g.c.cfg.Gateways.Given(g.name), counts: map[string]gate.Counts{}}
	for name := range g.record.Members {
		byVersion, _ := g.c.cfg.Gateways.Measured(name)
		sum := gate.Counts{}
		for _, counts := range byVersion {
			sum = sum.Plus(counts)
		}
		now.counts[name] = sum
	}
	return now
}

// keepSampling has the group's counts remembered every ten seconds, for windows
// that end now. For who holds mu.
func (g *group) keepSampling() {
	if g.sampling || g.gone {
		return
	}
	g.sampling = true
	g.c.schedule.After(sampleEvery, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.sampling = false
		if g.gone || g.c.ctx.Err() != nil {
			return
		}
		g.samples = append(g.samples, g.sample())
		if extra := len(g.samples) - samplesKept; extra > 0 {
			g.samples = append([]sample{}, g.samples[extra:]...)
		}
		g.keepSampling()
	})
}

// since is the sample that is nearest to a window of this length, nil when there
// is none.
func (g *group) since(now, window time.Time) *sample {
	var best *sample
	for i := range g.samples {
		s := &g.samples[i]
		if best == nil || s.at.Sub(window).Abs() < best.at.Sub(window).Abs() {
			best = s
		}
	}
	if best == nil || !best.at.Before(now) {
		return nil
	}
	return best
}

// measured are the parts of the group's requests that its members got since a
// sample; nil when there were none.
func measured(before *sample, now sample) map[string]float64 {
	if before == nil {
		return nil
	}
	total, got := uint64(0), map[string]uint64{}
	for name, n := range now.given {
		if was := before.given[name]; n > was {
			got[name] = n - was
			total += n - was
		}
	}
	if total == 0 {
		return nil
	}
	parts := map[string]float64{}
	for name := range now.counts {
		parts[name] = float64(got[name]) / float64(total)
	}
	return parts
}

// CompareTraffic sets a group's members side by side over a window that ends
// now, of at most five minutes.
func (c *Controller) CompareTraffic(_ context.Context, name string, window time.Duration) (api.Comparison, error) {
	g, err := c.findGroup(name)
	if err != nil {
		return api.Comparison{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.sample()
	before := g.since(now.at, now.at.Add(-window))
	if before == nil {
		before = &sample{at: now.at, given: now.given, counts: now.counts}
	}
	return g.compare(before, now), nil
}

func (g *group) compare(before *sample, now sample) api.Comparison {
	seconds := now.at.Sub(before.at).Seconds()
	members := g.members()
	shares := canary.Shares(g.record.Mode, members)
	parts := measured(before, now)
	out := api.Comparison{Group: g.name, Seconds: seconds, Members: []api.ComparisonMember{}}
	counts := map[string]gate.Counts{}
	most := 0.0
	for i, m := range members {
		counts[m.Service] = g.counted(before, now, m.Service)
		if shares[i] > most {
			most, out.Reference = shares[i], m.Service
		}
	}
	_, bounds := g.c.cfg.Gateways.Measured(g.name)
	for i, m := range members {
		w := gate.Window{New: counts[m.Service], Old: counts[out.Reference], Bounds: bounds, Elapsed: seconds}
		v := numbers(w)
		v.Service, v.Share = m.Service, shares[i]
		if part, ok := parts[m.Service]; ok {
			v.Measured = &part
		}
		if m.Service != out.Reference && out.Reference != "" {
			v.Results = judged(w)
		}
		out.Members = append(out.Members, v)
	}
	return out
}

// counted is what a member was counted since a sample; from nothing when it was
// no member then or the counters began anew.
func (g *group) counted(before *sample, now sample, service string) gate.Counts {
	if d, ok := now.counts[service].Since(before.counts[service]); ok {
		return d
	}
	return gate.Counts{}
}

// numbers are a window's new side, as the gates' metrics show it.
func numbers(w gate.Window) api.ComparisonMember {
	value := func(metric string) float64 {
		limit := 1.0
		return gate.Judge(api.GateRule{Metric: metric, Max: &limit, Confidence: 0.99}, w).New.Value
	}
	v := api.ComparisonMember{
		Requests: w.New.Requests, Errors: w.New.Errors, Results: []api.GateResult{},
		P50: value(api.MetricLatencyP50), P95: value(api.MetricLatencyP95), P99: value(api.MetricLatencyP99),
	}
	if w.Elapsed > 0 {
		v.Rate = float64(w.New.Requests) / w.Elapsed
	}
	return v
}

func judged(w gate.Window) []api.GateResult {
	results := []api.GateResult{}
	rules, _ := api.GateRules("gates", api.ComparisonGates())
	for _, r := range rules {
		results = append(results, gate.Judge(r, w))
	}
	return results
}
