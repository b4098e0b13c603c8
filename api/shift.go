package api

// ShiftPhase is where a gradual shift stands: running <-> paused -> completed |
// aborted.
type ShiftPhase string

const (
	ShiftRunning   ShiftPhase = "running"
	ShiftPaused    ShiftPhase = "paused"
	ShiftCompleted ShiftPhase = "completed" // the last step is reached and its gates are passed
	ShiftAborted   ShiftPhase = "aborted"   // the split is what it was before
)

// Ended tells the phases that no shift leaves again.
func (p ShiftPhase) Ended() bool { return p == ShiftCompleted || p == ShiftAborted }

// DefaultSteps are the steps of a shift where none are given (rule 23).
var DefaultSteps = []int{1, 5, 25, 50, 100}

// DefaultShiftInterval is the time between two steps where none is given, 5m.
const DefaultShiftInterval = Interval(5 * 60 * 1e9)

// DefaultMaxLoad is how much more than before a replica may be given by a step:
// a quarter (rule 23).
const DefaultMaxLoad = 1.25

// Shift is a gradual shift as it is shown: it moves a group's traffic to member
// To, in steps (rule 23).
type Shift struct {
	To         string         `json:"to" doc:"the member that gets more"`
	Steps      []int          `json:"steps" nullable:"false" doc:"percentages of the group's traffic"`
	Interval   Interval       `json:"interval" doc:"from when a step is carried to the start of the next: 90s, 5m, 1h"`
	MaxLoad    float64        `json:"max_load" doc:"what a replica may be given, as a multiple of what one carried before the shift"`
	Scale      bool           `json:"scale" doc:"whether member to is scaled up to what a step needs; otherwise the step waits"`
	Gates      []Gate         `json:"gates,omitempty" doc:"what each step must pass, the last one too"`
	Phase      ShiftPhase     `json:"phase" enum:"running,paused,completed,aborted"`
	Reason     string         `json:"reason" doc:"why it is paused or aborted: user, gate, standalone, member gone; empty when it is neither"`
	Percent    int            `json:"percent" doc:"the step that was reached last; 0 before the first"`
	Next       int            `json:"next" doc:"the step after it; 0 when there is none"`
	NextStepAt *Time          `json:"next_step_at" doc:"when the next step is due; null when none is, and while it is paused"`
	Judging    bool           `json:"judging" doc:"the gates of the present step are being asked"`
	WaitingFor string         `json:"waiting_for" doc:"one sentence, empty when it waits for nothing"`
	Message    string         `json:"message" doc:"what happened, for a person"`
	Before     []MemberBefore `json:"before" nullable:"false" doc:"what an abort goes back to"`
	ModeBefore TrafficMode    `json:"mode_before" enum:"auto,customized"`
	Records    []GateRecord   `json:"records,omitempty" doc:"what the gates made of each step; target is its percentage"`
	Creator    string         `json:"creator"`
	StartedAt  Time           `json:"started_at"`
	EndedAt    *Time          `json:"ended_at"`
}

// MemberBefore is a member's part in its group when a shift began.
type MemberBefore struct {
	Service string       `json:"service"`
	State   TrafficState `json:"state" enum:"standalone,grouping"`
	Weight  int          `json:"weight"`
	Share   float64      `json:"share" doc:"0 to 1"`
}

// PromotionPhase is where a promotion stands: running -> completed | aborted.
type PromotionPhase string

const (
	PromotionRunning   PromotionPhase = "running"
	PromotionCompleted PromotionPhase = "completed"
	PromotionAborted   PromotionPhase = "aborted" // it stays where it stood
)

// PromotionStage is what a promotion is doing.
type PromotionStage string

const (
	StageUpdating   PromotionStage = "updating"    // production goes to the canary's version
	StageMovingBack PromotionStage = "moving_back" // traffic goes back to production as it can carry it
	StageScaling    PromotionStage = "scaling"     // the canary is scaled to what it keeps
)

// Promotion is how a canary's version becomes that of production, as it is shown.
type Promotion struct {
	Canary     string         `json:"canary"`
	Version    int            `json:"version" doc:"the canary's version that production gets"`
	Into       []string       `json:"into" nullable:"false" doc:"the services that are updated to it"`
	Keep       int            `json:"keep" doc:"replicas the canary keeps"`
	MaxLoad    float64        `json:"max_load"`
	Scale      bool           `json:"scale" doc:"whether production is scaled up to what the traffic needs; otherwise it waits"`
	Phase      PromotionPhase `json:"phase" enum:"running,completed,aborted"`
	Stage      PromotionStage `json:"stage" enum:",updating,moving_back,scaling" doc:"empty after its end"`
	WaitingFor string         `json:"waiting_for" doc:"one sentence, empty when it waits for nothing"`
	Message    string         `json:"message" doc:"what happened, for a person"`
	Creator    string         `json:"creator"`
	StartedAt  Time           `json:"started_at"`
	EndedAt    *Time          `json:"ended_at"`
}
