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
	TerminationComplete bool          `json:"termination_complete"` // draining replicas count for the upper bound
	MinReady            time.Duration `json:"min_ready"`
}

// Service is what is wanted of one service, and how far its rollout is. It is
// what the store keeps; the functions in intent.go change it.
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
	Deleting   bool     `json:"deleting"`
	Scaling    bool     `json:"scaling"` // a scale or start has not been reached yet
	Rollout    *Rollout `json:"rollout"` // the one in progress, or the last one after its end
	Revision   uint64   `json:"revision"`
}

// Reasons of a pause. A rollout has one pause, whoever set it (design rule 16).
const (
	PausedByUser    = "user"
	PausedByFailure = "failure"
	PausedByStop    = "stopped"
)

// Rollout is the record of one run from one version to another.
type Rollout struct {
	ID            string           `json:"id"`
	Kind          api.RolloutKind  `json:"kind"`
	Phase         api.RolloutPhase `json:"phase"`
	From          int              `json:"from"`
	To            Target           `json:"to"`
	Generation    int              `json:"generation"`     // for a restart: replicas below it are old
	TargetUpdated *api.Count       `json:"target_updated"` // nil is all
	RollingBack   bool             `json:"rolling_back"`   // target 0 in effect: it ends rolled_back
	Creator       string           `json:"creator"`
	StartedAt     time.Time        `json:"started_at"`
	EndedAt       time.Time        `json:"ended_at"`

	PausedBy string    `json:"paused_by"` // one of the reasons above, "" when it is not paused
	PausedAt time.Time `json:"paused_at"`
	Message  string    `json:"message"`
	// Frozen is the number of live replicas of the target when the pause began;
	// Rescaled tells that a scale moved the mix to it since.
	Frozen   int  `json:"frozen"`
	Rescaled bool `json:"rescaled"`
	// Resume tells that the rollout was running when the service was stopped:
	// start brings the mix back, then it goes on.
	Resume bool `json:"resume"`
}

// Active tells whether the rollout is still in progress.
func (r *Rollout) Active() bool { return r != nil && !r.Phase.Ended() }

// Stage is what shall become of a replica.
type Stage string

const (
	Live     Stage = "live"
	Draining Stage = "draining" // ends, then its record goes
	Failed   Stage = "failed"   // ends, its record stays
)

// Replica is one running copy: what was decided for it and what is seen of it.
type Replica struct {
	ID         string    `json:"id"`
	Version    int       `json:"version"`
	Revision   string    `json:"revision"`
	Generation int       `json:"generation"`
	Seq        int       `json:"seq"`
	CreatedAt  time.Time `json:"created_at"`

	// Decided.
	Stage     Stage     `json:"stage"`
	Evicted   bool      `json:"evicted"`   // an operator asked for another in its place
	Starts    int       `json:"starts"`    // process starts ordered so far
	NewUntil  bool      `json:"new"`       // newly started: it has 3 starts, see exits.go
	Tries     int       `json:"tries"`     // starts while new
	Streak    int       `json:"streak"`    // exits in a row, for the back-off
	Deadline  time.Time `json:"deadline"`  // not ready by then: failed; zero for none
	Failure   string    `json:"failure"`   // why it is failed
	DrainAt   time.Time `json:"drain_at"`  // when it left the routing table by decision
	Signalled time.Time `json:"signalled"` // when SIGTERM was ordered
	Killed    time.Time `json:"killed"`    // when SIGKILL was ordered

	// Seen.
	Process   Process   `json:"process"`
	Unplaced  string    `json:"unplaced"` // why it could not be placed at the last try
	StartedAt time.Time `json:"started_at"`
	ExitedAt  time.Time `json:"exited_at"`
	ExitText  string    `json:"exit_text"` // "exit code 3", with the last log line in LastLine
	LastLine  string    `json:"last_line"`
	Healthy   bool      `json:"healthy"`
	HealthyAt time.Time `json:"healthy_at"`
	Unhealthy string    `json:"unhealthy"` // what the failing check said
	Routed    bool      `json:"routed"`    // was ever in a routing table
	Acked     bool      `json:"acked"`     // every live gateway routes to it
	ReadyAt   time.Time `json:"ready_at"`
}
