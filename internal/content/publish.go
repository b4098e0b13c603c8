package content

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// store makes objects of what was staged.
func (k *keep) store() error {
	shards := map[string]bool{}
	for _, j := range k.jobs {
		for i, staged := range j.staged {
			if staged == "" {
				continue
			}
			key := keyOf(j.sums[i], j.t.entries[i].kind)
			if err := k.storeOne(staged, key); err != nil {
				return err
			}
			shards[filepath.Dir(k.a.objectPath(key))] = true
		}
	}
	if len(shards) == 0 {
		return nil
	}
	shards[filepath.Join(k.a.dir, "objects")] = true
	return k.syncDirs(slices.Sorted(maps.Keys(shards)))
}

func (k *keep) storeOne(staged string, key objectKey) error {
	if err := k.a.step("object"); err != nil {
		return err
	}
	k.a.mu.Lock()
	defer k.a.mu.Unlock()
	if k.a.intact(key) {
		k.holdLocked(key)
		return os.Remove(staged)
	}
	info, err := os.Lstat(staged)
	if err != nil {
		return err
	}
	at := k.a.objectPath(key)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := os.Rename(staged, at); err != nil {
		return err
	}
	o := k.a.objects[key]
	if o == nil {
		o = &object{gone: true}
		k.a.objects[key] = o
	}
	if o.gone {
		k.a.used += info.Size()
	}
	o.size, o.modified, o.gone = info.Size(), info.ModTime().UnixNano(), false
	k.holdLocked(key)
	return nil
}

func (k *keep) syncDirs(list []string) error {
	if len(list) > fewFiles {
		if done, err := k.syncAll(); done || err != nil {
			return err
		}
	}
	for _, dir := range list {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	return nil
}

// build makes every job's copy and list below the keep's own folder.
func (k *keep) build() error {
	k.jobs = slices.DeleteFunc(k.jobs, func(j *job) bool { return j.kept })
	for _, j := range k.jobs {
		if err := k.buildOne(j); err != nil {
			return err
		}
	}
	return nil
}

func (k *keep) buildOne(j *job) error {
	if err := k.a.step("tree"); err != nil {
		return err
	}
	above := k.next()
	j.tree = filepath.Join(above, filepath.Base(j.d.Path))
	j.list = &manifest{SHA256: j.d.SHA256, Folder: j.t.folder, Items: make([]item, len(j.t.entries))}
	dirs := map[string]bool{above: true}
	if err := os.Mkdir(above, 0o755); err != nil {
		return err
	}
	folder := func(at string) error {
		if dirs[at] {
			return nil
		}
		for d := at; len(d) >= len(j.tree); d = filepath.Dir(d) {
			dirs[d] = true
		}
		return os.MkdirAll(at, 0o755)
	}
	if j.t.folder {
		if err := folder(j.tree); err != nil {
			return err
		}
	}
	for i := range j.t.entries {
		e, at := &j.t.entries[i], j.tree
		if e.name != "" {
			at += "/" + e.name
			if err := folder(filepath.Dir(at)); err != nil {
				return err
			}
		}
		it, err := k.place(e, j.sums[i], at, folder)
		if err != nil {
			return err
		}
		j.list.Items[i] = it
	}
	return k.syncDirs(slices.Sorted(maps.Keys(dirs)))
}

// place puts one entry into a copy.
func (k *keep) place(e *entry, sha, at string, folder func(string) error) (item, error) {
	it := item{Name: e.name, Kind: e.kind, Target: e.target}
	switch e.kind {
	case empty:
		return it, folder(at)
	case link:
		if !leads(e) {
			return it, nil
		}
		return it, os.Symlink(e.target, at)
	}
	it.Size, it.SHA256 = int64(e.id.size), sha
	key := it.key()
	k.a.mu.Lock()
	it.Modified = k.a.objects[key].modified
	k.a.mu.Unlock()
	err := os.Link(k.a.objectPath(key), at)
	if errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		err = k.double(key, at, it.Modified) // 65,000 names of one inode are the most on ext4
	}
	return it, err
}

// leads tells whether a link that leads nowhere, or back, means the same in a
// copy elsewhere. Others are left out of it.
func leads(e *entry) bool {
	if e.target == "" || path.IsAbs(e.target) {
		return false
	}
	to := path.Join(path.Dir(e.name), e.target)
	return to != ".." && !strings.HasPrefix(to, "../")
}

// double copies an object where no other name can be given to it.
func (k *keep) double(key objectKey, at string, modified int64) error {
	from, err := os.Open(k.a.objectPath(key))
	if err != nil {
		return err
	}
	defer from.Close()
	if err := clone(from, at); err != nil {
		to, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = to.ReadFrom(from)
		if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
			return err
		}
	}
	mode := objectMode
	if strings.HasSuffix(string(key), "x") {
		mode = programMode
	}
	return errors.Join(os.Chtimes(at, time.Time{}, time.Unix(0, modified)), os.Chmod(at, mode))
}

// publish gives the copies their names, and then each its manifest.
func (k *keep) publish() error {
	for _, j := range k.jobs {
		text, err := json.Marshal(j.list)
		if err != nil {
			return err
		}
		list := k.next()
		if err := os.WriteFile(list, text, 0o644); err != nil {
			return err
		}
		if err := syncPath(list); err != nil {
			return err
		}
		if err := k.publishOne(j, list); err != nil {
			return err
		}
	}
	return nil
}

func (k *keep) publishOne(j *job, list string) error {
	sha := j.d.SHA256
	k.a.mu.Lock()
	before := k.a.contents[sha]
	if before != nil { // damaged, or under another name: Sweep shall not take it now
		k.holdContent(sha)
	}
	k.a.mu.Unlock()
	if before != nil && before.manifest.Folder != j.list.Folder {
		return fmt.Errorf("%s has the digest %s of what is kept already and is not the same kind of thing", j.d.Path, sha)
	}
	above := k.a.treePath(sha)
	to := filepath.Join(above, filepath.Base(j.d.Path))
	if err := os.MkdirAll(above, 0o755); err != nil {
		return err
	}
	if err := k.rename(j.tree, to); err != nil {
		return err
	}
	if before != nil && !j.list.Folder {
		if err := k.alike(above, j.list.Items[0].key()); err != nil {
			return err
		}
	}
	if err := errors.Join(syncPath(above), syncPath(filepath.Dir(above))); err != nil {
		return err
	}
	if err := k.stepped("manifest", func() error { return os.Rename(list, k.a.manifestPath(sha)) }); err != nil {
		return err
	}
	k.a.mu.Lock()
	if before != nil {
		k.a.unref(before.manifest)
	}
	k.a.adopt(j.list)
	if before != nil {
		k.a.contents[sha].held = before.held
	} else {
		k.made = append(k.made, sha)
		k.holdContent(sha)
	}
	k.a.mu.Unlock()
	if err := k.a.step("last"); err != nil {
		return err
	}
	return syncPath(filepath.Dir(k.a.manifestPath(sha)))
}

// rename puts a whole copy in the place of a damaged one.
func (k *keep) rename(tree, to string) error {
	old := ""
	if _, err := os.Lstat(to); err == nil {
		old = k.next()
		if err := k.stepped("replace", func() error { return os.Rename(to, old) }); err != nil {
			return err
		}
	}
	err := k.stepped("name", func() error { return os.Rename(tree, to) })
	if err != nil && old != "" {
		err = errors.Join(err, os.Rename(old, to))
	}
	return err
}

// alike gives a file's copies under other names the object that its list now
// names: it became executable, or was damaged.
func (k *keep) alike(above string, key objectKey) error {
	list, err := os.ReadDir(above)
	if err != nil {
		return err
	}
	for _, d := range list {
		other := k.next()
		if err := os.Link(k.a.objectPath(key), other); err != nil {
			return nil // then it is no copy under that name any more
		}
		if err := os.Rename(other, filepath.Join(above, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (k *keep) stepped(name string, do func() error) error {
	if err := k.a.step(name); err != nil {
		return err
	}
	return do()
}

// unref takes a content's objects out of the count; which of them nobody needs
// any more is told. The caller holds the lock.
func (a *Artifacts) unref(m *manifest) (free []objectKey) {
	for i := range m.Items {
		if it := &m.Items[i]; it.regular() {
			o := a.objects[it.key()]
			if o.refs--; o.refs == 0 {
				free = append(free, it.key())
			}
		}
	}
	return free
}
