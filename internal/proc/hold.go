package proc

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// ErrGone is that a process has ended, or that its pid is another's by now.
var ErrGone = errors.New("the process has ended")

// Process is a process held so that what is done to it can never be done to
// another that got its pid. Its methods are in hold_linux.go and hold_darwin.go:
//
//	HoldChild(*os.Process) (*Process, error)  one that was just started
//	Hold(pid, start) (*Process, error)        one of an earlier run; ErrGone
//	(*Process).Wait(ctx) bool                 until it has ended; false: ctx is done
//	(*Process).Terminate() error              SIGTERM to it alone
//	(*Process).Kill() error                   SIGKILL to it alone
//	(*Process).KillGroup() error              SIGKILL to its process group, also after its end
//	(*Process).Reap() End                     after its end: how it ended, and no zombie
//	(*Process).Close()                        let go of it; it goes on
type Process struct {
	Pid   int
	Start uint64 // in the kernel's own unit, as in runtime.Handle.StartTime
	hold         // what the system keeps
}

// End is how a process ended. The zero End is that of a process whose code went
// to another parent.
type End struct {
	Known  bool
	Code   int
	Signal string // what ended it, as "killed"; "" when it exited by itself
}

// String says it in words: "exit code 3", "ended by signal: killed".
func (e End) String() string {
	switch {
	case !e.Known:
		return "exit code unknown"
	case e.Signal != "":
		return "ended by signal: " + e.Signal
	}
	return "exit code " + strconv.Itoa(e.Code)
}

// endOf reads how a child ended.
func endOf(status syscall.WaitStatus) End {
	if status.Signaled() {
		return End{Known: true, Signal: status.Signal().String()}
	}
	return End{Known: true, Code: status.ExitStatus()}
}

// goneIsFine turns the errors of signalling what has ended into none.
func goneIsFine(err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
