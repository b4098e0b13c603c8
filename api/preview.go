package api

// PreviewOutcome is what kind of change an update would be.
type PreviewOutcome string

const (
	PreviewRollout    PreviewOutcome = "rollout"    // replicas are replaced
	PreviewSettings   PreviewOutcome = "settings"   // a version, and nothing is replaced
	PreviewScale      PreviewOutcome = "scale"      // another number of replicas, no version
	PreviewMembership PreviewOutcome = "membership" // group, token: no version, no replica
	PreviewRecorded   PreviewOutcome = "recorded"   // a version that a stopped service starts with later
	PreviewNothing    PreviewOutcome = "nothing"    // the file is in force already
)

// PreviewEnding is where a preview ends.
type PreviewEnding string

const (
	PreviewCompleted  PreviewEnding = "completed"   // the change is done, and nothing is under way any more
	PreviewWaiting    PreviewEnding = "waiting"     // the plan's target is reached; an operator says how it goes on
	PreviewPaused     PreviewEnding = "paused"      // the rollout is paused, by the plan or by a failure
	PreviewRolledBack PreviewEnding = "rolled_back" // it went back
	PreviewStuck      PreviewEnding = "stuck"       // something is missing that does not come by itself: room
	PreviewUnfinished PreviewEnding = "unfinished"  // longer than what is worth showing
)

// Preview is what an update would do: the same decisions as in the rollout
// itself, taken on a model of this service. Nothing is changed by it. Times are
// seconds from the acceptance of the update.
type Preview struct {
	Service     string          `json:"service"`
	Outcome     PreviewOutcome  `json:"outcome" enum:"rollout,settings,scale,membership,recorded,nothing"`
	Text        string          `json:"text" doc:"one line for a person: what the update would answer"`
	Changes     []string        `json:"changes" nullable:"false" doc:"the keys whose values differ, and the files whose content does"`
	Diff        []FieldChange   `json:"diff" nullable:"false" doc:"the fields that differ, with the values before and after"`
	FromVersion int             `json:"from_version" doc:"the version the service is meant to run now"`
	ToVersion   int             `json:"to_version" doc:"the one it would be meant to run; equal where no version is made"`
	Supersedes  *PreviewCurrent `json:"supersedes" doc:"the rollout in progress and what becomes of it; null when there is none"`
	Bounds      PreviewBounds   `json:"bounds"`
	Plan        *Plan           `json:"plan" doc:"the update plan as it would lead; null without one"`
	Now         PreviewCounts   `json:"now" doc:"before the first step"`
	Steps       []PreviewStep   `json:"steps" nullable:"false"`
	Batches     []PreviewBatch  `json:"batches" nullable:"false" doc:"a rollout without a plan is one batch"`
	End         PreviewEnd      `json:"end"`
	LowestReady PreviewExtreme  `json:"lowest_ready"`
	HighestLive PreviewExtreme  `json:"highest_live"`
	Peak        PreviewPeak     `json:"peak" doc:"the most that its processes need at one time"`
	Times       PreviewTimes    `json:"times" doc:"how long this service's replicas take, measured or assumed"`
	Assumes     []string        `json:"assumes" nullable:"false" doc:"what the preview takes for granted"`
	Warnings    []PreviewWarned `json:"warnings" nullable:"false"`
}

// PreviewCurrent is a rollout in progress that an update would meet.
type PreviewCurrent struct {
	Rollout   string       `json:"rollout" doc:"its id"`
	Phase     RolloutPhase `json:"phase"`
	ToVersion int          `json:"to_version"`
	Text      string       `json:"text" doc:"what the update does to it"`
}

// PreviewBounds are the bounds in force during the rollout, in replicas.
type PreviewBounds struct {
	Desired         int     `json:"desired"`
	MaxSurge        int     `json:"max_surge"`
	MaxUnavailable  int     `json:"max_unavailable"`
	Replacement     string  `json:"replacement" enum:"termination_started,termination_complete"`
	MinReadySeconds float64 `json:"min_ready_seconds"`
}

// PreviewCounts are replicas at one moment; old and new are live ones.
type PreviewCounts struct {
	Old      int `json:"old" doc:"live replicas of any version but to_version"`
	New      int `json:"new" doc:"live replicas of to_version"`
	Draining int `json:"draining"`
	Ready    int `json:"ready"`
	Updated  int `json:"updated" doc:"ready replicas of to_version; of the requests they get updated / ready, once they have warmed up"`
	Live     int `json:"live"`
	Failed   int `json:"failed"`
}

// PreviewStep is all that happens at one moment.
type PreviewStep struct {
	At      float64         `json:"at_seconds"`
	Actions []PreviewAction `json:"actions" nullable:"false" doc:"in the order in which they are first taken"`
	Batch   int             `json:"batch" doc:"number of the batch; 0 outside a rollout"`
	PreviewCounts
	Failure *PreviewFailure `json:"failure" doc:"what is left if the next new replica fails here; null where none is to come"`
}

// PreviewAction is one kind of thing done to replicas of one version.
type PreviewAction struct {
	Do       string `json:"do" doc:"begin, create, start, ready, drain, terminate, kill, remove, fail, recycle, pending, batch_done, gates_passed, next_batch, pause, go_back, complete, roll_back, settle"`
	Version  int    `json:"version" doc:"of the replicas; 0 for what is about the rollout"`
	Replicas int    `json:"replicas" doc:"how many; 0 for what is about the rollout"`
}

// PreviewFailure is what a failed start would leave.
type PreviewFailure struct {
	Phase  RolloutPhase `json:"phase" doc:"of the rollout then"`
	Old    int          `json:"old" doc:"live replicas of the old version that stay"`
	New    int          `json:"new" doc:"live replicas of the new version that stay"`
	Ready  int          `json:"ready" doc:"replicas that serve at that moment"`
	WayOut string       `json:"way_out"`
}

// PreviewBatch is one batch of the rollout.
type PreviewBatch struct {
	Number   int      `json:"number"`
	Target   int      `json:"target" doc:"updated replicas at its end"`
	Starts   float64  `json:"starts_at_seconds"`
	StartsAt Time     `json:"starts_at" doc:"if the update were made now"`
	Duration *float64 `json:"duration_seconds" doc:"until its replicas are ready; null when it does not come to an end"`
}

// PreviewEnd says where it ends.
type PreviewEnd struct {
	Phase PreviewEnding `json:"phase" enum:"completed,waiting,paused,rolled_back,stuck,unfinished"`
	At    float64       `json:"at_seconds" doc:"when the rollout is over, or waits; replicas may still drain then"`
	Quiet float64       `json:"quiet_at_seconds" doc:"when the last replica that drains has ended"`
	Text  string        `json:"text"`
}

// PreviewExtreme is an extreme of a count, and when it is first reached.
type PreviewExtreme struct {
	Replicas int     `json:"replicas"`
	At       float64 `json:"at_seconds"`
}

// PreviewPeak is what the processes of the service need at most, those included
// that still drain.
type PreviewPeak struct {
	Processes int     `json:"processes"`
	CPU       float64 `json:"cpu" doc:"cores; 0 where the file asks for none"`
	MemoryMB  int     `json:"memory_mb"`
	GPU       int     `json:"gpu"`
	Resource  string  `json:"resource" doc:"the resource group; empty is public, which has no limits"`
	At        float64 `json:"at_seconds"`
}

// PreviewTimes are what the model reckons with.
type PreviewTimes struct {
	Startup PreviewTime `json:"startup" doc:"from the start of a process until its checks pass"`
	InHand  PreviewTime `json:"in_hand" doc:"from the acknowledgement that a replica has left the traffic until its last request has ended"`
	Exit    PreviewTime `json:"exit" doc:"from SIGTERM until the process has ended"`
}

// PreviewTime is one of them: the median of what was measured, or an assumption.
type PreviewTime struct {
	Seconds  float64 `json:"seconds"`
	Measured int     `json:"measured" doc:"how many times it was measured; 0: it is assumed"`
	Slowest  float64 `json:"slowest_seconds" doc:"of those measured"`
	Since    *Time   `json:"since" doc:"when the first of them was measured; null: it is assumed"`
	Basis    string  `json:"basis" doc:"where the number comes from, for a person"`
}

// Codes of PreviewWarned.
const (
	WarnNoRoom      = "surge_without_room"
	WarnAway        = "no_replica_ready"
	WarnNoHealth    = "no_health_check"
	WarnGrace       = "grace_period_too_short"
	WarnSigterm     = "sigterm_not_handled"
	WarnNoWarmUp    = "surge_without_warm_up"
	WarnCapacity    = "too_little_capacity"
	WarnLongStartup = "startup_timeout_too_short"
	WarnFile        = "service_file" // one that the update itself would give
)

// PreviewWarned is one thing to think about before the update, and what to do.
type PreviewWarned struct {
	Code    string `json:"code" doc:"surge_without_room, no_replica_ready, no_health_check, grace_period_too_short, sigterm_not_handled, surge_without_warm_up, too_little_capacity, startup_timeout_too_short, service_file"`
	Message string `json:"message"`
	Hint    string `json:"hint" doc:"what to do; empty where the message says it"`
}
