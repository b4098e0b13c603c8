package api

// The window of a series, in minutes: up to SeriesFine of them it is in steps of
// SeriesFineStep seconds, beyond that in steps of SeriesCoarseStep.
const (
	SeriesFine       = 60
	SeriesMost       = 24 * 60
	SeriesFineStep   = 10
	SeriesCoarseStep = 60
)

// Series is what gateways measured of a service over the last minutes, by version,
// and what was done meanwhile.
//
// A time at which nothing was measured has no point: the server was down, or the
// service had neither a ready replica nor a request. Nothing is made up for it.
type Series struct {
	Service     string        `json:"service"`
	StepSeconds int           `json:"step_seconds" doc:"how long each point is of: 10 up to 60 minutes, 60 beyond"`
	From        Time          `json:"from" doc:"the start of the first step"`
	To          Time          `json:"to" doc:"the end of the last step"`
	Points      []SeriesPoint `json:"points" nullable:"false" doc:"ascending; a step without one was not measured, or had neither a ready replica nor a request"`
	Marks       []SeriesMark  `json:"marks" nullable:"false" doc:"what was done to the service's rollouts in the window, ascending"`
}

// SeriesPoint is one step.
type SeriesPoint struct {
	At       Time            `json:"at" doc:"the start of the step"`
	Versions []SeriesVersion `json:"versions" nullable:"false" doc:"those with a ready replica or a request, ascending"`
}

// SeriesVersion is one version in one step. A latency is the upper bound of the
// bucket that the quantile falls into.
type SeriesVersion struct {
	Version  int      `json:"version"`
	Requests float64  `json:"requests_per_second" doc:"answered, or lost by a replica"`
	Errors   float64  `json:"errors_per_second" doc:"of them: answered with 5xx, lost, or cut"`
	P50      *float64 `json:"p50" doc:"seconds until the header of the answer; null when nothing was answered"`
	P95      *float64 `json:"p95"`
	P99      *float64 `json:"p99"`
	Ready    int      `json:"ready" doc:"ready replicas at the end of the step"`
}

// SeriesMark is one action on a rollout, to be drawn into a chart.
type SeriesMark struct {
	At      Time   `json:"at"`
	Kind    string `json:"kind" doc:"one CamelCase word, the action of the rollout's history: Updated, BatchBegan, RolloutPaused, RolloutCompleted..."`
	Text    string `json:"text" doc:"what it was, for a person"`
	Actor   string `json:"actor" doc:"who asked for it; empty when Sluice decided it"`
	Rollout string `json:"rollout" doc:"the rollout's id"`
}
