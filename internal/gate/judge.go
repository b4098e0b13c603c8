package gate

import (
	"fmt"
	"math"

	"sluice.dev/sluice/api"
)

// mostEvidence is where shown evidence ends; more says nothing to anybody.
const mostEvidence = 1e12

// Judge says what the numbers of a window mean for a rule about a metric. It may
// be asked as often as is liked: see the package's comment. The rule is one that
// api.GateRules accepted; one about prometheus, http or a command is judged by
// Measured instead.
func Judge(r api.GateRule, w Window) api.GateResult {
	res := api.GateResult{Gate: r.Name, Limit: limitText(r), Confidence: r.Confidence, Elapsed: w.Elapsed,
		New: side(r.Metric, w.New, w.Bounds)}
	if r.Relative() {
		res.Old = side(r.Metric, w.Old, w.Bounds)
	}
	if missing := tooFew(r, w); missing != "" {
		res.Outcome, res.Message = api.GateNoData, missing
		return res
	}
	e := weigh(r, w)
	res.EvidenceFail, res.EvidencePass = wealth(e.broken), wealth(e.kept)
	need := -math.Log1p(-r.Confidence)
	switch {
	case e.broken >= need:
		res.Outcome = api.GateFail
	case e.kept >= need:
		res.Outcome = api.GatePass
	default:
		res.Outcome = api.GateUnsure
	}
	res.Message = sentence(r, res)
	return res
}

func weigh(r api.GateRule, w Window) evidence {
	switch {
	case r.Metric == api.MetricErrorRate:
		return errorEvidence(r, w)
	case quantileOf(r.Metric) > 0:
		return latencyEvidence(r, w)
	}
	return rateEvidence(r, w)
}

func wealth(log float64) float64 { return math.Min(math.Exp(log), mostEvidence) }

// samples is how many observations a metric has on one side.
func samples(metric string, c Counts) uint64 {
	if quantileOf(metric) == 0 {
		return c.Requests
	}
	var n uint64
	for _, k := range c.Latency {
		n += k
	}
	return n
}

// tooFew says what is missing for a judgement, or nothing. That new replicas get
// few requests is itself what requests_per_second is about.
func tooFew(r api.GateRule, w Window) string {
	type part struct {
		name  string
		count Counts
	}
	parts := []part{{"new", w.New}}
	if r.Relative() {
		parts = append(parts, part{"old", w.Old})
	}
	for _, p := range parts {
		if r.Metric == api.MetricRequests {
			if p.count.ReplicaSeconds <= 0 {
				return fmt.Sprintf("no %s replica served in the window", p.name)
			}
			if p.name == "new" {
				continue
			}
		}
		if n := samples(r.Metric, p.count); n < r.MinSamples {
			return fmt.Sprintf("the %s replicas answered %d of the %d requests that are needed to judge %s", p.name, n, r.MinSamples, r.Metric)
		}
	}
	return ""
}

func side(metric string, c Counts, bounds []float64) *api.GateSide {
	s := &api.GateSide{Requests: c.Requests, Errors: c.Errors, Canceled: c.Canceled}
	switch q := quantileOf(metric); {
	case q > 0:
		if samples(metric, c) > 0 && len(bounds) > 0 {
			s.Value = newHistogram(bounds, c.Latency).quantile(q)
		}
	case metric == api.MetricErrorRate:
		s.Value = ratio(float64(c.Errors), float64(c.Requests))
	case c.ReplicaSeconds > 0:
		s.Value = float64(c.Requests) / c.ReplicaSeconds
	}
	return s
}
