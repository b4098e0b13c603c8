package api

// A rollout's history keeps its first and its last actions; those between are
// counted. A rollout whose plan takes months of batches stays small so.
const (
	FirstRolloutActions = 50
	LastRolloutActions  = 450
)

// RolloutHistory is what is kept of a rollout for good, other than its events,
// of which only so many are kept.
type RolloutHistory struct {
	Actions      []RolloutAction  `json:"actions" nullable:"false" doc:"every action on it, in order: what somebody did, and each decision of its plan and its gates"`
	ActionsLeft  int              `json:"actions_left_out" doc:"how many were left out of the middle, of very many"`
	Failures     []ReplicaFailure `json:"failures" nullable:"false" doc:"replicas that failed, the first ones"`
	FailureCount int              `json:"failure_count" doc:"how many failed in all"`
	Expected     *float64         `json:"expected_seconds" doc:"how long the preview said that it takes, when it began; null where it would not come to an end by itself, and before that is known"`
	Traffic      []VersionTraffic `json:"traffic" nullable:"false" doc:"the requests while it lasted, by version; those without any are left out"`
}

// RolloutAction is one thing that was done to a rollout.
type RolloutAction struct {
	At     Time   `json:"at"`
	Actor  string `json:"actor" doc:"who asked for it; empty when Sluice decided it"`
	Action string `json:"action" doc:"one CamelCase word, the reason of the event that told of it: Updated, PlanChanged, RolloutPaused, GatesPassed, BatchBegan..."`
	Text   string `json:"text" doc:"what it was, for a person"`
}

// ReplicaFailure is a replica that failed, and why.
type ReplicaFailure struct {
	Replica string `json:"replica"`
	Version int    `json:"version"`
	At      Time   `json:"at"`
	Reason  string `json:"reason"`
}

// VersionTraffic is what gateways counted at the replicas of one version. A
// latency is the upper bound of the bucket that the quantile falls into.
type VersionTraffic struct {
	Version  int      `json:"version"`
	Requests uint64   `json:"requests" doc:"answered, or lost by a replica"`
	Errors   uint64   `json:"errors" doc:"of them: answered with 5xx, lost, or cut"`
	Canceled uint64   `json:"canceled" doc:"whose caller went away first; not in requests"`
	P50      *float64 `json:"latency_p50_seconds" doc:"null when nothing was answered"`
	P95      *float64 `json:"latency_p95_seconds"`
	P99      *float64 `json:"latency_p99_seconds"`
}
