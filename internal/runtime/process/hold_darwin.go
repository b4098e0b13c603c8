package process

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/internal/runtime"
)

// hold on a system without pidfds: a child by its parent's handle, any other by
// its start time, compared before each signal. The end of either is looked for
// once a second.
type hold struct{ child *os.Process }

func canHold() error { return nil }

func holdChild(child *os.Process) (*held, error) {
	start, err := startTime(child.Pid)
	if err != nil {
		start = 0 // it has ended already
	}
	return &held{pid: child.Pid, start: start, hold: hold{child}}, nil
}

func holdPid(pid int, start uint64) (*held, error) {
	p := &held{pid: pid, start: start}
	if p.ended() {
		return nil, errGone
	}
	return p, nil
}

func (p *held) ended() bool {
	for _, info := range processes(p.pid) {
		return info.zombie || p.start != 0 && info.start != p.start
	}
	return true
}

func (p *held) wait(ctx context.Context) bool {
	for !p.ended() {
		if !sleep(ctx, time.Second) {
			return false
		}
	}
	return true
}

func (p *held) terminate() error { return p.signal(unix.SIGTERM) }

func (p *held) kill() error { return p.signal(unix.SIGKILL) }

func (p *held) signal(s unix.Signal) error {
	if p.ended() {
		return nil
	}
	return goneIsFine(unix.Kill(p.pid, s))
}

// killGroup does nothing once the number of the group may be another's: the
// process is gone and was not ours to reap. sweep finds what is left.
func (p *held) killGroup() error {
	if p.child == nil && p.ended() {
		return nil
	}
	return goneIsFine(unix.Kill(-p.pid, unix.SIGKILL))
}

func (p *held) reap() runtime.Exit {
	if p.child == nil {
		return unknownExit()
	}
	state, err := p.child.Wait()
	if err != nil {
		return unknownExit()
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	return exitOf(status)
}

func (p *held) close() {}
