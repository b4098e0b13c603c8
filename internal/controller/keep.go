package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/store"
)

// answerAfter is how long the answer to an update waits for copies of the
// version's files, so that whoever overwrites them after it finds them kept. The
// rollout does not wait.
const answerAfter = 2 * time.Second

// keep keeps copies of files; where the quota does not hold them, the copies of
// versions that matter least go first. They stay, though no version names them,
// until recorded is called.
func (c *Controller) keep(ctx context.Context, digests []api.Digest) ([]api.Digest, error) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	kept, err := c.cfg.Content.Keep(ctx, digests)
	var full *history.QuotaError
	for errors.As(err, &full) && c.makeRoom(full.Short) {
		kept, err = c.cfg.Content.Keep(ctx, digests)
	}
	if err == nil {
		for _, d := range kept {
			c.unrecorded[d.SHA256]++
		}
	}
	return kept, err
}

// recorded tells that a version names the contents that keep gave, or that none
// ever will.
func (c *Controller) recorded(kept []api.Digest) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	for _, d := range kept {
		if c.unrecorded[d.SHA256]--; c.unrecorded[d.SHA256] == 0 {
			delete(c.unrecorded, d.SHA256)
		}
	}
}

// retain has the files of a version copied, or only hashed, in its own time. The
// channel is closed when that is done; nil when there is nothing to do.
func (c *Controller) retain(s *service, number int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(number)
	if v == nil || !slices.ContainsFunc(v.Digests, unhashed) {
		c.preflightSoon(s)
		return nil
	}
	done := make(chan struct{})
	digests, policy := slices.Clone(v.Digests), v.spec.History.Retain
	c.schedule.Go(func() {
		hashed, kept, trouble := c.take(digests, policy)
		if c.ctx.Err() == nil {
			s.noteContent(number, hashed, trouble)
		}
		c.recorded(kept)
		c.preflightSoon(s)
		close(done)
		// A registry may take half a minute not to answer; no file waits for it.
		if asked, err := c.hash(hashed, true); err == nil && !slices.Equal(asked, hashed) {
			s.noteContent(number, asked, nil)
			c.preflightSoon(s)
		}
	})
	return done
}

// hash fills in what is known of images, or of everything else.
func (c *Controller) hash(digests []api.Digest, images bool) ([]api.Digest, error) {
	all := slices.Clone(digests)
	for i, d := range digests {
		if (d.Kind == api.FileImage) != images || d.SHA256 != "" {
			continue
		}
		one, err := c.cfg.Content.Hash(c.ctx, digests[i:i+1])
		if err != nil {
			return nil, err
		}
		copy(all[i:], one)
	}
	return all, nil
}

func unhashed(d api.Digest) bool { return d.SHA256 == "" && (d.Stat != "" || d.Kind == api.FileImage) }

// take copies the files as the policy of the version says, or hashes them. What
// keeps a copy from being made is trouble to be told of, not to stop for.
func (c *Controller) take(digests []api.Digest, policy string) (hashed, kept []api.Digest, trouble error) {
	content := c.cfg.Content
	if policy != api.RetainNone && (policy == api.RetainArtifacts || content.Cost(digests) <= c.cfg.History.CheapBytes) {
		if kept, trouble = c.keep(c.ctx, digests); trouble == nil {
			return kept, kept, nil
		}
	}
	hashed, err := c.hash(digests, false)
	if err != nil {
		return digests, nil, errors.Join(trouble, err)
	}
	return hashed, nil, trouble
}

// noteContent records what the files of a version are.
func (s *service) noteContent(number int, digests []api.Digest, trouble error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(number)
	if v == nil || s.closed.Load() {
		return
	}
	s.state.Now = s.c.now()
	record := v.Version
	record.Digests = digests
	ch := change{Change: store.Change{Name: s.name(), Versions: []store.Version{record}}}
	if trouble != nil {
		e := s.event("warning", "FilesNotKept", fmt.Sprintf(
			"no copies of the files of version %d are kept, so a rollback to it needs them as they are: %v", number, trouble))
		e.Version = number
		ch.Events = []api.Event{e}
	}
	if err := s.commit(ch); err != nil {
		s.troubled(err)
	}
}

// await waits until the files of a version are kept, but not for long.
func await(ctx context.Context, done <-chan struct{}) {
	if done == nil {
		return
	}
	limit := time.NewTimer(answerAfter)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
}
