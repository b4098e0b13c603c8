package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hold is a pidfd (Linux 5.10), registered with Go's poller: a goroutine that
// waits for the end of a process costs no thread.
type hold struct{ pidfd *os.File }

// pidfdSignalGroup makes pidfd_send_signal reach the process group that the
// process leads (Linux 6.9), which names the group as safely as the process.
const pidfdSignalGroup = 4

// canHold tells whether this kernel has what hold needs.
func CanHold() error {
	p, err := openPidfd(os.Getpid())
	if err != nil {
		return fmt.Errorf("local processes need pidfds, which Linux has since 5.10: %w", err)
	}
	p.Close()
	return nil
}

// HoldChild takes over a process that this one has just started.
func HoldChild(child *os.Process) (*Process, error) {
	// The pid cannot become another's: nobody but us reaps it.
	p, err := openPidfd(child.Pid)
	if err == nil {
		p.Start, err = StartTime(child.Pid)
	}
	if err != nil {
		_ = unix.Kill(-child.Pid, unix.SIGKILL)
		_, _ = child.Wait()
		return nil, fmt.Errorf("hold process %d: %w", child.Pid, err)
	}
	_ = child.Release()
	return p, nil
}

// Hold takes over a process of an earlier run. What has its pid now is that
// process only if it started at the same time.
func Hold(pid int, start uint64) (*Process, error) {
	p, err := openPidfd(pid)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // gone; now a thread of another
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	// The order matters: from here on the pidfd names one process, and the start
	// time tells whether it is the one.
	p.Start, err = StartTime(pid)
	if err != nil || p.Start != start || p.ended() {
		p.Close()
		return nil, ErrGone
	}
	return p, nil
}

func openPidfd(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), fmt.Sprintf("pidfd of %d", pid))
	if err := f.SetDeadline(time.Time{}); err != nil {
		f.Close()
		return nil, err
	}
	return &Process{Pid: pid, hold: hold{f}}, nil
}

// with calls f with the descriptor while it is sure to be open; once it is
// closed the process is no concern of ours, which is ErrGone.
func (p *Process) with(f func(fd int) error) error {
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return ErrGone
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return ErrGone
	}
	return result
}

// ended tells whether all threads of the process have ended; it may still be a
// zombie.
func (p *Process) ended() bool {
	var over bool
	_ = p.with(func(fd int) error {
		over = readable(fd)
		return nil
	})
	return over
}

func readable(pidfd int) bool {
	set := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(set, 0)
	return err == nil && n > 0
}

func (p *Process) Wait(ctx context.Context) bool {
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return false
	}
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = p.pidfd.SetReadDeadline(time.Unix(1, 0))
		close(expired)
	})
	defer func() {
		if !stop() {
			<-expired
			_ = p.pidfd.SetReadDeadline(time.Time{}) // for the next Wait
		}
	}()
	over := false
	err = raw.Read(func(fd uintptr) bool {
		over = readable(int(fd))
		return over
	})
	return err == nil && over
}

func (p *Process) Terminate() error { return p.signal(unix.SIGTERM) }

func (p *Process) Kill() error { return p.signal(unix.SIGKILL) }

func (p *Process) signal(s unix.Signal) error {
	return goneIsFine(p.with(func(fd int) error { return unix.PidfdSendSignal(fd, s, nil, 0) }))
}

func (p *Process) KillGroup() error {
	return goneIsFine(p.with(func(fd int) error {
		err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, pidfdSignalGroup)
		if !errors.Is(err, unix.EINVAL) {
			return err
		}
		// An older kernel. While it is our child and not reaped its number, and so
		// that of its group, is its own.
		if ourChild(fd) {
			return unix.Kill(-p.Pid, unix.SIGKILL)
		}
		// Of another parent: the process alone; sweep finds the others.
		return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}))
}

func ourChild(pidfd int) bool {
	err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil || errors.Is(err, unix.EAGAIN)
}

func (p *Process) Reap() End {
	var end End
	_ = p.with(func(fd int) error {
		if !ourChild(fd) {
			return nil
		}
		var status syscall.WaitStatus
		if pid, err := syscall.Wait4(p.Pid, &status, 0, nil); err == nil && pid == p.Pid {
			end = endOf(status)
		}
		return nil
	})
	return end
}

func (p *Process) Close() { p.pidfd.Close() }
