package content

import (
	"os"

	"golang.org/x/sys/unix"
)

// sequential tells the kernel to read ahead far.
func sequential(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) }

// clone makes a new file that shares its blocks with another; the error says
// that it cannot be done there, and nothing is left.
func clone(from *os.File, to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = unix.IoctlFileClone(int(f.Fd()), int(from.Fd()))
	f.Close()
	if err != nil {
		os.Remove(to)
		return &os.LinkError{Op: "clone", Old: from.Name(), New: to, Err: err}
	}
	return nil
}

// writeBack has what was written go to the disk as it is written, and forgets
// it: a copy is rarely read, and a lot of it waiting would hold up whoever syncs
// a small file meanwhile, such as the database.
func writeBack(f *os.File, from, size int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, size, unix.SYNC_FILE_RANGE_WRITE)
	if from >= size {
		_ = unix.SyncFileRange(int(f.Fd()), from-size, size,
			unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
		_ = unix.Fadvise(int(f.Fd()), from-size, size, unix.FADV_DONTNEED)
	}
}

// syncAll syncs the file system that a folder is on: for many files far cheaper
// than one by one. False where there is no such thing.
func syncAll(dir *os.File) (bool, error) { return true, unix.Syncfs(int(dir.Fd())) }
