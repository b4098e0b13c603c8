package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// PlanPhase is where an update plan stands. A service without a plan has none:
// its updates replace everything.
type PlanPhase string

const (
	PlanPending   PlanPhase = "pending"   // the next update triggers it
	PlanInEffect  PlanPhase = "in_effect" // it leads the rollout in progress
	PlanCompleted PlanPhase = "completed" // its rollout has completed; the next update triggers it again
)

// PlanStage is where the present batch of a plan in effect stands.
type PlanStage string

const (
	StageRunning        PlanStage = "running"         // replicas move to the batch's target
	StagePaused         PlanStage = "paused"          // nothing moves until a resume
	StageBatchCompleted PlanStage = "batch_completed" // a new target, the clock or a gate is waited for
)

// OnFailure is what a plan does when a new replica fails.
type OnFailure string

const (
	FailurePauses    OnFailure = "pause"    // the default (rule 4)
	FailureRollsBack OnFailure = "rollback" // the rollout goes back to its base; a rollback is never rolled back
)

// DefaultBatchSize is the size of automatic batches where none is given (rule 15).
var DefaultBatchSize = Count{Value: 25, Percent: true}

// MinInterval is the shortest time between two automatic batches.
const MinInterval = time.Second

// Batch are the settings of automatic batches: Size more replicas are updated,
// Interval after the batch before has completed.
type Batch struct {
	Size     Count    `json:"size" doc:"replicas in a batch: an integer, or a percentage of the desired replicas, rounded up; 25% where it is not given"`
	Interval Interval `json:"interval" doc:"from the completion of a batch to the start of the next: 90s, 5m, 1h"`
}

// Plan is an update plan as it is shown (rules 13 to 17). TargetUpdated is what
// the next update begins with; while the plan is in effect Target is what it
// leads to now.
type Plan struct {
	TargetUpdated *Count    `json:"target_updated,omitempty" doc:"manual: how many replicas a rollout begins to update; nothing is all"`
	Batch         *Batch    `json:"batch,omitempty" doc:"automatic: the batches"`
	Paused        bool      `json:"paused" doc:"the rollout it leads is paused; of a pending plan: its rollout begins paused"`
	OnFailure     OnFailure `json:"on_failure" enum:"pause,rollback"`
	Gates         []Gate    `json:"gates,omitempty" doc:"what each batch must pass before the next one begins"`
	Judging       bool      `json:"judging" doc:"the gates of the present batch are being asked"`
	Phase         PlanPhase `json:"phase" enum:"pending,in_effect,completed"`
	Stage         PlanStage `json:"stage" enum:",running,paused,batch_completed" doc:"of the present batch while in effect, else empty"`
	Target        int       `json:"target" doc:"in effect: how many replicas the present batch leads to"`
	Updated       int       `json:"updated" doc:"in effect: how many ready replicas run the new version"`
	Total         int       `json:"total" doc:"desired replicas"`
	NextBatchAt   *Time     `json:"next_batch_at" doc:"when the next automatic batch starts; null when none is due, and while it is paused"`
	WaitingFor    string    `json:"waiting_for" doc:"in effect: what has to happen before it goes on"`
}

// Interval is a time between two batches, written as 90s, 5m, 1h or 1h30m.
type Interval time.Duration

// ParseInterval reads one; it is at least MinInterval.
func ParseInterval(text string) (Interval, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no interval; 90s, 5m and 1h are how one is written", text)
	case d < MinInterval:
		return 0, fmt.Errorf("%q is too short; %s is the shortest", text, MinInterval)
	}
	return Interval(d), nil
}

// String writes the interval as it is given: 90s is 1m30s, 5m is 5m.
func (i Interval) String() string {
	d := time.Duration(i)
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// MarshalJSON writes the text.
func (i Interval) MarshalJSON() ([]byte, error) { return json.Marshal(i.String()) }

// UnmarshalJSON reads the text.
func (i *Interval) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	parsed, err := ParseInterval(text)
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}
