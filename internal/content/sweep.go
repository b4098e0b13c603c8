package content

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Sweep lets go of the contents that are not needed, except for those that a
// running Keep will answer with, and of the objects that no content needs.
// needed is asked without a lock held, and has to say of what a Keep answered
// with that it is needed, whether or not that is written down yet. What an error
// stops, the next Sweep or Open does.
func (a *Artifacts) Sweep(needed func(sha256 string) bool) error {
	a.mu.Lock()
	var names []string
	for sha := range a.contents {
		names = append(names, sha)
	}
	var free []objectKey // also those that an earlier error left
	for key, o := range a.objects {
		if o.refs == 0 && o.held == 0 {
			free = append(free, key)
		}
	}
	a.mu.Unlock()
	names = slices.DeleteFunc(names, needed)
	if len(names)+len(free) == 0 {
		return nil
	}
	trash, err := a.stage()
	if err != nil {
		return err
	}
	defer removeTree(trash)
	var faults []error
	for i, sha := range names {
		a.mu.Lock()
		if k := a.contents[sha]; k != nil && k.held == 0 {
			keys, err := a.drop(sha, filepath.Join(trash, "tree"+strconv.Itoa(i)))
			free = append(free, keys...)
			faults = append(faults, err)
		}
		a.mu.Unlock()
	}
	faults = append(faults, syncPath(filepath.Join(a.dir, "manifests")), a.collect(free, trash))
	return errors.Join(faults...)
}

// drop forgets a content: first what makes it one, then its copies, which go to
// trash. It tells which objects nobody needs any more. The caller holds the lock.
func (a *Artifacts) drop(sha, trash string) ([]objectKey, error) {
	if err := a.step("drop"); err != nil {
		return nil, err
	}
	if err := os.Remove(a.manifestPath(sha)); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	free := a.unref(a.contents[sha].manifest)
	delete(a.contents, sha)
	err := a.step("dropped")
	if err == nil {
		err = os.Rename(a.treePath(sha), trash)
	}
	if os.IsNotExist(err) {
		err = nil
	}
	return free, err
}

// batch is how many objects go before others may have the lock.
const batch = 200

// collect removes those of the objects that nobody needs or holds. Those that a
// running Keep holds, it collects itself.
func (a *Artifacts) collect(keys []objectKey, trash string) error {
	var faults []error
	for len(keys) > 0 {
		n := min(batch, len(keys))
		a.mu.Lock()
		for _, key := range keys[:n] {
			o := a.objects[key]
			if o == nil || o.refs > 0 || o.held > 0 {
				continue
			}
			if err := a.step("collect"); err != nil {
				faults = append(faults, err)
				continue
			}
			if err := os.Rename(a.objectPath(key), filepath.Join(trash, string(key))); err != nil && !os.IsNotExist(err) {
				faults = append(faults, err)
				continue
			}
			if !o.gone {
				a.used -= o.size
			}
			delete(a.objects, key)
		}
		a.mu.Unlock()
		keys = keys[n:]
	}
	return errors.Join(faults...)
}
