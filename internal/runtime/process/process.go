// Package process runs replicas as local processes. It is the runtime of a
// single machine and keeps the contract of package runtime.
//
// A replica is a session of its own (setsid, so a process group of its own and
// no terminal): Ctrl-C in the server's terminal does not reach it, and neither
// does the death of the server. Nothing of it runs through the control plane:
// its output goes straight to its log file, its port is its own. So the control
// plane can be killed at any instruction, and a later run adopts what it finds.
//
// A signal never reaches a process that merely got the pid of another: on Linux
// every process is held by a pidfd (package proc), elsewhere it is compared by
// its start time first. The end of a process is learnt from the pidfd, without
// polling and without a thread per replica.
//
// When the main process ends, everything it started ends: its group is killed,
// and what left the group is found by its environment, which carries
// SLUICE_REPLICA and SLUICE_DATA (sweep.go). A command therefore has to stay in
// the foreground.
//
// On Linux the process that uses this package becomes a child subreaper and
// reaps what it inherits (orphans_linux.go).
package process

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
)

// Environment variables that mark a process as ours.
const (
	envReplica = "SLUICE_REPLICA"
	envGPUs    = "CUDA_VISIBLE_DEVICES"
	envData    = "SLUICE_DATA"
	envCheck   = "SLUICE_CHECK" // set for the command of an exec check only
)

// Config is what a Runtime needs to know.
type Config struct {
	// DataDir is the data directory of the control plane; logs go to its folder
	// "logs". Processes are told apart by it: one Runtime at a time for each.
	DataDir string
	// Events is told what happens to replicas. It must neither block nor call the
	// Runtime.
	Events func(runtime.Event)
	// Host is where replicas are expected to listen; default 127.0.0.1.
	Host string
	// Ports is the range that replicas get theirs from; default 20000-29999, or
	// a range that avoids the kernel's ephemeral one where that is not disjoint.
	Ports PortRange
	// LogMaxBytes bounds a replica's log file; one older file of the same size
	// is kept beside it. Default 10 MiB.
	LogMaxBytes int64
	// Limits has the processor time and memory of replicas limited by cgroups,
	// where the system permits it; New logs when it does not, and Warnings says so
	// of a service.
	Limits bool
	// Log is told what is odd but stops nothing; default slog.Default().
	Log *slog.Logger
}

// Runtime implements runtime.Runtime.
type Runtime struct {
	cfg    Config
	data   string // DataDir, absolute, without symbolic links: the value of SLUICE_DATA
	bootID string
	ports  *ports
	sweeps *sweeper
	limits *cgroups

	ctx  context.Context // done at Close
	stop context.CancelFunc
	busy sync.WaitGroup

	mu       sync.Mutex
	replicas map[string]*replica
}

var _ runtime.Runtime = (*Runtime)(nil)

// New makes the runtime of a data directory. It starts and adopts nothing: call
// Adopt first.
func New(cfg Config) (*Runtime, error) {
	cfg.Host = cmp.Or(cfg.Host, "127.0.0.1")
	cfg.LogMaxBytes = cmp.Or(cfg.LogMaxBytes, 10<<20)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Events == nil {
		cfg.Events = func(runtime.Event) {}
	}
	if err := proc.CanHold(); err != nil {
		return nil, err
	}
	data, err := resolve(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	boot, err := proc.BootID()
	if err != nil {
		return nil, fmt.Errorf("the identity of this boot, needed to adopt replicas, cannot be read: %w", err)
	}
	if cfg.Ports, err = choosePorts(cfg.Ports, cfg.Log); err != nil {
		return nil, err
	}
	r := &Runtime{
		cfg: cfg, data: data, bootID: boot,
		ports:    newPorts(cfg.Ports, cfg.Host),
		replicas: map[string]*replica{},
	}
	r.sweeps = newSweeper(data, cfg.Log)
	r.openLimits()
	r.ctx, r.stop = context.WithCancel(context.Background())
	inheritOrphans()
	r.busy.Go(r.keepLogs)
	return r, nil
}

func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data directory %q: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Join(abs, "logs"), 0o700); err != nil {
		return "", fmt.Errorf("the folder for logs cannot be made: %w; name a data directory that can be written to", err)
	}
	return filepath.EvalSymlinks(abs)
}

// Close lets go of all replicas and leaves them running, as the death of the
// control plane would. The Runtime is of no use afterwards.
func (r *Runtime) Close() {
	r.stop()
	r.busy.Wait()
}

// find returns what is known of a replica; a new record when there is none.
func (r *Runtime) find(id string) *replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.replicas[id]
	if known == nil {
		known = &replica{id: id, log: newLogFile(r.logPath(id), r.cfg.LogMaxBytes)}
		r.replicas[id] = known
	}
	return known
}

// lock returns what is known of a replica with its starting locked. It tries
// again when the record was forgotten while it waited.
func (r *Runtime) lock(id string) *replica {
	for {
		known := r.find(id)
		known.starting.Lock()
		if r.known(id) == known {
			return known
		}
		known.starting.Unlock()
	}
}

// known returns what is known of a replica, or nil.
func (r *Runtime) known(id string) *replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replicas[id]
}

func (r *Runtime) all() []*replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*replica, 0, len(r.replicas))
	for _, known := range r.replicas {
		list = append(list, known)
	}
	return list
}

// keepLogs bounds the log files of running replicas. A look is one stat of
// each, so that a thousand idle replicas cost a millisecond a second.
func (r *Runtime) keepLogs() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		for _, known := range r.all() {
			if known.current() == nil {
				continue
			}
			if err := known.log.bound(); err != nil {
				r.cfg.Log.Warn("a replica's log could not be rotated", "replica", known.id, "error", err)
			}
		}
	}
}
