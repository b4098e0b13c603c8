// Package runtime is the interface to where replicas run. It carries out what
// the core decided (start this, signal that, kill it) and reports what happens
// (started, exited, checks pass or fail); it decides nothing itself: no restart,
// no back-off, no grace period. Implementations are in the folders below it and
// all pass the suite in runtimetest.
//
// Every call is idempotent by replica id, because the controller may be killed
// between a call and the record of its outcome, and repeats it.
package runtime

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice.dev/sluice/api"
)

// Launch is an order to start a replica's process.
type Launch struct {
	Replica    string
	Attempt    int // 1 for the first start; a repeat of the same attempt is a no-op while it runs
	Service    string
	Version    int
	Generation int
	Spec       *api.Spec
	// Files says where to find the content of files that are not at their place
	// any more, or changed there: from absolute path to the path of a kept copy.
	// The command, its arguments, $MODEL_PATH and variables that name a file, or
	// something below a folder, are meant from there.
	Files map[string]string
	// GPUs are the devices it was given, as $CUDA_VISIBLE_DEVICES has them: "0,1".
	// "" says nothing about gpus.
	GPUs string
}

// Handle names a started process so that it can be found again, and never
// confused with another that got its pid. It is stored with the replica.
type Handle struct {
	Attempt   int       `json:"attempt"`
	Address   string    `json:"address"` // host:port where it serves
	Pid       int       `json:"pid"`
	StartTime uint64    `json:"start_time"` // of the process, in the kernel's own unit
	BootID    string    `json:"boot_id"`
	StartedAt time.Time `json:"started_at"`
	GPUs      string    `json:"gpus,omitempty"` // Launch.GPUs
}

// Exit is how a process ended.
type Exit struct {
	Known  bool      `json:"known"` // false for a process that was adopted: its code went to another parent
	Code   int       `json:"code"`
	Signal string    `json:"signal,omitempty"` // "killed", "segmentation fault"; "" when it exited by itself
	Lines  []string  `json:"lines,omitempty"`  // the last lines it logged, oldest first
	Cause  string    `json:"cause,omitempty"`  // why it was ended, where the kernel says so: out of memory
	Hint   string    `json:"hint,omitempty"`   // what to do, where such an end is often a mistake
	At     time.Time `json:"at"`
}

// String says how it ended: "exit code 3", "ended by signal: killed", "exited
// with code 0; a command must stay in the foreground".
func (e Exit) String() string {
	how := e.how()
	if e.Cause != "" {
		how += "; " + e.Cause
	}
	return how
}

func (e Exit) how() string {
	switch {
	case e.Hint != "":
		return fmt.Sprintf("exited with code %d; %s", e.Code, e.Hint)
	case !e.Known:
		return "exit code unknown (it was started by an earlier run of the server)"
	case e.Signal != "":
		return "ended by signal: " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// EventKind says what an Event reports.
type EventKind string

const (
	Exited    EventKind = "exited"    // Event.Exit is set
	Healthy   EventKind = "healthy"   // checks pass: sent on the change only
	Unhealthy EventKind = "unhealthy" // checks stopped passing; Event.Reason says what failed
	NotLive   EventKind = "not_live"  // the liveness check failed often enough; Event.Reason says how
	NotYet    EventKind = "not_yet"   // it has not passed its checks so far; Event.Reason is news of why
)

// Event is something that happened to a replica's process. Its end is reported
// once, when everything that it started has ended too; nothing of the same
// attempt follows.
type Event struct {
	Replica string
	Attempt int
	Kind    EventKind
	At      time.Time
	Reason  string // the check that failed, or Exit in words
	Exit    *Exit
}

// Adoption is a replica that an earlier run of the control plane started.
type Adoption struct {
	Launch  Launch
	Handle  *Handle // nil when the start was ordered but its outcome never recorded
	Healthy bool    // as last recorded; it stays so until a check says otherwise
}

// Adopted is what became of an Adoption.
type Adopted struct {
	Replica string
	Handle  *Handle // set when the process lives, also where Adoption.Handle was nil
	Exit    *Exit   // set when it does not and had been started
}

// UnstartableError says that no number of tries will start this replica: the
// executable or image does not exist, or may not be run.
type UnstartableError struct{ Reason string }

func (e *UnstartableError) Error() string { return e.Reason }

// UnplacedError says that there is no room for this replica now.
type UnplacedError struct{ Reason string }

func (e *UnplacedError) Error() string { return e.Reason }

// Runtime runs replicas. Events go to the function given to the constructor of
// the implementation; it must neither block nor call the Runtime, and it may be
// called while a call of the Runtime is still under way.
type Runtime interface {
	// Start starts the process and its checks. An *UnstartableError or
	// *UnplacedError says why not; any other error counts as an exit.
	Start(ctx context.Context, l Launch) (Handle, error)
	// Terminate asks the main process to end (SIGTERM). No-op when none runs. This
	// and the next two also reach a process whose Start is still under way.
	Terminate(ctx context.Context, replica string) error
	// Kill ends everything the replica started. No-op when nothing runs. An
	// Exited event follows.
	Kill(ctx context.Context, replica string) error
	// Quiet stops the replica's checks: it drains, and its health is nobody's
	// concern any more.
	Quiet(replica string)
	// Forget lets go of what a replica whose process has ended still holds (its
	// port, its log files).
	Forget(replica string)
	// Adopt takes over what an earlier run of the control plane left and kills
	// processes of this data directory that no adoption names. It is called
	// once, before anything else.
	Adopt(ctx context.Context, list []Adoption) ([]Adopted, error)
	// Logs reads what a replica wrote: the last tail lines (0 means all that is kept), and on
	// as it writes when follow is set, until ctx is done.
	Logs(ctx context.Context, replica string, tail int, follow bool) (io.ReadCloser, error)
}
