package proc

import (
	"errors"
	"os"
	"syscall"
	"time"

	"sluice.dev/sluice/internal/runtime"
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
//	(*Process).Reap() runtime.Exit            after its end: how it ended, and no zombie
//	(*Process).Close()                        let go of it; it goes on
type Process struct {
	Pid   int
	Start uint64 // in the kernel's own unit, see runtime.Handle.StartTime
	hold         // what the system keeps
}

// exitOf reads how a child ended.
func exitOf(status syscall.WaitStatus) runtime.Exit {
	exit := runtime.Exit{Known: true, At: time.Now()}
	if status.Signaled() {
		exit.Signal = status.Signal().String()
	} else {
		exit.Code = status.ExitStatus()
	}
	return exit
}

// unknownExit is the end of a process whose code went to another parent.
func unknownExit() runtime.Exit { return runtime.Exit{At: time.Now()} }

// goneIsFine turns the errors of signalling what has ended into none.
func goneIsFine(err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
