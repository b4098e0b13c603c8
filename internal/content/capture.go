package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"sluice.dev/sluice/api"
)

// hashUnqueued is Hash of one digest that waits for no other, and for no registry.
func (f *Files) hashUnqueued(ctx context.Context, d api.Digest) (api.Digest, error) {
	if d.Kind == api.FileImage || d.Stat == "" {
		return d, nil
	}
	return f.hashAtOnce(ctx, d)
}

// capture takes the content of all jobs, and tells their digests. Clones come
// first, all of them, and are read afterwards: what is overwritten a moment later
// is captured as it was.
func (k *keep) capture() error {
	for _, j := range k.jobs {
		if err := k.captureOne(j); err != nil {
			return err
		}
	}
	for _, j := range k.jobs {
		if err := k.finish(j); err != nil {
			return err
		}
	}
	return k.syncStaged()
}

func (k *keep) captureOne(j *job) error {
	r, end := k.a.desk.begin(j.t)
	defer end()
	for i := range j.t.entries {
		e := &j.t.entries[i]
		if !e.regular() {
			continue
		}
		if err := k.ctx.Err(); err != nil {
			return err
		}
		if sha := k.a.cache.sum(e.id); sha != "" && k.hold(keyOf(sha, e.kind)) {
			j.sums[i] = sha
			r.done.Add(int64(e.id.size))
			continue
		}
		if err := k.take(j, i, r); err != nil {
			return err
		}
	}
	again, err := look(j.t.path)
	if err != nil {
		return err
	}
	if again.stat() != j.t.stat() {
		return fmt.Errorf("%s %w", j.t.path, errChanged)
	}
	return nil
}

// take stages one file.
func (k *keep) take(j *job, i int, r *reading) error {
	e := &j.t.entries[i]
	if err := k.a.step("take"); err != nil {
		return err
	}
	to := k.next()
	cloned := k.a.clones(j.t, e) && k.cloneOne(j.t, e, to) == nil
	if !cloned {
		sha, wrote, err := k.copyOne(j.t, e, to, r)
		if err != nil {
			return err
		}
		j.sums[i] = sha
		k.a.cache.putSum(e.id, sha)
		if !wrote {
			return nil
		}
	}
	j.staged[i] = to
	mode := objectMode
	if e.kind == executable {
		mode = programMode
	}
	return os.Chmod(to, mode)
}

func (k *keep) cloneOne(t *tree, e *entry, to string) error {
	if err := settle(k.ctx, e.id); err != nil {
		return err
	}
	f, err := openAs(t.at(e), e.id)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := clone(f, to); err != nil {
		return err
	}
	if err := same(f, e.id); err != nil {
		os.Remove(to)
		return err
	}
	return nil
}

// copyOne reads a file once. A small one is only written if its content is not
// stored or staged already: making a file takes longer than reading one.
func (k *keep) copyOne(t *tree, e *entry, to string, r *reading) (sha string, wrote bool, err error) {
	if e.id.size > bufferSize {
		sha, err = k.copyLarge(t, e, to, r)
		return sha, true, err
	}
	text := bytes.NewBuffer(make([]byte, 0, e.id.size))
	if sha, err = sumFile(k.ctx, t.at(e), e.id, text, r); err != nil {
		return "", false, err
	}
	key := keyOf(sha, e.kind)
	if k.taken[key] || k.hold(key) {
		return sha, false, nil
	}
	k.taken[key] = true
	return sha, true, os.WriteFile(to, text.Bytes(), 0o600)
}

func (k *keep) copyLarge(t *tree, e *entry, to string, r *reading) (string, error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sha, err := sumFile(k.ctx, t.at(e), e.id, &steady{f: out}, r)
	return sha, errors.Join(err, out.Close())
}

// window is how much of a copy may wait to be written to the disk.
const window = 16 << 20

// steady writes a file at the disk's speed.
type steady struct {
	f           *os.File
	at, flushed int64
}

func (w *steady) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.at += int64(n)
	for w.at-w.flushed >= window {
		writeBack(w.f, w.flushed, window)
		w.flushed += window
	}
	return n, err
}

// finish reads the clones and tells the digest.
func (k *keep) finish(j *job) error {
	if err := k.a.step("read"); err != nil {
		return err
	}
	r, end := k.a.desk.begin(j.t)
	defer end()
	for i, staged := range j.staged {
		if staged == "" || j.sums[i] != "" {
			continue
		}
		sha, err := sumStaged(k.ctx, staged, r)
		if err != nil {
			return err
		}
		j.sums[i] = sha
		k.a.cache.putSum(j.t.entries[i].id, sha)
	}
	sha := j.t.digest(j.sums)
	k.a.cache.putFact(j.t.stat(), sha)
	if j.d.SHA256 != "" && j.d.SHA256 != sha {
		return fmt.Errorf("%s has another content than when the version was made: update the service again to have a version of what is there now", j.d.Path)
	}
	j.d.SHA256, j.d.Bytes = sha, j.t.bytes
	j.kept = k.has(j.d, j.t)
	return nil
}

func sumStaged(ctx context.Context, path string, r *reading) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sequential(f)
	return sum(ctx, f, nil, r)
}

// fewFiles are synced one by one; of more, the file system is synced at once.
const fewFiles = 64

func (k *keep) syncStaged() error {
	if err := k.a.step("sync"); err != nil {
		return err
	}
	var list []string
	for _, j := range k.jobs {
		for _, staged := range j.staged {
			if staged != "" {
				list = append(list, staged)
			}
		}
	}
	if len(list) > fewFiles {
		if done, err := k.syncAll(); done || err != nil {
			return err
		}
	}
	for _, path := range list {
		if err := syncPath(path); err != nil {
			return err
		}
	}
	return nil
}

func (k *keep) syncAll() (bool, error) {
	dir, err := os.Open(k.dir)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	return syncAll(dir)
}
