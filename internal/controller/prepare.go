package controller

import (
	"context"
	"fmt"
	"slices"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// prepared are the files of a version to be, looked at before the service's lock
// is taken: a folder of 100,000 files takes a while, and with metadata.retain:
// artifacts all of them are copied first.
type prepared struct {
	files   []api.File
	digests []api.Digest
	kept    bool // or nothing is to be kept, as for who only asks
	held    bool // by keep, until done
}

// done tells that the version has been made, or not.
func (p prepared) done(c *Controller) {
	if p.held {
		c.recorded(p.digests)
		c.sweepSoon() // of a version that was not made
	}
}

// prepare looks at the files of the configuration that an update would put in
// force, and keeps them where the file says so. A configuration that would be
// refused has none: the update says why.
func (c *Controller) prepare(ctx context.Context, name string, patch api.Document, replace bool) (p prepared, err error) {
	next, err := c.wanted(name, patch, replace)
	if err != nil || next == nil {
		return p, err
	}
	return c.prepareFiles(ctx, *next)
}

// look is prepare for who only asks: nothing is kept.
func (c *Controller) look(name string, patch api.Document, replace bool) (p prepared, err error) {
	next, err := c.wanted(name, patch, replace)
	if err != nil || next == nil {
		return p, err
	}
	p, _ = c.lookAt(*next)
	p.kept = true
	return p, nil
}

// wanted is the configuration that an update would put in force, nil for one
// that cannot be.
func (c *Controller) wanted(name string, patch api.Document, replace bool) (*api.Document, error) {
	s, err := c.find(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.merged(patch, replace)
	if err != nil {
		return nil, nil
	}
	return &next, nil
}

// lookAt looks at the files that a configuration names; spec is nil for one that
// is not valid.
func (c *Controller) lookAt(doc api.Document) (p prepared, spec *api.Spec) {
	spec, err := api.Parse(doc)
	if err != nil {
		return p, nil
	}
	p.files = api.Files(spec)
	p.digests = c.cfg.Content.Digests(p.files)
	return p, spec
}

func (c *Controller) prepareFiles(ctx context.Context, doc api.Document) (p prepared, err error) {
	p, spec := c.lookAt(doc)
	if spec == nil || spec.History.Retain != api.RetainArtifacts {
		return p, nil
	}
	if p.digests, err = c.keep(ctx, p.digests); err != nil {
		return p, &rollout.Refusal{
			Message: fmt.Sprintf("metadata.retain is artifacts, and the files of the version cannot be kept: %v", err),
			Hint:    "nothing has changed; with metadata.retain: auto the update goes on without copies",
		}
	}
	p.kept, p.held = true, true
	return p, nil
}

// merged is the configuration that an update would put in force.
func (s *service) merged(patch api.Document, replace bool) (api.Document, error) {
	merge := api.Merge
	if replace {
		merge = api.Replace
	}
	next, err := merge(s.current(), patch)
	if err != nil {
		return next, err
	}
	return s.c.placed(next)
}

// digestsOf are the digests of the configuration that is being put in force. It
// is another than was prepared only if somebody changed the service meanwhile.
func (p prepared) digestsOf(c *Controller, spec *api.Spec) ([]api.Digest, error) {
	files := api.Files(spec)
	switch {
	case slices.Equal(files, p.files) && (p.kept || spec.History.Retain != api.RetainArtifacts):
		return p.digests, nil
	case spec.History.Retain == api.RetainArtifacts:
		return nil, &rollout.Refusal{Message: "the service was changed by somebody else at this moment", Hint: "look at it, and try again"}
	}
	return c.cfg.Content.Digests(files), nil
}

// changedFiles are the files that a version shares with the configuration that
// is being put in force, and that have another state now than it recorded.
func changedFiles(v *version, now []api.Digest, files []api.File) []string {
	var changed []string
	if v == nil {
		return nil
	}
	for _, was := range v.Digests {
		if was.Kind == api.FileImage {
			continue
		}
		at := slices.IndexFunc(now, func(d api.Digest) bool {
			return d.Path == was.Path || d.Kind == api.FileProgram && was.Kind == api.FileProgram
		})
		switch {
		case at >= 0 && (now[at].Path != was.Path || now[at].Stat != was.Stat):
			changed = append(changed, was.Path)
		case at < 0 && slices.ContainsFunc(files, func(f api.File) bool { return f.Path == was.Path }):
			changed = append(changed, was.Path) // an argument that is no file any more
		}
	}
	return changed
}
