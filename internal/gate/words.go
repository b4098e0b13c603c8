package gate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// show writes a value of a metric for a person: 1.25%, 12ms, 3.4/s.
func show(metric string, v float64) string {
	switch {
	case metric == api.MetricErrorRate:
		return significant(100*v) + "%"
	case quantileOf(metric) > 0:
		return time.Duration(math.Round(v * 1e9)).Round(time.Microsecond).String()
	case metric == api.MetricRequests:
		return significant(v) + "/s"
	}
	return significant(v)
}

// significant writes at most four digits that count: 0.01235, 12.35, 12346.
func significant(v float64) string {
	if a := math.Abs(v); a >= 1000 && a < 1e15 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// limitText says in words what a rule allows.
func limitText(r api.GateRule) string {
	var parts []string
	add := func(format string, v *float64, metric string) {
		if v != nil {
			parts = append(parts, fmt.Sprintf(format, show(metric, *v)))
		}
	}
	add("at most %s", r.Max, r.Metric)
	add("at least %s", r.Min, r.Metric)
	add("at most %s x old", r.MaxRatio, "")
	add("at least %s x old", r.MinRatio, "")
	add("at most old + %s", r.MaxDifference, r.Metric)
	return strings.Join(parts, " or ")
}

// sentence says what was measured, what is allowed, and what that shows.
func sentence(r api.GateRule, res api.GateResult) string {
	name := r.Metric
	measured := fmt.Sprintf("%s %s in %d requests", name, show(r.Metric, res.New.Value), res.New.Requests)
	if r.Relative() {
		measured += fmt.Sprintf(", old replicas %s in %d", show(r.Metric, res.Old.Value), res.Old.Requests)
	}
	sure := significant(100*r.Confidence) + "%"
	switch res.Outcome {
	case api.GateFail:
		return fmt.Sprintf("%s: outside what is allowed (%s), at a confidence of %s", measured, res.Limit, sure)
	case api.GatePass:
		return fmt.Sprintf("%s: within what is allowed (%s), at a confidence of %s", measured, res.Limit, sure)
	}
	need := 1 / (1 - r.Confidence)
	return fmt.Sprintf("%s: not enough to tell whether it is within what is allowed (%s): evidence for %s and against %s of the %s that a confidence of %s needs",
		measured, res.Limit, significant(res.EvidencePass), significant(res.EvidenceFail), significant(need), sure)
}
