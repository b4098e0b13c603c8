package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// logPath is the log file of a replica; ids hold no slash, and Base makes sure.
func (r *Runtime) logPath(id string) string {
	return filepath.Join(r.data, "logs", filepath.Base(id)+".log")
}

// logFile is what a replica wrote: PATH, and PATH.1 with what came before it.
//
// The replica itself holds PATH open for appending, so that its output needs no
// control plane; to keep the file bounded, bound takes the older part out of it
// from behind the writer's back. Where the file system can cut the head off a
// file (ext4, xfs) nothing is lost. Elsewhere the file is copied and truncated,
// and what is written in the microseconds between the two is.
//
// Readers use positions that outlive this: position p is the byte at offset
// p-base of PATH, and PATH.1 ends at base.
type logFile struct {
	path  string
	limit int64

	mu   sync.RWMutex
	base int64
}

func newLogFile(path string, limit int64) *logFile { return &logFile{path: path, limit: limit} }

func (l *logFile) older() string { return l.path + ".1" }

// open opens it for a replica to write to.
func (l *logFile) open() (*os.File, error) {
	return os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// end is the position after the last byte.
func (l *logFile) end() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.base + sizeOf(l.path)
}

// begin is the position of the first byte that is kept.
func (l *logFile) begin() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.base - sizeOf(l.older())
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// exists tells whether anything is kept.
func (l *logFile) exists() bool {
	_, err := os.Stat(l.path)
	return err == nil
}

// errDropped is that a position is no longer kept.
var errDropped = errors.New("this part of the log is no longer kept")

// readAt reads what stands at a position, as io.ReaderAt does but with fewer
// bytes than asked for at the boundary of the two files. At the end it returns
// io.EOF.
func (l *logFile) readAt(p []byte, position int64) (int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	path, offset := l.path, position-l.base
	if offset < 0 {
		path = l.older()
		offset += sizeOf(path)
	}
	if offset < 0 {
		return 0, errDropped
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.ReadAt(p, offset)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// remove deletes both files.
func (l *logFile) remove() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, path := range []string{l.path, l.older()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// bound moves the older part to PATH.1 when PATH has outgrown its limit. When
// that cannot be written (a full disk, most likely) the older part is dropped:
// a log must not be what fills the disk.
func (l *logFile) bound() error {
	if sizeOf(l.path) <= l.limit {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if cut, ok := wholeBlocks(f); ok {
		kept := l.keepOlder(f, cut)
		if cutHead(f, cut) == nil {
			l.base += cut
			return kept
		}
	}
	// The end is taken last: what is written during the copy is copied too.
	size, kept := l.keepAll(f)
	if err := f.Truncate(0); err != nil {
		return err
	}
	l.base += size
	return kept
}

// keepOlder makes PATH.1 the bytes of f before cut, at most limit of them. On
// failure there is no PATH.1: the one before it would leave a gap.
func (l *logFile) keepOlder(f *os.File, cut int64) error {
	from := max(0, cut-l.limit)
	return l.replaceOlder(func(to *os.File) error {
		_, err := io.Copy(to, io.NewSectionReader(f, from, cut-from))
		return err
	})
}

// keepAll makes PATH.1 the last bytes of f, at most limit of them and what is
// written meanwhile, and returns the size of f.
func (l *logFile) keepAll(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from, copied := max(0, info.Size()-l.limit), int64(0)
	err = l.replaceOlder(func(to *os.File) error {
		if _, err := f.Seek(from, io.SeekStart); err != nil {
			return err
		}
		copied, err = io.Copy(to, f)
		return err
	})
	if err != nil {
		return info.Size(), err
	}
	return from + copied, nil
}

func (l *logFile) replaceOlder(write func(*os.File) error) error {
	temporary := l.older() + ".tmp"
	to, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(write(to), to.Close())
	}
	if err == nil {
		err = os.Rename(temporary, l.older())
	}
	if err != nil {
		os.Remove(temporary)
		os.Remove(l.older())
		return fmt.Errorf("the older part of %s is lost: %w", l.path, err)
	}
	return nil
}
