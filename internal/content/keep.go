package content

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/api"
)

// keep is one Keep: plan, room, capture, publish, and what it must not leave.
type keep struct {
	a    *Artifacts
	ctx  context.Context
	dir  string // below tmp
	n    int    // names what is in dir
	jobs []*job
	// held are what Sweep must leave alone, made the contents that were not there
	// before.
	objects  map[objectKey]bool
	taken    map[objectKey]bool // small files that are staged
	contents map[string]bool
	made     []string
}

// job is a content to be copied. Sums and staged are by entry; staged is "" for
// what is stored already.
type job struct {
	d      *api.Digest
	t      *tree
	sums   []string
	staged []string
	kept   bool   // it has turned out to be kept already
	tree   string // the whole copy, below keep.dir
	list   *manifest
}

// Keep hashes the content and keeps a copy of what can run from one (keepable);
// the rest is hashed only, and no registry is asked for an image. All are kept, or nothing more is than before. The
// originals are not waited for by anybody: they are cloned at once where blocks
// are shared, else read once. What changes meanwhile is an error.
//
// The errors say what to do. One is *history.QuotaError, one is ErrSpace by
// errors.Is.
func (a *Artifacts) Keep(ctx context.Context, digests []api.Digest) ([]api.Digest, error) {
	if err := acquire(ctx, a.keeping); err != nil {
		return nil, err
	}
	defer release(a.keeping)
	out := slices.Clone(digests)
	k := &keep{a: a, ctx: ctx, objects: map[objectKey]bool{}, taken: map[objectKey]bool{}, contents: map[string]bool{}}
	err := k.run(out)
	if err != nil {
		k.undo()
		out, err = nil, k.explain(err)
	}
	k.let()
	return out, err
}

func (k *keep) run(digests []api.Digest) error {
	var err error
	if k.dir, err = k.a.stage(); err != nil {
		return err
	}
	for i := range digests {
		if err := k.plan(&digests[i]); err != nil {
			return err
		}
	}
	for _, do := range []func() error{k.room, k.capture, k.store, k.build, k.publish} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// stage makes a folder below tmp.
func (a *Artifacts) stage() (string, error) {
	a.mu.Lock()
	a.staged++
	dir := filepath.Join(a.dir, "tmp", strconv.Itoa(a.staged))
	a.mu.Unlock()
	return dir, os.Mkdir(dir, 0o755)
}

// next names a file in the keep's own folder.
func (k *keep) next() string {
	k.n++
	return filepath.Join(k.dir, strconv.Itoa(k.n))
}

// plan makes a job of a digest, unless it is kept already or cannot be.
func (k *keep) plan(d *api.Digest) error {
	if !keepable(*d) {
		hashed, err := k.a.hashUnqueued(k.ctx, *d)
		*d = hashed
		return err
	}
	if d.Stat == "" {
		return nil // it was not there when the version was made
	}
	t, err := look(d.Path)
	if err == nil {
		err = t.problem()
	}
	known := *d
	if known.SHA256 == "" {
		known.SHA256 = k.a.cache.fact(d.Stat)
	}
	if known.SHA256 != "" && k.has(&known, t) {
		*d = known
		return nil
	}
	switch {
	case err != nil:
		return err
	case d.SHA256 == "" && t.stat() != d.Stat:
		return fmt.Errorf("%s changed since the version was made: update the service again to have a version of what is there now", d.Path)
	}
	k.jobs = append(k.jobs, &job{d: d, t: t, sums: make([]string, len(t.entries)), staged: make([]string, len(t.entries))})
	return nil
}

// has tells whether there is a whole copy, executable if the file is, and holds
// it. t is the original, nil if it is gone.
func (k *keep) has(d *api.Digest, t *tree) bool {
	if k.a.Kept(*d) == "" {
		return false
	}
	k.a.mu.Lock()
	defer k.a.mu.Unlock()
	content := k.a.contents[d.SHA256]
	if content == nil || t != nil && !t.folder && t.entries[0].kind == executable && !content.manifest.runs() {
		return false
	}
	k.holdContent(d.SHA256)
	d.Bytes = content.manifest.bytes()
	return true
}

// holdContent has Sweep leave a content. The caller holds the lock.
func (k *keep) holdContent(sha256 string) {
	if !k.contents[sha256] {
		k.contents[sha256] = true
		k.a.contents[sha256].held++
	}
}

// hold has Sweep leave an object, if it is there and whole.
func (k *keep) hold(key objectKey) bool {
	k.a.mu.Lock()
	defer k.a.mu.Unlock()
	if !k.a.intact(key) {
		return false
	}
	k.holdLocked(key)
	return true
}

func (k *keep) holdLocked(key objectKey) {
	if !k.objects[key] {
		k.objects[key] = true
		k.a.objects[key].held++
	}
}

// let ends the holds, and clears away what nobody needs.
func (k *keep) let() {
	k.a.mu.Lock()
	var free []objectKey
	for key := range k.objects {
		o := k.a.objects[key]
		if o.held--; o.held == 0 && o.refs == 0 {
			free = append(free, key)
		}
	}
	for sha := range k.contents {
		if content := k.a.contents[sha]; content != nil {
			content.held--
		}
	}
	k.a.mu.Unlock()
	if k.dir != "" {
		_ = k.a.collect(free, k.dir)
		_ = removeTree(k.dir) // or the next Open does
	}
}

// undo takes back the contents that this Keep made.
func (k *keep) undo() {
	k.a.mu.Lock()
	defer k.a.mu.Unlock()
	for _, sha := range k.made {
		_, _ = k.a.drop(sha, k.next())
	}
	for _, j := range k.jobs {
		if sha := j.d.SHA256; sha != "" && k.a.contents[sha] == nil {
			_ = os.Rename(k.a.treePath(sha), k.next()) // it has a name, but no manifest
		}
	}
}

// ErrSpace is a file system without room for a copy.
var ErrSpace = errors.New("no space for a copy")

// explain says of an error in the middle what it means.
func (k *keep) explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		free, _ := k.a.free()
		return fmt.Errorf("%w: %v; %s are free on the disk of %s: make room there, or keep fewer versions", ErrSpace, err, size(free), k.a.dir)
	case errors.Is(err, errChanged):
		return fmt.Errorf("no copy could be kept: %w; write new files beside the old ones and update the service when they are complete", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no copy could be kept: %w; the server's user must be allowed to read it", err)
	}
	return err
}

// size is a number of bytes for people: 512 B, 1.5 MiB.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, 0
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}
