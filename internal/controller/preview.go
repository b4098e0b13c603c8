package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/preview"
	"sluice.dev/sluice/internal/rollout"
)

// Hearing is what a main process does on SIGTERM.
type Hearing int

const (
	HearsOrUnknown Hearing = iota // it has a handler, or nothing is told of it
	HearsNothing                  // no handler: it ends at once
	IgnoresIt
)

// Insight is what a preview asks of the world beyond what is recorded.
type Insight struct {
	// Slowest is the slowest request of a service that was answered lately, 0 for
	// none.
	Slowest func(service string) time.Duration
	// OnTerm is what SIGTERM does to a process, named by pid and start time.
	OnTerm func(pid int, start uint64) Hearing
}

// Preview says what Update would do with the same arguments: the same checks,
// the same decisions, on a copy. It is refused where the update would be.
func (c *Controller) Preview(_ context.Context, name string, doc api.Document, replace bool) (api.Preview, error) {
	s, err := c.find(name)
	if err != nil {
		return api.Preview{}, err
	}
	files, err := c.look(name, doc, replace)
	if err != nil {
		return api.Preview{}, err
	}
	in, out, err := s.foresee(doc, replace, files)
	if err != nil {
		return api.Preview{}, err
	}
	preview.Run(in, &out) // without the service's lock: it takes as long as it takes
	return out, nil
}

// foresee makes the update on the service, takes what has become of it, and puts
// everything back.
func (s *service) foresee(doc api.Document, replace bool, files prepared) (in preview.Input, out api.Preview, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed.Load():
		return in, out, &NotFoundError{Kind: "service", Name: s.name()}
	case s.state.Service.Deleting:
		return in, out, &rollout.Refusal{Message: "service " + s.name() + " is being deleted"}
	}
	defer s.remember()()
	s.state.Now = s.c.now()
	was, from := s.doc, s.state.Service
	updated := s.state.Counts().Updated
	op := operation{}
	if err := s.update(By{}, &op, doc, replace, files); err != nil {
		return in, out, err
	}
	if op.version != nil {
		s.putVersion(*op.version)
	}
	s.refreshPolicies()
	out = api.Preview{
		Service: s.name(), Text: op.text, Changes: changed(was, s.doc, op.files), Diff: history.FieldDiff(was, s.doc),
		FromVersion: from.Current.Version, ToVersion: s.state.Service.Current.Version,
		Supersedes: s.meets(from, updated),
	}
	out.Outcome = s.outcome(&op, from, was)
	in, err = s.previewInput(op.warnings, out.Outcome)
	return in, out, err
}

func changed(from, to api.Document, files []string) []string {
	paths := append([]string{}, api.Changes(from, to).Paths...)
	for _, f := range files {
		paths = append(paths, "content of "+f)
	}
	return paths
}

// outcome says what kind of change the operation is.
func (s *service) outcome(op *operation, from rollout.Service, was api.Document) api.PreviewOutcome {
	sv := &s.state.Service
	switch {
	case op.unchanged:
		return api.PreviewNothing
	case op.version != nil && sv.Stopped:
		return api.PreviewRecorded
	case op.version != nil && sv.Current.Revision != from.Current.Revision:
		return api.PreviewRollout
	case op.version != nil:
		return api.PreviewSettings
	case api.Changes(was, s.doc).Scale:
		return api.PreviewScale
	}
	return api.PreviewMembership
}

// previewInput is the service as it is now, all of it copied.
func (s *service) previewInput(warnings []string, outcome api.PreviewOutcome) (preview.Input, error) {
	in, err := s.previewModel()
	if err != nil {
		return in, err
	}
	in.Now = preview.Observed{File: warnings, Replaces: outcome == api.PreviewRollout}
	if s.c.cfg.Insight.Slowest != nil {
		in.Now.Slowest = s.c.cfg.Insight.Slowest(s.name())
	}
	for i := range s.state.Replicas {
		s.glance(&s.state.Replicas[i], &in.Now)
	}
	return in, nil
}

// previewModel is what the decisions of a preview are taken on.
func (s *service) previewModel() (preview.Input, error) {
	spec, err := api.Parse(s.doc)
	if err != nil {
		return preview.Input{}, err
	}
	in := preview.Input{State: s.state, Spec: spec, Seen: s.record.Seen, Needs: map[string]preview.Need{}}
	in.State.Replicas = slices.Clone(s.state.Replicas)
	for i := range s.versions {
		v := &s.versions[i]
		in.Needs[v.Revision] = preview.Need{Resource: v.spec.Resource, Need: needOf(v.spec)}
	}
	s.c.rooms.mu.Lock()
	in.Book = s.c.rooms.book.Copy()
	s.c.rooms.mu.Unlock()
	return in, nil
}

// glance notes what a replica has in hand, and how it hears a signal.
func (s *service) glance(r *rollout.Replica, now *preview.Observed) {
	if r.Stage != rollout.Live || r.Process != rollout.Running {
		return
	}
	if s.state.Phase(r) == api.ReplicaReady {
		now.InFlight += s.c.cfg.Gateways.InHand(r.ID).InFlight
	}
	h := s.handles[r.ID]
	if h == nil || !r.Routed || s.c.cfg.Insight.OnTerm == nil {
		return
	}
	if hears := s.c.cfg.Insight.OnTerm(h.Pid, h.StartTime); hears != HearsOrUnknown {
		now.Deaf = append(now.Deaf, preview.Deaf{Replica: r.ID, Pid: h.Pid, Revision: r.Revision, Ignores: hears == IgnoresIt})
	}
}

// meets says what the update does to a rollout in progress.
func (s *service) meets(from rollout.Service, updated int) *api.PreviewCurrent {
	ro := from.Rollout
	if !ro.Active() {
		return nil
	}
	p := &api.PreviewCurrent{Rollout: ro.ID, Phase: ro.Phase, ToVersion: ro.To.Version}
	now := s.state.Service.Rollout
	about := fmt.Sprintf("rollout %s (%s to version %d, %s, %d of %d updated)", ro.ID, ro.Kind, ro.To.Version, ro.Phase, updated, from.Desired)
	switch {
	case now.ID != ro.ID:
		p.Text = about + " is superseded; replicas of versions in between go first"
	case !now.Active():
		p.Text = about + " is superseded"
	case now.To.Version != ro.To.Version && ro.Paused():
		p.Text = fmt.Sprintf("%s becomes one to version %d and goes on", about, now.To.Version)
	case now.To.Version != ro.To.Version:
		p.Text = fmt.Sprintf("%s goes on as one to version %d", about, now.To.Version)
	default:
		p.Text = about + " stays as it is"
	}
	return p
}
