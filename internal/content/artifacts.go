package content

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice.dev/sluice/api"
)

// DefaultMaxBytes is what may be kept where nobody says otherwise: 20 GiB.
const DefaultMaxBytes = 20 << 30

// Options of a store. The zero value is the default.
type Options struct {
	// MaxBytes bounds different contents together; 0 is DefaultMaxBytes.
	MaxBytes int64
	// NoRegistries has no registry asked for an image: nothing is known of images
	// then but their references.
	NoRegistries bool
}

// The modes of what is kept: read-only, so that only root writes to it by mistake.
const (
	objectMode  fs.FileMode = 0o444
	programMode fs.FileMode = 0o555
)

// Artifacts keeps copies of contents in a folder. It is the controller's
// Content.
type Artifacts struct {
	*Files
	dir     string
	options Options
	shares  bool          // this file system clones
	keeping chan struct{} // one Keep at a time
	notes   []string

	mu       sync.Mutex
	contents map[string]*kept // by SHA256
	objects  map[objectKey]*object
	used     int64
	staged   int             // names a new folder below tmp
	across   map[uint64]bool // whether a device's files can be cloned into dir

	// Tests replace these: the free bytes, and what happens before each step.
	free func() (int64, error)
	step func(name string) error
}

// kept is a whole content. The manifest is never changed, only replaced.
type kept struct {
	manifest *manifest
	held     int // by a Keep that runs
	verified map[string]verified
}

// verified is that a copy was found whole, and until when that is believed.
type verified struct{ until time.Time }

// objectKey is a SHA-256, with an x at the end for an object that may be
// executed: modes belong to the inode.
type objectKey string

func keyOf(sha256 string, kind entryKind) objectKey {
	if kind == executable {
		return objectKey(sha256 + "x")
	}
	return objectKey(sha256)
}

// object is a content stored once.
type object struct {
	size, modified int64
	refs           int  // of contents
	held           int  // by a Keep that runs
	gone           bool // named by a manifest, but not there
}

func (a *Artifacts) objectPath(key objectKey) string {
	return filepath.Join(a.dir, "objects", string(key[:2]), string(key))
}

func (a *Artifacts) treePath(sha256 string) string { return filepath.Join(a.dir, "trees", sha256) }

func (a *Artifacts) manifestPath(sha256 string) string {
	return filepath.Join(a.dir, "manifests", sha256)
}

// Usage is what is kept at this moment.
func (a *Artifacts) Usage() api.Artifacts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return api.Artifacts{Bytes: a.used, Contents: len(a.contents), Limit: a.options.MaxBytes, Reflinks: a.shares}
}

// Notes are what Open found damaged and removed.
func (a *Artifacts) Notes() []string { return a.notes }

// Kept is the path of a whole copy of the content that was recorded, under the
// base name of the original; "" for none, and for one in which a file is missing
// or has another size or time than when it was kept. The copies are not read.
func (a *Artifacts) Kept(d api.Digest) string {
	if d.SHA256 == "" || d.Kind == api.FileImage {
		return ""
	}
	a.mu.Lock()
	k := a.contents[d.SHA256]
	if k == nil || d.Kind == api.FileProgram && !k.manifest.runs() {
		a.mu.Unlock()
		return ""
	}
	base := filepath.Base(d.Path)
	path := filepath.Join(a.treePath(d.SHA256), base)
	known := time.Now().Before(k.verified[base].until)
	a.mu.Unlock()
	if known {
		return path
	}
	begun := time.Now()
	if !k.manifest.whole(path) {
		return ""
	}
	// A look at many files is believed for a while, so that a list of versions
	// does not take the looks of all of them each time.
	took := time.Since(begun)
	a.mu.Lock()
	k.verified[base] = verified{until: time.Now().Add(20 * took)}
	a.mu.Unlock()
	return path
}

// whole tells whether a copy has every file as it was written.
func (m *manifest) whole(path string) bool {
	for i := range m.Items {
		it := &m.Items[i]
		at := path
		if it.Name != "" {
			at += "/" + it.Name
		}
		info, err := os.Lstat(at)
		switch {
		case it.Kind == link:
			continue
		case err != nil:
			return false
		case it.Kind == empty:
			if !info.IsDir() {
				return false
			}
		case !info.Mode().IsRegular() || info.Size() != it.Size || info.ModTime().UnixNano() != it.Modified:
			return false
		}
	}
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() == m.Folder
}

// intact tells whether an object is there as it was written. The caller holds
// the lock.
func (a *Artifacts) intact(key objectKey) bool {
	o := a.objects[key]
	if o == nil || o.gone {
		return false
	}
	info, err := os.Lstat(a.objectPath(key))
	return err == nil && info.Mode().IsRegular() && info.Size() == o.size && info.ModTime().UnixNano() == o.modified
}

// syncPath makes a file, or what was renamed into or removed from a folder, last.
func syncPath(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("%s cannot be synced: %w", path, err)
	}
	return nil
}
