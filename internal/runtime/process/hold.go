package process

import (
	"errors"
	"os"
	"syscall"
	"time"

	"sluice.dev/sluice/internal/runtime"
)

// errGone is that a process has ended, or that its pid is another's by now.
var errGone = errors.New("the process has ended")

// held is the main process of a replica, held so that what is done to it can
// never be done to another process that got its pid. Its methods are in
// hold_linux.go and hold_darwin.go:
//
//	holdChild(*os.Process) (*held, error)  one that was just started
//	holdPid(pid, start) (*held, error)     one of an earlier run; errGone
//	(*held).wait(ctx) bool                 until it has ended; false: ctx is done
//	(*held).terminate() error              SIGTERM to it alone
//	(*held).kill() error                   SIGKILL to it alone
//	(*held).killGroup() error              SIGKILL to its process group, also after its end
//	(*held).reap() runtime.Exit            after its end: how it ended, and no zombie
//	(*held).close()
type held struct {
	pid   int
	start uint64 // in the kernel's own unit, see Handle.StartTime
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
	if errors.Is(err, errGone) || errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
