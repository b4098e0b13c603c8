package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// sweepAfter is how long copies stay after nobody needs them any more, so that
// many changes at once are one sweep.
const sweepAfter = 10 * time.Second

// collectable are the versions that the limit of the service leaves no room for.
func (s *service) collectable() []int {
	limit, _ := s.keepVersions()
	if limit == 0 || len(s.versions) <= limit {
		return nil
	}
	list := make([]history.Standing, len(s.versions))
	used := s.inUse()
	for i := range s.versions {
		v := &s.versions[i]
		list[i] = history.Standing{Number: v.Number, Pinned: v.Pinned, InUse: used[v.Number]}
	}
	return history.Collectable(list, limit)
}

// keepVersions is the limit of the service, 0 for none, and which setting it is.
func (s *service) keepVersions() (limit int, setting string) {
	if spec, err := api.Parse(s.doc); err == nil && spec.History.KeepVersions > 0 {
		return spec.History.KeepVersions, "metadata.keep_versions"
	}
	return s.c.cfg.History.KeepVersions, "history.keep_versions in server.yaml"
}

// inUse are the versions that the service needs as it stands: the current and
// the latest one, those that a rollout is between and can go back to, and those
// that a replica runs or was started under.
func (s *service) inUse() map[int]bool {
	sv := &s.state.Service
	used := map[int]bool{sv.Current.Version: true, sv.Latest: true}
	if sv.Base != nil {
		used[sv.Base.Version] = true
	}
	if sv.Rollout.Active() {
		used[sv.Rollout.From], used[sv.Rollout.To.Version] = true, true
	}
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		used[r.Version] = true
		if v := s.effective(r.Revision, r.Version); v != nil {
			used[v.Number] = true
		}
	}
	return used
}

// collect lets versions go that there is no room for, with the same transaction
// that makes there be too many, or frees them.
func (s *service) collect(ch *change) {
	gone := s.collectable()
	if len(gone) == 0 {
		return
	}
	ch.DropVersions = gone
	limit, setting := s.keepVersions()
	ch.Events = append(ch.Events, s.event("normal", "VersionsCollected", fmt.Sprintf("%s: %s is %d", noLonger(gone), setting, limit)))
}

// noLonger is "version 3 is no longer kept", or "versions 3, 4 are ...".
func noLonger(gone []int) string {
	words := make([]string, len(gone))
	for i, n := range gone {
		words[i] = fmt.Sprint(n)
	}
	if len(gone) == 1 {
		return "version " + words[0] + " is no longer kept"
	}
	return "versions " + strings.Join(words, ", ") + " are no longer kept"
}

// dropVersions forgets versions that are no longer stored.
func (s *service) dropVersions(gone []int) {
	if len(gone) == 0 {
		return
	}
	s.versions = slices.DeleteFunc(slices.Clone(s.versions), func(v version) bool { return slices.Contains(gone, v.Number) })
	for _, n := range gone {
		delete(s.preflights, n)
	}
	s.refreshPolicies()
	s.c.sweepSoon()
}

// sweepSoon has the copies go that no version needs any more.
func (c *Controller) sweepSoon() {
	if c.sweeping.Swap(true) {
		return
	}
	c.schedule.After(sweepAfter, func() {
		c.schedule.Go(func() {
			c.sweeping.Store(false)
			c.keeping.Lock()
			defer c.keeping.Unlock()
			c.sweep(nil)
		})
	})
}

// sweep lets go of every copy that no version names, and of those given up. It
// is for who holds keeping.
func (c *Controller) sweep(givenUp map[string]bool) {
	needed := c.needed()
	err := c.cfg.Content.Sweep(func(sha256 string) bool {
		return c.unrecorded[sha256] > 0 || needed[sha256] && !givenUp[sha256]
	})
	if err != nil {
		c.log.Error("kept copies that nobody needs cannot be removed", "error", err)
	}
}

// needed are the contents that versions name.
func (c *Controller) needed() map[string]bool {
	needed := map[string]bool{}
	for _, s := range c.sorted() {
		s.mu.Lock()
		for i := range s.versions {
			for _, d := range s.versions[i].Digests {
				needed[d.SHA256] = true
			}
		}
		s.mu.Unlock()
	}
	return needed
}

// makeRoom gives up the copies of the versions that matter least until so many
// bytes are free: the oldest first, over all services, and never of one that is
// in use or pinned. It is for who holds keeping.
func (c *Controller) makeRoom(short int64) bool {
	var list []history.Copy
	for _, s := range c.sorted() {
		s.mu.Lock()
		used := s.inUse()
		for i := range s.versions {
			v := &s.versions[i]
			for _, d := range v.Digests {
				if d.SHA256 != "" && c.cfg.Content.Kept(d) != "" {
					list = append(list, history.Copy{SHA256: d.SHA256, Bytes: d.Bytes, Made: v.CreatedAt.Time, Holds: used[v.Number] || v.Pinned})
				}
			}
		}
		s.mu.Unlock()
	}
	given := history.GiveUp(list, short)
	if len(given) == 0 {
		return false
	}
	c.sweep(given)
	return true
}
