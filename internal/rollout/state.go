package rollout

import (
	"time"

	"sluice.dev/sluice/api"
)

// Target is a version as the core sees it. Revision is a digest of the
// version's replica keys and of the files they refer to: versions with equal
// Revision are one for every count and decision (design.md 2b).
type Target struct {
	Version  int    `json:"version"`
	Revision string `json:"revision"`
}

// Strategy is the rolling strategy in force, with the defaults of the resource
// group filled in.
type Strategy struct {
	MaxSurge            api.Count     `json:"max_surge"`
	MaxUnavailable      api.Count     `json:"max_unavailable"`
	UnavailableMin      int           `json:"unavailable_min"`      // max_unavailable is at least this
	TerminationComplete bool          `json:"termination_complete"` // draining replicas count for the upper bound
	MinReady            time.Duration `json:"min_ready"`
}

// Policy is what a version says about its replicas' lives, as it is in force:
// the live settings of the newest version with the same Revision (rule 5).
type Policy struct {
	Drain          api.Drain
	Async          bool          // metadata.type Async: accepted work is finished, no signal needed
	StartupTimeout time.Duration // not ready for the first time within it: failed
	StayDown       bool          // runtime.enable_crash_block: an exited replica is not restarted
}

// Service is what is wanted of one service, and how far its rollout is. The
// store keeps it; only the functions of this package change it.
type Service struct {
	Name       string   `json:"name"`
	Desired    int      `json:"desired"`
	Strategy   Strategy `json:"strategy"`
	Current    Target   `json:"current"`
	Latest     int      `json:"latest"`
	Base       *Target  `json:"base"`       // the last completed version; nil before the first
	Generation int      `json:"generation"` // counts restarts; stamped on each replica
	NextSeq    int      `json:"next_seq"`   // makes replica and rollout ids; never goes back
	Stopped    bool     `json:"stopped"`
	Changed    bool     `json:"changed"` // Current moved while stopped: start is a rollout
	Deleting   bool     `json:"deleting"`
	Scaling    bool     `json:"scaling"` // a scale or start has not been reached yet
	Rollout    *Rollout `json:"rollout"` // the one in progress, or the last one after its end
	Plan       *Plan    `json:"plan"`    // the update plan; nil without one
	Revision   uint64   `json:"revision"`
}

// Reasons of a pause. A rollout has one pause, whoever set it (rule 16).
const (
	PausedByUser    = "user"
	PausedByFailure = "failure"
	PausedByStop    = "stopped"
	// PausedByPlanDeleted: the plan that led it is gone (rule 17). A new plan
	// ends this pause, besides what ends every other.
	PausedByPlanDeleted = "plan deleted"
	// PausedByGate: a gate failed, or could not say in time. A resume measures anew.
	PausedByGate = "gate"
)

// Rollout is the record of one run from one version to another.
type Rollout struct {
	ID            string           `json:"id"`
	Kind          api.RolloutKind  `json:"kind"`
	Phase         api.RolloutPhase `json:"phase"`
	From          int              `json:"from"` // 0 when there was none
	To            Target           `json:"to"`
	Generation    int              `json:"generation"`     // for a restart: replicas below it are old
	TargetUpdated *api.Count       `json:"target_updated"` // nil is all
	RollingBack   bool             `json:"rolling_back"`   // target 0 in effect: it ends rolled_back
	Planned       bool             `json:"planned"`        // the update plan leads it
	ByPlan        bool             `json:"by_plan"`        // a rollback that the plan was asked to lead
	Forced        bool             `json:"forced"`         // a rollback although its preflight says that it would fail
	BatchFrom     int              `json:"batch_from"`     // automatic: updated replicas when the batch began
	BatchAt       time.Time        `json:"batch_at"`       // when the present batch began
	BatchDoneAt   time.Time        `json:"batch_done_at"`  // when it was complete; zero before
	// GateAction is what the gates said of the present batch last, "" before.
	GateAction api.GateAction   `json:"gate_action"`
	GateReason string           `json:"gate_reason"`
	Gates      []api.GateRecord `json:"gates"` // the last word on each batch
	// Asked is the target that the operator has asked for and that gates hold.
	Asked     *api.Count `json:"asked"`
	Creator   string     `json:"creator"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   time.Time  `json:"ended_at"`

	PausedBy string    `json:"paused_by"` // one of the reasons above, "" when it is not paused
	PausedAt time.Time `json:"paused_at"`
	Message  string    `json:"message"` // of the failure that paused it, or turned it round
	// Frozen and FrozenBase are the numbers of live replicas of the target and of
	// the base when the pause began. Until a scale (Rescaled) nothing moves but
	// what keeps them; from then on the mix is {target: Frozen, base: the rest}.
	Frozen     int  `json:"frozen"`
	FrozenBase int  `json:"frozen_base"`
	Rescaled   bool `json:"rescaled"`
	// Restore tells that it was running when the service was stopped: start
	// brings the mix back, then the rollout goes on.
	Restore bool `json:"restore"`
}

// Active tells whether the rollout is still in progress.
func (r *Rollout) Active() bool { return r != nil && !r.Phase.Ended() }

// Paused tells whether a rollout is in progress and paused.
func (r *Rollout) Paused() bool { return r != nil && r.Phase == api.RolloutPaused }

// Stage is what shall become of a replica.
type Stage string

const (
	Live     Stage = "live"
	Draining Stage = "draining" // ends, then its record goes
	Failed   Stage = "failed"   // ends, its record stays for study
)

// Process is what is known of a replica's process.
type Process string

const (
	Absent  Process = ""        // never started, or not placed
	Ordered Process = "ordered" // its start was ordered, the outcome is not known yet
	Running Process = "running"
	Exited  Process = "exited"
)

// Replica is one running copy: what was decided for it and what is seen of it.
type Replica struct {
	ID         string    `json:"id"`
	Version    int       `json:"version"` // the one it was started under
	Revision   string    `json:"revision"`
	Generation int       `json:"generation"`
	Rollout    string    `json:"rollout"` // the rollout that made it, "" for none
	CreatedAt  time.Time `json:"created_at"`

	// Decided.
	Stage     Stage         `json:"stage"`
	Evicted   bool          `json:"evicted"`   // an operator asked for another in its place
	Starts    int           `json:"starts"`    // process starts ordered so far
	Streak    int           `json:"streak"`    // exits since it was last ready for long, for the back-off
	Stood     time.Duration `json:"stood"`     // how long its start-up deadline stood still in pauses
	Failure   string        `json:"failure"`   // why it is failed
	EndAt     time.Time     `json:"end_at"`    // when it was decided that its process shall end
	Signalled time.Time     `json:"signalled"` // when SIGTERM was ordered
	Killed    time.Time     `json:"killed"`    // when SIGKILL was ordered last

	// Seen.
	Process      Process   `json:"process"`
	Unplaced     string    `json:"unplaced"` // why there was no room for it at the last try
	UnplacedAt   time.Time `json:"unplaced_at"`
	FirstStartAt time.Time `json:"first_start_at"`
	StartedAt    time.Time `json:"started_at"`
	ExitedAt     time.Time `json:"exited_at"`
	Exit         string    `json:"exit"`        // "exit code 3: out of memory"
	Unstartable  string    `json:"unstartable"` // why no number of tries would start it
	Healthy      bool      `json:"healthy"`
	HealthyAt    time.Time `json:"healthy_at"`
	Complaint    string    `json:"complaint"` // what the failing check said
	NotLive      bool      `json:"not_live"`  // its liveness check gave up on it
	Routed       bool      `json:"routed"`    // was in a routing table since its process started
	Acked        bool      `json:"acked"`     // every live gateway routes to it
	ReadyAt      time.Time `json:"ready_at"`  // when it was last seen ready
	UnroutedAt   time.Time `json:"unrouted_at"`

	InFlight   int       `json:"-"` // requests in hand over all gateways
	IdleSince  time.Time `json:"-"` // since when nothing is in hand; zero while something is
	LastPicked time.Time `json:"-"` // when a gateway last handed it a request
}

// State is all that Decide looks at.
type State struct {
	Service  Service
	Replicas []Replica         // in the order they were made
	Policies map[string]Policy // by Revision
	Now      time.Time
}
