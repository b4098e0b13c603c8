package controller

import (
	"slices"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// retainRest does what an earlier run of the control plane did not come to.
func (c *Controller) retainRest() {
	for _, s := range c.sorted() {
		c.retainRestOf(s, false)
	}
}

// retainRestOf hashes what has no hash yet, and keeps what is wanted and not kept:
// there was no room for it, or the version came with an import. Files that are
// others by now are left as they are. With full, content is read to tell: an
// import's files have other inodes here, and may be the same.
func (c *Controller) retainRestOf(s *service, full bool) {
	type unfinished struct {
		number  int
		digests []api.Digest
		policy  string
	}
	var list []unfinished
	s.mu.Lock()
	for i := range s.versions {
		v := &s.versions[i]
		list = append(list, unfinished{v.Number, slices.Clone(v.Digests), v.spec.History.Retain})
	}
	s.mu.Unlock()
	slices.Reverse(list) // where room is short, the newest have it
	for _, v := range list {
		switch {
		case c.ctx.Err() != nil:
			return
		case slices.ContainsFunc(v.digests, unhashed):
			if c.untouched(v.digests, full) {
				if done := c.retain(s, v.number); done != nil {
					<-done // which the end of the controller hastens
				}
			}
		case v.policy != api.RetainNone && slices.ContainsFunc(v.digests, c.lacksCopy) && c.untouched(v.digests, full):
			c.keepInRoom(v.digests, v.policy)
		}
	}
	c.preflightSoon(s)
}

// lacksCopy tells whether a copy of a content that a version names could be kept
// and is not.
func (c *Controller) lacksCopy(d api.Digest) bool {
	return d.Kind != api.FileImage && !d.System && d.Stat != "" && d.SHA256 != "" && c.cfg.Content.Kept(d) == ""
}

// keepInRoom is keep for contents that versions name already. No other copies
// make room for these, which had to go or never came: it would not end.
func (c *Controller) keepInRoom(digests []api.Digest, policy string) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if policy == api.RetainArtifacts || c.cfg.Content.Cost(digests) <= c.cfg.History.CheapBytes {
		if _, err := c.cfg.Content.Keep(c.ctx, digests); err != nil {
			c.log.Debug("files of a version are not kept", "error", err) // its preflight says so
		}
	}
}

// untouched tells whether all files are still as they were recorded.
func (c *Controller) untouched(digests []api.Digest, full bool) bool {
	return !slices.ContainsFunc(digests, func(d api.Digest) bool {
		if d.Kind == api.FileImage || d.Stat == "" {
			return false
		}
		now, _ := c.cfg.Content.Compare(c.ctx, d, full)
		return now != history.Same
	})
}
