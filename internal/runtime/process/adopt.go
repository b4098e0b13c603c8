package process

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"net"
	"strconv"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/probe"
)

// Adopt takes over the processes of an earlier run; see runtime.Runtime. A
// process is the recorded one when its pid, start time and boot are. Where a
// start was ordered and its outcome not recorded, the leader of a process group
// that carries the replica's id and this data directory in its environment is
// the process. The answer is in the order of the list.
//
// Adopt with an empty list ends every replica of the data directory.
func (r *Runtime) Adopt(ctx context.Context, list []runtime.Adoption) ([]runtime.Adopted, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	leaders := map[string]stray{}
	marked := map[string]bool{}
	for _, p := range r.sweeps.scan() {
		marked[p.replica] = marked[p.replica] || !p.check
		if p.Group != p.Pid || p.check {
			continue
		}
		// Of several, the first is the main process: the others are what it started.
		if known, found := leaders[p.replica]; !found || cmp.Or(cmp.Compare(p.Start, known.Start), cmp.Compare(p.Pid, known.Pid)) < 0 {
			leaders[p.replica] = p
		}
	}
	result := make([]runtime.Adopted, len(list))
	lives := map[string]bool{}
	for i, a := range list {
		id := a.Launch.Replica
		result[i].Replica = id
		process, handle, err := r.claim(a, leaders)
		if err != nil {
			return nil, err
		}
		if process == nil {
			continue
		}
		result[i].Handle, lives[id] = handle, true
		r.takeOver(a, process, *handle)
	}
	left := orphanedCgroups(leaders, lives)
	r.sweeps.killWhere(func(p stray) bool { return !lives[p.replica] || p.check })
	r.limits.clean(func(id string) bool { return lives[id] })
	for _, c := range left {
		_ = c.remove() // by another base than this run's; one that is not empty stays
	}
	for i, a := range list {
		if !lives[result[i].Replica] && (a.Handle != nil || marked[result[i].Replica]) {
			exit := runtime.Exit{At: time.Now()}
			exit.Lines = r.find(result[i].Replica).log.reason(0)
			result[i].Exit = &exit
		}
	}
	return result, nil
}

// orphanedCgroups are those of replicas that are about to be ended.
func orphanedCgroups(leaders map[string]stray, lives map[string]bool) []*cgroup {
	var left []*cgroup
	for id, leader := range leaders {
		if !lives[id] {
			left = append(left, cgroupOf(leader.Pid, id))
		}
	}
	return left
}

// claim returns the process of an adoption, or nil when it has ended or was
// never started.
func (r *Runtime) claim(a runtime.Adoption, leaders map[string]stray) (*proc.Process, *runtime.Handle, error) {
	id, handle := a.Launch.Replica, a.Handle
	if handle == nil || handle.Attempt != a.Launch.Attempt {
		leader, found := leaders[id]
		if !found {
			return nil, nil, nil
		}
		handle = &runtime.Handle{
			Attempt: a.Launch.Attempt, Address: net.JoinHostPort(r.cfg.Host, leader.port),
			Pid: leader.Pid, StartTime: leader.Start, BootID: r.bootID, StartedAt: proc.StartedAt(leader.Start),
			GPUs: leader.gpus,
		}
	}
	if handle.BootID != r.bootID {
		return nil, nil, nil // the machine was restarted
	}
	process, err := proc.Hold(handle.Pid, handle.StartTime)
	switch {
	case errors.Is(err, proc.ErrGone):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	// Programs that show their state in ps write over their environment, so none
	// at all says nothing against it.
	if m := marksOf(handle.Pid); m.replica != "" && (m.replica != id || m.data != r.data) {
		process.Close()
		return nil, nil, nil
	}
	return process, handle, nil
}

// takeOver watches an adopted process and goes on with its checks where they
// were.
func (r *Runtime) takeOver(a runtime.Adoption, process *proc.Process, handle runtime.Handle) {
	known := r.find(a.Launch.Replica)
	a.Launch.GPUs = handle.GPUs // its exec checks see what it sees
	if _, port, err := net.SplitHostPort(handle.Address); err == nil {
		known.port, _ = strconv.Atoi(port)
		r.ports.hold(known.port)
	}
	known.cgroup = cgroupOf(handle.Pid, known.id)
	var checks *probe.Machine
	if a.Launch.Spec != nil {
		c := probe.ChecksOf(a.Launch.Spec.Container)
		c.WarmUp = adoptedWarmUp(a.Launch, handle.Address)
		checks = probe.Begin(c, handle.StartedAt)
		if a.Healthy {
			checks = probe.Resume(c, handle.StartedAt, time.Now(), spread(known.id))
		}
	}
	r.watch(known, process, handle, 0, a.Launch, checks)
}

// spread is a number from 0 to 1 that is the replica's own.
func spread(id string) float64 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return float64(h.Sum32()) / (1 << 32)
}
