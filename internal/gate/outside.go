package gate

import (
	"fmt"
	"math"

	"sluice.dev/sluice/api"
)

// Measurement is what a probe found outside. A probe that could not measure says
// why in NoData; one that judges by itself, as a command does, says Failed or
// neither.
type Measurement struct {
	NoData string   // why nothing was measured
	Failed string   // why it did not pass
	New    *float64 // a number to hold against the limits
	Old    *float64 // what relative limits compare it with
	Output string   // the end of what was said
}

// Measured judges what a probe found. One number is one number: there are no
// samples to weigh, so it passes or fails as it stands, and whoever wants a
// steadier one averages in the query.
func Measured(r api.GateRule, m Measurement, elapsed float64) api.GateResult {
	res := api.GateResult{Gate: r.Name, Limit: limitText(r), Elapsed: elapsed, Output: m.Output}
	if m.New != nil && !bad(*m.New) {
		res.New = &api.GateSide{Value: *m.New}
	}
	if m.Old != nil && !bad(*m.Old) {
		res.Old = &api.GateSide{Value: *m.Old}
	}
	res.Outcome, res.Message = outsideOutcome(r, m)
	if res.Outcome == api.GatePass && m.New != nil {
		res.Message = within(r, m, "within")
	}
	return res
}

func outsideOutcome(r api.GateRule, m Measurement) (api.GateOutcome, string) {
	limited := hasLimit(r)
	switch {
	case m.NoData != "":
		return api.GateNoData, m.NoData
	case m.Failed != "":
		return api.GateFail, m.Failed
	case !limited:
		return api.GatePass, "it passed"
	case m.New == nil || bad(*m.New):
		return api.GateNoData, "it gave no number"
	case r.Relative() && (m.Old == nil || bad(*m.Old)):
		return api.GateNoData, "there is no number of the old replicas to compare with"
	}
	if !kept(r, *m.New, m.Old) {
		return api.GateFail, within(r, m, "outside")
	}
	return api.GatePass, ""
}

func hasLimit(r api.GateRule) bool { return r.Max != nil || r.Min != nil || r.Relative() }

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func kept(r api.GateRule, new float64, old *float64) bool {
	switch {
	case r.Max != nil:
		return new <= *r.Max
	case r.Min != nil:
		return new >= *r.Min
	case r.MinRatio != nil:
		return new >= *r.MinRatio**old
	}
	return r.MaxRatio != nil && new <= *r.MaxRatio**old || r.MaxDifference != nil && new <= *old+*r.MaxDifference
}

func within(r api.GateRule, m Measurement, where string) string {
	measured := significant(*m.New)
	if m.Old != nil {
		measured += ", old " + significant(*m.Old)
	}
	return fmt.Sprintf("%s: %s what is allowed (%s)", measured, where, limitText(r))
}
