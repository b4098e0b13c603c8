package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// bufferSize is large enough for a disk's speed, and small enough that the
	// hash of one buffer, which the scheduler cannot interrupt, takes well below
	// a millisecond.
	bufferSize = 512 << 10
	// tick is more than the kernel's clock for times of files: of two writes
	// within one tick the second may leave the same times.
	tick = 20 * time.Millisecond
)

// errChanged is what a file gives that is not what it was when it was looked at.
var errChanged = errors.New("changed while it was read")

// settle waits until a write from now on gives the file another time than it
// has. A time in the future is another machine's clock, and not waited for.
func settle(ctx context.Context, id identity) error {
	age := time.Since(time.Unix(0, id.ctime))
	if age < 0 || age >= tick {
		return nil
	}
	select {
	case <-time.After(tick - age):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openAs opens the file that was looked at, and never one that took its place: a
// pipe would hold the reader forever.
func openAs(path string, id identity) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := same(f, id); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func same(f *os.File, id identity) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if uint32(st.Mode)&unix.S_IFMT != unix.S_IFREG || identityOf(&st) != id {
		return fmt.Errorf("%s %w", f.Name(), errChanged)
	}
	return nil
}

// sumFile is the SHA-256 of the file that was looked at; as it is read, it is
// also written to copied unless that is nil.
func sumFile(ctx context.Context, path string, id identity, copied io.Writer, r *reading) (string, error) {
	if err := settle(ctx, id); err != nil {
		return "", err
	}
	f, err := openAs(path, id)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sequential(f)
	sha, err := sum(ctx, f, copied, r)
	if err != nil {
		return "", err
	}
	return sha, same(f, id)
}

// buffers are lent: a folder of small files would else clear one for each.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func sum(ctx context.Context, from io.Reader, copied io.Writer, r *reading) (string, error) {
	h := sha256.New()
	lent := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(lent)
	buffer := lent[:]
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := from.Read(buffer)
		h.Write(buffer[:n])
		if copied != nil && n > 0 {
			if _, err := copied.Write(buffer[:n]); err != nil {
				return "", err
			}
		}
		r.done.Add(int64(n))
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// sums are those of a tree's entries, "" for what is no file.
func (f *Files) sums(ctx context.Context, t *tree, r *reading) ([]string, error) {
	if err := t.problem(); err != nil {
		return nil, err
	}
	list := make([]string, len(t.entries))
	for i := range t.entries {
		e := &t.entries[i]
		if !e.regular() {
			continue
		}
		before := r.done.Load()
		var err error
		list[i], err = f.cache.once(ctx, e.id, func() (string, error) { return sumFile(ctx, t.at(e), e.id, nil, r) })
		if err != nil {
			return nil, err
		}
		r.done.Store(before + int64(e.id.size)) // also when it was known
	}
	return list, nil
}

// read is the SHA-256 of a tree as it was looked at, and of each entry.
func (f *Files) read(ctx context.Context, t *tree) (sha string, sums []string, err error) {
	r, end := f.desk.begin(t)
	defer end()
	if sums, err = f.sums(ctx, t, r); err != nil {
		return "", nil, err
	}
	stat := t.stat()
	if again, err := look(t.path); err != nil || again.stat() != stat {
		return "", nil, errors.Join(err, fmt.Errorf("%s %w", t.path, errChanged))
	}
	sha = t.digest(sums)
	f.cache.putFact(stat, sha)
	return sha, sums, nil
}
