package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// LockedError refuses a second server on a data directory.
type LockedError struct {
	Dir string
	Pid int // of the process that holds it; 0 when it could not be read
}

func (e *LockedError) Error() string {
	if e.Pid == 0 {
		return fmt.Sprintf("data directory %s is in use by another process; end it with `sluice down --data %s`, or give another --data", e.Dir, e.Dir)
	}
	return fmt.Sprintf("data directory %s is in use by process %d; end it with `sluice down --data %s`, or give another --data", e.Dir, e.Pid, e.Dir)
}

// A lock is held for as long as its file is open, so it cannot outlive its
// process. Go opens files close-on-exec: replicas do not inherit it.
type lock struct{ file *os.File }

const (
	// LockHolder itself takes the lock for an instant; a server that starts
	// just then tries again for this long before it believes in another.
	lockPatience = 200 * time.Millisecond
	lockRetry    = 5 * time.Millisecond
)

func lockPath(dir string) string { return filepath.Join(dir, "lock") }

// takeLock locks dir for this process, or returns a *LockedError.
func takeLock(dir string) (*lock, error) {
	f, err := os.OpenFile(lockPath(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for start := time.Now(); ; time.Sleep(lockRetry) {
		err = flock(f, unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
		if time.Since(start) > lockPatience {
			defer f.Close()
			return nil, &LockedError{Dir: dir, Pid: readPid(f)}
		}
	}
	// One write of fixed width: a reader sees the old number or the new one,
	// never a part of either.
	if _, err := f.WriteAt(fmt.Appendf(nil, "%-10d\n", os.Getpid()), 0); err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

// release leaves the file: removing it would let two processes lock two files
// of one name.
func (l *lock) release() error { return l.file.Close() }

// LockHolder tells which process holds the data directory dir. held is false
// when none does, or when there is no such directory. pid is 0 in the instant
// between the taking of the lock and the writing of the number.
func LockHolder(dir string) (pid int, held bool) {
	f, err := os.Open(lockPath(dir))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	if err := flock(f, unix.LOCK_SH); !errors.Is(err, unix.EWOULDBLOCK) {
		return 0, false
	}
	return readPid(f), true
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// readPid reads the number of the process that holds the lock. A number left
// by one that was killed names nobody; the holder is about to write its own.
func readPid(f *os.File) int {
	for start := time.Now(); time.Since(start) < lockPatience; time.Sleep(lockRetry) {
		text := make([]byte, 16)
		n, _ := f.ReadAt(text, 0)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		if err == nil && pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			return pid
		}
	}
	return 0
}
