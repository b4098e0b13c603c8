package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// Gate is a check of measured numbers that a batch must pass before the next
// one begins. It names what it measures with exactly one of metric (the
// gateway's own numbers), prometheus, http and command, and what is allowed with
// a limit. docs/gates.md is the guide. A field that is absent has its default.
type Gate struct {
	Name string `json:"name,omitempty" doc:"unique within the plan; default: the metric, or prometheus, http, command"`

	Metric     string          `json:"metric,omitempty" doc:"error_rate, latency_p50, latency_p95, latency_p99 or requests_per_second, new replicas against old ones, counted by the gateways"`
	Prometheus *GatePrometheus `json:"prometheus,omitempty"`
	HTTP       *GateHTTP       `json:"http,omitempty"`
	Command    *GateCommand    `json:"command,omitempty"`

	Max           GateLimit `json:"max,omitempty" doc:"the new replicas' value is at most this: a share (\"1%\" or 0.01) for error_rate, a duration for latency, a number otherwise"`
	Min           GateLimit `json:"min,omitempty" doc:"the value is at least this: requests_per_second, prometheus, http"`
	MaxRatio      GateLimit `json:"max_ratio,omitempty" doc:"new divided by old is at most this"`
	MinRatio      GateLimit `json:"min_ratio,omitempty" doc:"new divided by old is at least this"`
	MaxDifference GateLimit `json:"max_difference,omitempty" doc:"new minus old is at most this; together with max_ratio the more generous of the two counts"`

	MinSamples int     `json:"min_samples,omitempty" doc:"requests on each side below which the outcome is no_data; default 50"`
	Window     string  `json:"window,omitempty" doc:"how long is measured at least before the gate may be passed; a failure ends it at once; default 1m"`
	Confidence float64 `json:"confidence,omitempty" doc:"how sure pass and fail are, however often is looked; default 0.99"`

	OnPass   GateAction `json:"on_pass,omitempty" enum:"continue"`
	OnFail   GateAction `json:"on_fail,omitempty" enum:"pause,rollback,continue" doc:"default pause"`
	OnNoData GateAction `json:"on_no_data,omitempty" enum:"wait,pause,rollback,continue" doc:"default wait"`
	OnUnsure GateAction `json:"on_unsure,omitempty" enum:"wait,pause,rollback,continue" doc:"default wait"`
	MaxWait  string     `json:"max_wait,omitempty" doc:"how long is waited at most, counted from the begin of the gate; then it pauses; default 10m, or twice the window if that is longer"`
	DryRun   bool       `json:"dry_run,omitempty" doc:"report, and hold nothing back"`
}

// GatePrometheus is an instant query. In both queries {{service}},
// {{new_version}} and {{old_version}} are replaced.
type GatePrometheus struct {
	Address  string `json:"address" doc:"of a Prometheus server: http://127.0.0.1:9090"`
	Query    string `json:"query" doc:"PromQL with one number as its result"`
	OldQuery string `json:"old_query,omitempty" doc:"what max_ratio, min_ratio and max_difference compare with"`
}

// GateHTTP is a GET whose answer must be as said. The same words as in
// GatePrometheus are replaced in its URL.
type GateHTTP struct {
	URL     string `json:"url"`
	Status  int    `json:"status,omitempty" doc:"the one status that passes; default: any from 200 to 299"`
	Field   string `json:"field,omitempty" doc:"a value in a JSON answer: data.accuracy, results.0.score; for max and min a number"`
	Match   string `json:"match,omitempty" doc:"regular expression that the field, or without one the body, must match"`
	Timeout string `json:"timeout,omitempty" doc:"default 10s"`
}

// GateCommand passes when it exits 0. It is split into words as a service's
// command is, runs without a shell in a process group of its own, and has
// $SLUICE_SERVICE, $SLUICE_NEW_VERSION and $SLUICE_OLD_VERSION.
type GateCommand struct {
	Command string `json:"command"`
	Timeout string `json:"timeout,omitempty" doc:"then its group is killed and the outcome is fail; default 30s"`
}

// The gateway's own metrics.
const (
	MetricErrorRate  = "error_rate"
	MetricLatencyP50 = "latency_p50"
	MetricLatencyP95 = "latency_p95"
	MetricLatencyP99 = "latency_p99"
	MetricRequests   = "requests_per_second"
)

// GateMetrics are the metrics a gate can name.
var GateMetrics = []string{MetricErrorRate, MetricLatencyP50, MetricLatencyP95, MetricLatencyP99, MetricRequests}

// GateLimit is a limit as it was written; JSON may give it as a number too.
type GateLimit string

// UnmarshalJSON takes "1%", "250ms", "1.5" and 1.5.
func (l *GateLimit) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*l = GateLimit(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return fmt.Errorf("%s is not a limit: a number or text is allowed, as 1.5, \"1%%\" or \"250ms\"", shorten(string(data)))
	}
	*l = GateLimit(number)
	return nil
}

// GateAction is what an outcome leads to.
type GateAction string

const (
	GateContinue GateAction = "continue"
	GateWait     GateAction = "wait"
	GatePause    GateAction = "pause"
	GateRollback GateAction = "rollback"
)

// GateOutcome is what a gate makes of its numbers.
type GateOutcome string

const (
	GatePass   GateOutcome = "pass"
	GateFail   GateOutcome = "fail"
	GateNoData GateOutcome = "no_data" // too little was measured to say anything
	GateUnsure GateOutcome = "unsure"  // enough was measured to judge, but it shows neither
)

// GateRule is a Gate with its texts read and its defaults filled in. Shares are
// fractions, latencies seconds. A limit that is not set is nil.
type GateRule struct {
	Name          string
	Metric        string
	Prometheus    *GatePrometheus
	HTTP          *GateHTTP
	Command       *GateCommand
	Timeout       time.Duration // of http and command; 10 s for prometheus
	Max           *float64
	Min           *float64
	MaxRatio      *float64
	MinRatio      *float64
	MaxDifference *float64
	MinSamples    uint64
	Window        time.Duration
	Confidence    float64
	OnFail        GateAction
	OnNoData      GateAction
	OnUnsure      GateAction
	MaxWait       time.Duration
	DryRun        bool
}

// Relative tells whether the rule compares new with old.
func (r GateRule) Relative() bool {
	return r.MaxRatio != nil || r.MinRatio != nil || r.MaxDifference != nil
}

// GateResult is one judgement of a gate with the numbers it was made on, as a
// rollout records it.
type GateResult struct {
	Gate    string      `json:"gate" doc:"its name"`
	Outcome GateOutcome `json:"outcome" enum:"pass,fail,no_data,unsure"`
	Message string      `json:"message" doc:"one sentence that says why"`
	Limit   string      `json:"limit,omitempty" doc:"what was allowed, in words"`
	New     *GateSide   `json:"new,omitempty"`
	Old     *GateSide   `json:"old,omitempty"`
	// Evidence against the limit being kept, and against its being broken, is
	// what a bettor who starts with 1 would own; fail and pass need
	// 1/(1-confidence). It is capped at 1e12.
	EvidenceFail float64 `json:"evidence_fail,omitempty" doc:"that the new replicas break the limit; needed: 1/(1-confidence)"`
	EvidencePass float64 `json:"evidence_pass,omitempty" doc:"that they keep it; needed: 1/(1-confidence)"`
	Confidence   float64 `json:"confidence,omitempty"`
	Elapsed      float64 `json:"elapsed_seconds,omitempty" doc:"length of the window measured"`
	Output       string  `json:"output,omitempty" doc:"the end of what a command or an HTTP answer said"`
}

// GateSide are the numbers of the new or of the old replicas in a window.
type GateSide struct {
	Requests uint64  `json:"requests,omitempty" doc:"answered or lost"`
	Errors   uint64  `json:"errors,omitempty" doc:"answers with 5xx, lost and cut"`
	Canceled uint64  `json:"canceled,omitempty" doc:"the caller went away first; part of no metric"`
	Value    float64 `json:"value" doc:"of the metric: a fraction, seconds, or a number"`
}

// GateRecord is what the gates of a plan made of one batch.
type GateRecord struct {
	Target  int          `json:"target" doc:"of the batch: how many replicas run the new version"`
	At      Time         `json:"at" doc:"when it was judged last"`
	Action  GateAction   `json:"action" enum:"continue,wait,pause,rollback" doc:"what follows: of several gates the strictest word counts"`
	Reason  string       `json:"reason" doc:"one sentence"`
	Results []GateResult `json:"results" nullable:"false"`
}
