package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/runtime"
)

// Preflight looks in full whether a rollback to a version would work, to all
// kept versions for 0, the newest first: files that differ are read, and
// registries asked (rule 26).
func (c *Controller) Preflight(ctx context.Context, name string, number int) ([]api.VersionPreflight, error) {
	s, err := c.find(name)
	if err != nil {
		return nil, err
	}
	subjects, err := s.subjects(number)
	if err != nil {
		return nil, err
	}
	slices.Reverse(subjects)
	list := []api.VersionPreflight{}
	for _, of := range subjects {
		list = append(list, api.VersionPreflight{Version: of.number, Preflight: c.examine(ctx, of, true)})
		if err := ctx.Err(); err != nil {
			return nil, err // what was not read is not known
		}
	}
	s.noteVerdicts(list)
	return list, nil
}

// subject is a version to look at, copied from its service.
type subject struct {
	number int
	launch runtime.Launch
	facts  history.Facts // what is known without looking
	files  []api.Digest
}

// subjects are the versions to look at, in ascending order; all for 0.
func (s *service) subjects(number int) (list []subject, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, &NotFoundError{Kind: "service", Name: s.name()}
	}
	if number != 0 && s.version(number) == nil {
		return nil, s.noVersion(number)
	}
	for i := range s.versions {
		if v := &s.versions[i]; number == 0 || v.Number == number {
			list = append(list, s.subject(v))
		}
	}
	return list, nil
}

// subject takes a version as a rollback would put it in force: with the number
// of replicas, the membership and the strategy of now.
func (s *service) subject(v *version) subject {
	of := subject{
		number: v.Number, files: v.Digests,
		launch: runtime.Launch{Replica: s.name() + "-preflight", Attempt: 1, Service: s.name(), Version: v.Number, Spec: v.spec},
	}
	of.facts.Images = s.c.cfg.History.Images
	of.facts.Unset = history.Unset(v.doc)
	spec, err := api.Parse(api.AsInForce(v.doc, s.doc))
	if err != nil {
		of.facts.Config = err.Error()
		return of
	}
	if err := s.c.fits(spec); err != nil {
		of.facts.Capacity = err.Error()
	}
	return of
}

// examine finds out about a version. It may read files, so it is for no lock.
func (c *Controller) examine(ctx context.Context, of subject, full bool) api.Preflight {
	facts := of.facts
	of.launch.Files = map[string]string{}
	for _, d := range of.files {
		f := history.FileFact{Digest: d, Kept: c.cfg.Content.Kept(d) != ""}
		f.Now, f.Why = c.cfg.Content.Compare(ctx, d, full && !f.Kept)
		if f.Kept && f.Now != history.Same {
			of.launch.Files[d.Path] = c.cfg.Content.Kept(d)
		}
		facts.Files = append(facts.Files, f)
	}
	if facts.Config == "" {
		facts.Start = c.unstartable(of.launch)
	}
	p := history.Preflight(facts)
	p.CheckedAt = api.At(c.now())
	return p
}

// unstartable is what would keep a replica from being started now, "" for
// nothing.
func (c *Controller) unstartable(l runtime.Launch) string {
	l, err := c.openEnv(l)
	if startable := c.cfg.History.Startable; err == nil && startable != nil {
		err = startable(l)
	}
	var never *runtime.UnstartableError
	if errors.As(err, &never) {
		return withheld(l, never.Reason)
	}
	return ""
}

// noteVerdicts remembers what was found, and tells when a version can no longer be gone
// back to, or can again.
func (s *service) noteVerdicts(list []api.VersionPreflight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := false
	for _, p := range list {
		v := s.version(p.Version)
		if v == nil || s.closed.Load() {
			continue
		}
		was, known := s.preflights[p.Version]
		s.preflights[p.Version] = p.Preflight
		before, now := history.Obstacles(was), history.Obstacles(p.Preflight)
		e := s.event("normal", "RollbackPossible", fmt.Sprintf("a rollback to version %d would work again", p.Version))
		switch {
		case !known: // news of a time when nobody looked
			continue
		case len(now) > 0 && len(before) == 0:
			e = s.event("warning", "RollbackImpossible", fmt.Sprintf("a rollback to version %d would fail: %s", p.Version, strings.Join(now, "; ")))
		case len(now) > 0 || len(before) == 0:
			continue
		}
		e.Time, e.Version = api.At(s.c.now()), p.Version
		s.notices, news = append(s.notices, e), true
	}
	if news {
		s.kick()
	}
}

// lookOut keeps the verdicts fresh: cheap checks of every version of every
// service, one after the other. It takes no more than a 300th of the time: with
// thousands of versions they are looked at less often.
func (c *Controller) lookOut() {
	began := time.Now()
	for _, s := range c.sorted() {
		if c.ctx.Err() != nil {
			return
		}
		c.glanceAt(s)
	}
	next := max(c.cfg.History.PreflightEvery, 300*time.Since(began))
	c.schedule.After(next, func() { c.schedule.Go(c.lookOut) })
}

func (c *Controller) glanceAt(s *service) {
	subjects, err := s.subjects(0)
	if err != nil {
		return
	}
	var list []api.VersionPreflight
	for _, of := range subjects {
		list = append(list, api.VersionPreflight{Version: of.number, Preflight: c.examine(c.ctx, of, false)})
	}
	if c.ctx.Err() == nil {
		s.noteVerdicts(list)
	}
}

// preflightSoon looks at a service's versions after a change of them.
func (c *Controller) preflightSoon(s *service) {
	if c.cfg.History.PreflightEvery > 0 {
		c.schedule.Go(func() { c.glanceAt(s) })
	}
}

// lastLook is what was found out of a version last; none when it was never looked
// at.
func (s *service) lastLook(number int) (list []api.VersionPreflight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.preflightOf(number); p != nil {
		list = append(list, api.VersionPreflight{Version: number, Preflight: *p})
	}
	return list
}

// preflightOf is what is known of a version, nil before it was looked at.
func (s *service) preflightOf(number int) *api.Preflight {
	p, known := s.preflights[number]
	if !known {
		return nil
	}
	p.Findings = slices.Clone(p.Findings)
	return &p
}

// copies are the kept copies of what a version recorded and that is not at its
// place any more.
func (c *Controller) copies(digests []api.Digest) map[string]string {
	files := map[string]string{}
	for _, d := range digests {
		if now, _ := c.cfg.Content.Compare(c.ctx, d, false); now != history.Same && d.Stat != "" {
			if at := c.cfg.Content.Kept(d); at != "" {
				files[d.Path] = at
			}
		}
	}
	return files
}
