package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"sluice.dev/sluice/internal/store"
)

// What an *Error is about, for errors.Is.
var (
	ErrCorrupt     = errors.New("the database is damaged")
	ErrFull        = errors.New("the disk is full")
	ErrReadOnly    = errors.New("it cannot be written to")
	ErrNewerSchema = errors.New("the database was written by a newer Sluice")
	ErrForeign     = errors.New("the file is the database of another program")
)

// Error is a failure of the database file or of the disk below it.
type Error struct {
	Op   string // what was being done: "open", "commit", "load"
	Path string // the file or directory
	Hint string // what to do next, a sentence; empty when nothing is known to help
	Err  error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err)
	if e.Hint != "" {
		text += ". " + e.Hint
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

const (
	hintCorrupt = "Nothing was changed or deleted. Restore the file from a backup, or keep it aside and start with another --data directory"
	hintFull    = "Free some space on its disk and try again; everything committed before is safe"
	hintWrite   = "Make the directory and its files writable for this user, or give another --data directory"
	hintNewer   = "Start the Sluice that wrote it, or a later one; an older one would lose what it does not know"
	hintForeign = "Give a --data directory that is empty or was made by Sluice"
	hintIO      = "Look for failing hardware or a file system that was unmounted; everything committed before is as it was"
	hintBusy    = "Another program has the file open for writing; end it and try again"
)

// failure turns err into an *Error. What the caller caused (a cancelled
// context, a record that is not there) stays what it is.
func failure(op, path string, err error) error {
	var own *Error
	switch {
	case err == nil, errors.As(err, &own),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, store.ErrNotFound):
		return err
	}
	hint, kind := classify(err)
	if kind != nil {
		err = fmt.Errorf("%w (%w)", kind, err)
	}
	return &Error{Op: op, Path: path, Hint: hint, Err: err}
}

func classify(err error) (hint string, kind error) {
	switch {
	case errors.Is(err, ErrCorrupt):
		return hintCorrupt, nil
	case errors.Is(err, ErrForeign):
		return hintForeign, nil
	case errors.Is(err, ErrNewerSchema):
		return hintNewer, nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return hintFull, ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return hintWrite, ErrReadOnly
	}
	var sqlite *driver.Error
	if !errors.As(err, &sqlite) {
		return "", nil
	}
	if sqlite.Code() == lib.SQLITE_IOERR_SHMSIZE {
		return hintFull, ErrFull
	}
	switch sqlite.Code() & 0xff { // the rest of an extended code says where, not what
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return hintCorrupt, ErrCorrupt
	case lib.SQLITE_FULL:
		return hintFull, ErrFull
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return hintWrite, ErrReadOnly
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return hintBusy, nil
	case lib.SQLITE_IOERR:
		return hintIO, nil
	}
	return "", nil
}

// missingParent tells the failure of a record whose service is not there.
func missingParent(err error) bool {
	var sqlite *driver.Error
	return errors.As(err, &sqlite) && sqlite.Code() == lib.SQLITE_CONSTRAINT_FOREIGNKEY
}
