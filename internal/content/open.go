package content

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Open opens the store in a folder, which it makes if it is not there. It
// removes what a Keep or Sweep left that did not come to its end, and what was
// damaged so that it says nothing (Notes). Only one process may have it open: the
// data directory's lock sees to that.
func Open(dir string, options Options) (*Artifacts, error) {
	if options.MaxBytes == 0 {
		options.MaxBytes = DefaultMaxBytes
	}
	a := &Artifacts{
		Files: New(), dir: dir, options: options, keeping: make(chan struct{}, 1),
		contents: map[string]*kept{}, objects: map[objectKey]*object{}, across: map[uint64]bool{},
		step: func(string) error { return nil },
	}
	a.free = func() (int64, error) { return room(dir) }
	a.listed = a.manifestOf
	if options.NoRegistries {
		a.images = nil
	}
	if err := a.recover(); err != nil {
		return nil, fmt.Errorf("the copies of versions' files in %s cannot be used: %w; without them no rollback works to a version whose files are gone, so make the folder readable and writable, or move it away", dir, err)
	}
	return a, nil
}

func (a *Artifacts) manifestOf(sha256 string) *manifest {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.contents[sha256]; k != nil {
		return k.manifest
	}
	return nil
}

// recover keeps what has a manifest, and removes everything else.
func (a *Artifacts) recover() error {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	if err := removeTree(filepath.Join(a.dir, "tmp")); err != nil {
		return err
	}
	for _, name := range []string{"tmp", "objects", "trees", "manifests"} {
		if err := os.MkdirAll(filepath.Join(a.dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := a.loadManifests(); err != nil {
		return err
	}
	err := a.eachIn("trees", func(d os.DirEntry, path string) error {
		if a.contents[d.Name()] == nil {
			return removeTree(path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.loadObjects(); err != nil {
		return err
	}
	a.shares = a.tryClone()
	return nil
}

func (a *Artifacts) eachIn(folder string, visit func(d os.DirEntry, path string) error) error {
	dir := filepath.Join(a.dir, folder)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range list {
		if err := visit(d, filepath.Join(dir, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (a *Artifacts) loadManifests() error {
	return a.eachIn("manifests", func(d os.DirEntry, path string) error {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, unix.EISDIR) {
			return err
		}
		m, wrong := readManifest(text, d.Name())
		if wrong != nil {
			a.notes = append(a.notes, fmt.Sprintf("%s was damaged (%v); the copy that it lists is removed", path, wrong))
			return removeTree(path)
		}
		a.adopt(m)
		return nil
	})
}

// adopt takes a content into the index. The caller holds the lock, or nobody
// else knows the store yet.
func (a *Artifacts) adopt(m *manifest) {
	a.contents[m.SHA256] = &kept{manifest: m, verified: map[string]verified{}}
	for i := range m.Items {
		it := &m.Items[i]
		if !it.regular() {
			continue
		}
		o := a.objects[it.key()]
		if o == nil {
			o = &object{size: it.Size, modified: it.Modified, gone: true}
			a.objects[it.key()] = o
		}
		o.refs++
	}
}

// loadObjects finds which objects are there, and removes what no manifest names.
func (a *Artifacts) loadObjects() error {
	return a.eachIn("objects", func(shard os.DirEntry, dir string) error {
		if !shard.IsDir() {
			return os.Remove(dir)
		}
		return a.eachIn(filepath.Join("objects", shard.Name()), func(d os.DirEntry, path string) error {
			o := a.objects[objectKey(d.Name())]
			if o == nil || !d.Type().IsRegular() || d.Name()[:2] != shard.Name() {
				return removeTree(path)
			}
			o.gone = false
			a.used += o.size
			return nil
		})
	})
}

// tryClone tells whether this file system shares blocks.
func (a *Artifacts) tryClone() bool {
	from, err := os.Create(filepath.Join(a.dir, "tmp", "from"))
	if err != nil {
		return false
	}
	defer os.Remove(from.Name())
	defer from.Close()
	if _, err := from.Write(make([]byte, 64<<10)); err != nil {
		return false
	}
	to := filepath.Join(a.dir, "tmp", "to")
	if err := clone(from, to); err != nil {
		return false
	}
	os.Remove(to)
	return true
}

// room is how many bytes of a file system may be used: a twentieth, at most a
// gigabyte, stays for others, the database among them.
func room(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	size := uint64(st.Bsize)
	reserve := min(uint64(st.Blocks)*size/20, 1<<30)
	if free := uint64(st.Bavail) * size; free > reserve {
		return int64(free - reserve), nil
	}
	return 0, nil
}

// removeTree removes whatever is at a path, also folders that forbid it.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
