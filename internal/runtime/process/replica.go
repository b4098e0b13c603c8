package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/probe"
)

// replica is what this package knows of one: what is kept over its attempts
// until it is forgotten, and the attempt that runs.
type replica struct {
	id  string
	log *logFile

	starting sync.Mutex // one Start at a time
	port     int        // reserved, 0 for none; guarded by starting
	cgroup   *cgroup    // nil for none; guarded by starting

	mu    sync.Mutex
	run   *run // nil when nothing runs
	begun bool // a Start is under way
	quiet bool // Quiet was called meanwhile
}

func (k *replica) current() *run {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.run
}

// run is one attempt: a process and the watch over it.
type run struct {
	replica string
	handle  runtime.Handle
	process *proc.Process
	logFrom int64 // where its part of the log begins

	cgroup   *cgroup
	ooms     int // what its cgroup counted when it began
	memoryMB int

	checks context.CancelFunc // ends them
	events func(runtime.Event)

	mu    sync.Mutex
	quiet bool // no more reports of checks
	asked bool // to end, by Terminate or Kill
}

// Start starts a replica's process; see runtime.Runtime.
func (r *Runtime) Start(ctx context.Context, l runtime.Launch) (runtime.Handle, error) {
	if err := ctx.Err(); err != nil {
		return runtime.Handle{}, err
	}
	known := r.lock(l.Replica)
	defer known.starting.Unlock()
	if now := known.current(); now != nil {
		if now.handle.Attempt == l.Attempt {
			return now.handle, nil
		}
		return runtime.Handle{}, fmt.Errorf("replica %s: attempt %d is asked for while attempt %d still runs", l.Replica, l.Attempt, now.handle.Attempt)
	}
	if l.Spec == nil {
		return runtime.Handle{}, unstartable("replica %s: the configuration of version %d is not there; update the service", l.Replica, l.Version)
	}
	known.begin(true)
	defer known.begin(false)
	port, err := r.ports.reserve(known.port)
	known.port = port
	if err != nil {
		return runtime.Handle{}, err
	}
	p, err := r.prepare(l, port)
	if err != nil {
		return runtime.Handle{}, err
	}
	warm, err := warmUp(l, p.dir, handleAddress(r.cfg.Host, port))
	if err != nil {
		return runtime.Handle{}, err
	}
	if p.cgroup, err = r.limits.make(l.Replica, &l); err != nil {
		return runtime.Handle{}, err
	}
	if p.cgroup != nil {
		known.cgroup = p.cgroup
	}
	logFrom := known.log.end()
	process, err := spawn(p, known.log)
	if err != nil {
		return runtime.Handle{}, err
	}
	started := time.Now()
	handle := runtime.Handle{
		Attempt: l.Attempt, Address: handleAddress(r.cfg.Host, port),
		Pid: process.Pid, StartTime: process.Start, BootID: r.bootID, StartedAt: started, GPUs: l.GPUs,
	}
	checks := probe.ChecksOf(l.Spec.Container)
	checks.WarmUp = warm
	r.watch(known, process, handle, logFrom, l, probe.Begin(checks, started))
	return handle, nil
}

func handleAddress(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func (k *replica) begin(begun bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun, k.quiet = begun, false
}

// spawn starts the program, its output in the log.
func spawn(p *program, log *logFile) (*proc.Process, error) {
	out, err := log.open()
	if err != nil {
		return nil, fmt.Errorf("open the replica's log: %w", err)
	}
	defer out.Close()
	return p.start(out)
}

// start starts the program in a session of its own.
func (p *program) start(out *os.File) (*proc.Process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &syscall.SysProcAttr{Setsid: true}
	entered, err := p.cgroup.enter(attr)
	if err != nil {
		return nil, err
	}
	defer entered()
	child, err := os.StartProcess(p.path, p.argv, &os.ProcAttr{
		Dir: p.dir, Env: p.env, Files: []*os.File{null, out, out}, Sys: attr,
	})
	if err != nil {
		return nil, startError(p, errors.Unwrap(err))
	}
	return proc.HoldChild(child)
}

// watch records the run and follows it: one goroutine waits for its end, one
// makes its checks.
func (r *Runtime) watch(known *replica, process *proc.Process, handle runtime.Handle, logFrom int64, l runtime.Launch, checks *probe.Machine) {
	ctx, cancel := context.WithCancel(r.ctx)
	now := &run{
		replica: known.id, handle: handle, process: process, logFrom: logFrom,
		checks: cancel, events: r.cfg.Events,
		cgroup: known.cgroup, ooms: known.cgroup.oomKills(),
	}
	if l.Spec != nil {
		now.memoryMB = l.Spec.MemoryMB
	}
	known.mu.Lock()
	known.run = now
	now.quiet = known.quiet
	known.mu.Unlock()
	if checks != nil && !now.quiet {
		at := r.probeAddress(handle.Address, l)
		r.busy.Go(func() { probe.Run(ctx, checks, at.Probe, now.report) })
	}
	r.busy.Go(func() { r.await(known, now) })
}

func (r *Runtime) probeAddress(address string, l runtime.Launch) probe.Address {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return probe.Address{
		Host: host, Port: n, Nominal: l.Spec.Container.Port,
		Exec: func(ctx context.Context, command []string) error { return r.execute(ctx, l, n, command) },
	}
}

// report passes on what a check found, unless the run is quiet or over.
func (n *run) report(found probe.Report, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.quiet {
		n.events(runtime.Event{Replica: n.replica, Attempt: n.handle.Attempt, Kind: found.Kind, At: at, Reason: found.Reason})
	}
}

// hush ends the checks; afterwards none of their reports goes out.
func (n *run) hush() {
	n.checks()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.quiet = true
}

// ask notes that the end of the run was asked for.
func (n *run) ask() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = true
}

// await follows a run to its end: what it started ends too, then the end is
// reported, when its port and its log are at rest.
func (r *Runtime) await(known *replica, now *run) {
	defer now.process.Close()
	defer now.checks()
	if !now.process.Wait(r.ctx) {
		return // Close: it goes on without us
	}
	now.hush()
	// Before it is reaped: until then its number, and so that of its group, is
	// its own.
	if err := now.process.KillGroup(); err != nil {
		r.cfg.Log.Warn("the process group of an ended replica cannot be killed", "replica", known.id, "error", err)
	}
	r.awaitGroup(now.handle.Pid)
	now.cgroup.end()
	exit := exitOf(now.process.Reap())
	exit.Cause = now.outOfMemory()
	if exit.Known && exit.Code == 0 && exit.Signal == "" && !now.wasAsked() {
		exit.Hint = "a command must stay in the foreground"
	}
	r.sweeps.kill(known.id)
	exit.Lines = known.log.reason(now.logFrom)
	// In one step, so that whoever sees that nothing runs has been told so.
	known.mu.Lock()
	defer known.mu.Unlock()
	known.run = nil
	now.events(runtime.Event{
		Replica: known.id, Attempt: now.handle.Attempt, Kind: runtime.Exited,
		At: exit.At, Reason: exit.String(), Exit: &exit,
	})
}

func (n *run) wasAsked() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// started returns the run of a replica, also of a Start that is under way, or
// nil.
func (r *Runtime) started(id string) *run {
	known := r.known(id)
	if known == nil {
		return nil
	}
	known.starting.Lock()
	defer known.starting.Unlock()
	return known.current()
}

// Terminate sends SIGTERM to the main process; see runtime.Runtime.
func (r *Runtime) Terminate(_ context.Context, id string) error {
	now := r.started(id)
	if now == nil {
		return nil
	}
	now.ask()
	return now.process.Terminate()
}

// Kill sends SIGKILL to the whole group; what left it is killed when the main
// process has ended. See runtime.Runtime.
func (r *Runtime) Kill(_ context.Context, id string) error {
	now := r.started(id)
	if now == nil {
		return nil
	}
	now.ask()
	return now.process.KillGroup()
}

// Quiet stops the checks of a replica, without waiting for a Start that is under
// way; see runtime.Runtime.
func (r *Runtime) Quiet(id string) {
	known := r.known(id)
	if known == nil {
		return
	}
	known.mu.Lock()
	known.quiet = known.begun && known.run == nil
	now := known.run
	known.mu.Unlock()
	if now != nil {
		now.hush()
	}
}

// Forget gives back the port of an ended replica and deletes its log; while it
// runs it does nothing. See runtime.Runtime.
func (r *Runtime) Forget(id string) {
	known := r.lock(id)
	defer known.starting.Unlock()
	if known.current() != nil {
		return
	}
	r.mu.Lock()
	delete(r.replicas, id)
	r.mu.Unlock()
	r.ports.release(known.port)
	if err := known.cgroup.remove(); err != nil {
		r.cfg.Log.Warn("the cgroup of a forgotten replica cannot be removed", "replica", id, "error", err)
	}
	if err := known.log.remove(); err != nil {
		r.cfg.Log.Warn("the log of a forgotten replica cannot be deleted", "replica", id, "error", err)
	}
}
