package content

import (
	"fmt"
	"os"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// Cost is how many bytes Keep would have to write: nothing of what is kept
// already, or lies where its blocks can be shared.
func (a *Artifacts) Cost(digests []api.Digest) int64 {
	cost := int64(0)
	for _, d := range digests {
		if !keepable(d) || d.Stat == "" {
			continue
		}
		known := d
		if known.SHA256 == "" {
			known.SHA256 = a.cache.fact(d.Stat)
		}
		if a.Kept(known) != "" {
			continue
		}
		if t, err := look(d.Path); err == nil {
			_, disk := a.missing([]*tree{t})
			cost += disk
		}
	}
	return cost
}

// missing is how many bytes of files are not stored yet, as far as their content
// is known, and how many of them would have to be written.
func (a *Artifacts) missing(trees []*tree) (all, disk int64) {
	seen := map[objectKey]bool{}
	for _, t := range trees {
		for i := range t.entries {
			e := &t.entries[i]
			if !e.regular() {
				continue
			}
			if sha := a.cache.sum(e.id); sha != "" {
				key := keyOf(sha, e.kind)
				if seen[key] || a.stored(key) {
					continue
				}
				seen[key] = true
			}
			all += int64(e.id.size)
			if !a.clones(t, e) {
				disk += int64(e.id.size)
			}
		}
	}
	return all, disk
}

func (a *Artifacts) stored(key objectKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.objects[key]
	return o != nil && !o.gone
}

// clones tells whether files of this one's device can be cloned into the store:
// it is tried once for each device.
func (a *Artifacts) clones(t *tree, e *entry) bool {
	if !a.shares {
		return false
	}
	a.mu.Lock()
	can, known := a.across[e.id.dev]
	a.mu.Unlock()
	if known || e.id.size == 0 {
		return can
	}
	f, err := openAs(t.at(e), e.id)
	if err != nil {
		return false
	}
	defer f.Close()
	dir, err := a.stage()
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	can = clone(f, dir+"/clone") == nil
	a.mu.Lock()
	a.across[e.id.dev] = can
	a.mu.Unlock()
	return can
}

// room refuses before anything is written what would not fit. Files that were
// never read may be stored already, so they are read before a refusal.
func (k *keep) room() error {
	trees := make([]*tree, len(k.jobs))
	for i, j := range k.jobs {
		trees[i] = j.t
	}
	if k.fits(k.a.missing(trees)) == nil {
		return nil
	}
	for _, t := range trees {
		if _, _, err := k.a.read(k.ctx, t); err != nil {
			return err
		}
	}
	return k.fits(k.a.missing(trees))
}

func (k *keep) fits(all, disk int64) error {
	k.a.mu.Lock()
	used, most := k.a.used, k.a.options.MaxBytes
	k.a.mu.Unlock()
	if all > most-used {
		return &history.QuotaError{Short: all - (most - used), Text: fmt.Sprintf(
			"the quota leaves no room for a copy: %s are needed, and %s of the %s that history.artifacts_max_bytes in server.yaml allows are used: raise it, or keep fewer versions",
			size(all), size(used), size(most))}
	}
	free, err := k.a.free()
	if err != nil {
		return err
	}
	if disk > free {
		return fmt.Errorf("%w: %s are needed, and %s may be used on the disk of %s: make room there, or keep fewer versions",
			ErrSpace, size(disk), size(free), k.a.dir)
	}
	return nil
}
