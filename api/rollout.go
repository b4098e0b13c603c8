package api

// RolloutKind says what a rollout was started by.
type RolloutKind string

const (
	KindCreate   RolloutKind = "create"
	KindUpdate   RolloutKind = "update"
	KindRollback RolloutKind = "rollback"
	KindRestart  RolloutKind = "restart"
)

// RolloutPhase is where a rollout stands: pending -> running <-> paused ->
// completed | rolled_back | superseded.
type RolloutPhase string

const (
	RolloutPending    RolloutPhase = "pending"
	RolloutRunning    RolloutPhase = "running"
	RolloutPaused     RolloutPhase = "paused"
	RolloutCompleted  RolloutPhase = "completed"
	RolloutRolledBack RolloutPhase = "rolled_back"
	RolloutSuperseded RolloutPhase = "superseded"
)

// Ended tells the phases that no rollout leaves again.
func (p RolloutPhase) Ended() bool {
	return p == RolloutCompleted || p == RolloutRolledBack || p == RolloutSuperseded
}

// Rollout is one run from one version to another.
type Rollout struct {
	ID            string       `json:"id"`
	Service       string       `json:"service"`
	Kind          RolloutKind  `json:"kind" enum:"create,update,rollback,restart"`
	Phase         RolloutPhase `json:"phase" enum:"pending,running,paused,completed,rolled_back,superseded"`
	FromVersion   int          `json:"from_version" doc:"0 when there was none"`
	ToVersion     int          `json:"to_version"`
	TargetUpdated int          `json:"target_updated" doc:"how many replicas shall run to_version"`
	Updated       int          `json:"updated" doc:"how many ready replicas run it"`
	Total         int          `json:"total" doc:"desired replicas"`
	WaitingFor    string       `json:"waiting_for" doc:"one sentence, empty when it waits for nothing"`
	NextBatchAt   *Time        `json:"next_batch_at" doc:"when the next automatic batch starts; null when none is due, and while it is paused"`
	Planned       bool         `json:"planned" doc:"an update plan is in effect on it"`
	Gates         []GateRecord `json:"gates,omitempty" doc:"what the gates of its plan made of each batch"`
	Reason        string       `json:"reason" doc:"why it is paused: user, failure, stopped, plan deleted, gate; empty when it is not"`
	Message       string       `json:"message" doc:"what happened, for a person"`
	Creator       string       `json:"creator"`
	Why           string       `json:"why,omitempty" doc:"the message that it was begun with; left out, as history, where a service shows its rollout"`
	StartedAt     Time         `json:"started_at"`
	EndedAt       *Time        `json:"ended_at"`

	History *RolloutHistory `json:"history,omitempty" doc:"what was done and what happened while it lasted; of a rollout by an earlier release there is none"`
}
