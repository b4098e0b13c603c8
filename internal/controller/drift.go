package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/runtime"
)

// material is what a replica is to be made of: the files that its version
// recorded, and what happens when they are others now.
type material struct {
	version int
	digests []api.Digest
	refuse  bool
	// strict is that an argument that changed is no more excused than a model: its
	// version is not the latest, or the service file says so. Otherwise it may be a
	// file that the program writes, and is used where it is.
	strict  bool
	service string
}

// material of a replica that is about to start. Where metadata.on_drift says
// nothing, a rollout is refused other files than it was accepted with, since
// the replicas before it serve on; a replica of a version in service is not,
// since there would be one fewer.
func (s *service) material(version int) material {
	m := material{version: version, service: s.name()}
	v := s.version(version)
	if v == nil {
		return m
	}
	m.digests = v.Digests
	policy := ""
	m.strict = version != s.state.Service.Latest
	if in, err := api.Parse(s.doc); err == nil {
		policy = in.History.OnDrift
		m.strict = m.strict || policy == api.DriftRefuse || in.History.Retain == api.RetainArtifacts
	}
	ro := s.state.Service.Rollout
	releasing := ro.Active() && !ro.Forced && ro.Kind != api.KindRestart && ro.To.Version == version
	m.refuse = policy == api.DriftRefuse || policy == "" && releasing
	return m
}

// settle gives the launch the files that its version recorded: at their place,
// or kept copies of them. Others are refused, or told of, as the policy says. It
// may have to read files, so it is for no lock.
func (m material) settle(ctx context.Context, content Content, l *runtime.Launch) (drifted []string, err error) {
	l.Files = map[string]string{}
	var refused []string
	for _, d := range m.digests {
		if d.Kind == api.FileImage || d.System || d.Stat == "" {
			continue
		}
		now, why := content.Compare(ctx, d, false)
		if now == history.Same {
			continue
		}
		if d.Kind == api.FileArgument && !m.strict && now != history.Missing {
			drifted = append(drifted, why)
			continue
		}
		if at := content.Kept(d); at != "" {
			l.Files[d.Path] = at
			continue
		}
		if now == history.Unsure && m.refuse {
			now, why = content.Compare(ctx, d, true)
		}
		if now != history.Same {
			drifted, refused = append(drifted, why), append(refused, why)
		}
	}
	if len(refused) > 0 && m.refuse {
		return drifted, &runtime.UnstartableError{Reason: fmt.Sprintf(
			"%s, no copy is kept, and metadata.on_drift refuses other files than version %d was made with; `sluice update %s` makes a version of what is there now",
			strings.Join(refused, "; "), m.version, m.service)}
	}
	return drifted, nil
}

// seeDrift tells that a replica started with other files than its version
// recorded.
func (s *service) seeDrift(id string, drifted []string) {
	r := s.state.Replica(id)
	if r == nil {
		return
	}
	s.notices = append(s.notices, s.replicaEvent("warning", "FilesChanged", fmt.Sprintf(
		"replica %s starts with other files than version %d was made with: %s; `sluice update %s` makes a version of them",
		id, r.Version, strings.Join(drifted, "; "), s.name()), r))
}

// seeCopies tells that a replica runs kept copies.
func (s *service) seeCopies(id string, files map[string]string) {
	r := s.state.Replica(id)
	if r == nil || len(files) == 0 {
		return
	}
	s.notices = append(s.notices, s.replicaEvent("normal", "CopiesRun", fmt.Sprintf(
		"replica %s runs the kept copies of version %d, since these changed or are gone: %s",
		id, r.Version, strings.Join(slices.Sorted(maps.Keys(files)), ", ")), r))
}

// lost names the files of the current version whose recorded content is neither
// at its place nor kept.
func (c *Controller) lost(ctx context.Context, name string) (number int, paths []string, err error) {
	var digests []api.Digest
	err = c.read(name, func(s *service) error {
		number = s.state.Service.Current.Version
		if v := s.version(number); v != nil {
			digests = v.Digests
		}
		return nil
	})
	for _, d := range digests {
		if d.Kind == api.FileImage || d.System || d.Stat == "" {
			continue
		}
		if now, _ := c.cfg.Content.Compare(ctx, d, true); now != history.Same && c.cfg.Content.Kept(d) == "" {
			paths = append(paths, d.Path)
		}
	}
	return number, paths, err
}
