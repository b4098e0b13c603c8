package proc

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hold on a system without pidfds: a child by its parent's handle, any other by
// its start time, compared before each signal. The end of either is looked for
// once a second.
type hold struct{ child *os.Process }

func CanHold() error { return nil }

// HoldChild takes over a process that this one has just started.
func HoldChild(child *os.Process) (*Process, error) {
	start, err := StartTime(child.Pid)
	if err != nil {
		start = 0 // it has ended already
	}
	return &Process{Pid: child.Pid, Start: start, hold: hold{child}}, nil
}

func Hold(pid int, start uint64) (*Process, error) {
	p := &Process{Pid: pid, Start: start}
	if p.ended() {
		return nil, ErrGone
	}
	return p, nil
}

func (p *Process) ended() bool {
	for _, info := range List(p.Pid) {
		return info.Zombie || p.Start != 0 && info.Start != p.Start
	}
	return true
}

func (p *Process) Wait(ctx context.Context) bool {
	for !p.ended() {
		if !sleep(ctx, time.Second) {
			return false
		}
	}
	return true
}

func (p *Process) Terminate() error { return p.signal(unix.SIGTERM) }

func (p *Process) Kill() error { return p.signal(unix.SIGKILL) }

func (p *Process) signal(s unix.Signal) error {
	if p.ended() {
		return nil
	}
	return goneIsFine(unix.Kill(p.Pid, s))
}

// killGroup does nothing once the number of the group may be another's: the
// process is gone and was not ours to reap. sweep finds what is left.
func (p *Process) KillGroup() error {
	if p.child == nil && p.ended() {
		return nil
	}
	return goneIsFine(unix.Kill(-p.Pid, unix.SIGKILL))
}

func (p *Process) Reap() End {
	if p.child == nil {
		return End{}
	}
	state, err := p.child.Wait()
	if err != nil {
		return End{}
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	return endOf(status)
}

func (p *Process) Close() {}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
