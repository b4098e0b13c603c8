package controller

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// As says as what an export is imported.
type As struct {
	Name       string // "" is the exported service's
	WorkingDir string // absolute; "" leaves what the versions say
}

// Import makes a service of an export: with its numbers and its history, and
// stopped, so that nothing starts by itself. Everything is checked before
// anything is written; the error names the version and the field.
func (c *Controller) Import(ctx context.Context, by By, e api.Export, as As) (Outcome, error) {
	im, err := c.readImport(ctx, e, as)
	if err != nil {
		return Outcome{}, err
	}
	s, err := c.reserve(im.spec.Name)
	if err != nil {
		return Outcome{}, err
	}
	defer s.mu.Unlock()
	if err := s.imported(by, im); err != nil {
		s.closed.Store(true)
		c.drop(im.spec.Name)
		return Outcome{}, err
	}
	s.take()
	s.kick()
	c.schedule.Go(func() { c.retainRestOf(s, true) })
	return Outcome{Service: s.view(), Changed: true, Text: im.text(), Warnings: append(im.warnings, s.record.Warnings...)}, nil
}

// importing is an export that has been read for this server.
type importing struct {
	api.Export
	was      string // its name there
	doc      api.Document
	spec     *api.Spec
	versions []api.Document
	digests  [][]api.Digest
	warnings []string
}

func (im *importing) text() string {
	return fmt.Sprintf("%d versions are imported; the service is stopped, `sluice start %s` starts version %d", len(im.Versions), im.Service.Name, im.Service.CurrentVersion)
}

func (c *Controller) readImport(ctx context.Context, e api.Export, as As) (*importing, error) {
	if err := history.CheckExport(e); err != nil {
		return nil, err
	}
	if as.WorkingDir != "" && !filepath.IsAbs(as.WorkingDir) {
		return nil, &api.InvalidError{What: "the import", Problems: []api.FieldProblem{{Path: "working_dir", Value: []byte(fmt.Sprintf("%q", as.WorkingDir)), Message: "an absolute path is allowed"}}}
	}
	if as.Name == "" {
		as.Name = e.Service.Name
	}
	im := &importing{Export: history.Renamed(e, as.Name), was: e.Service.Name}
	var err error
	im.doc, im.versions, err = history.Documents(e, func(doc api.Document) (api.Document, error) { return c.accepted(doc, as) })
	if err != nil {
		return nil, err
	}
	if e.Service.Token { // without it anybody could call; with this, nobody before it is set
		im.doc = im.doc.WithMembership(api.Membership{Token: api.SealedLost})
	}
	if im.spec, err = api.Parse(im.doc); err != nil {
		return nil, err
	}
	if err := c.available(as.Name); err != nil {
		return nil, err
	}
	if e.Plan != nil {
		if err := c.checkGates(ctx, as.Name, e.Plan.Gates); err != nil {
			return nil, err
		}
	}
	for _, v := range e.Versions {
		im.digests = append(im.digests, history.PlacedFiles(v.Digests, workingDir(v.Config), as.WorkingDir))
	}
	im.warn(c)
	return im, nil
}

// accepted is a configuration as this server keeps it, or why it refuses it.
// Secrets are not in an export: where its mask stands the value is lost, so that
// no replica starts with asterisks. One that was written into the file is sealed.
func (c *Controller) accepted(doc api.Document, as As) (api.Document, error) {
	doc, err := api.Merge(api.Document{}, doc) // known keys, no nulls
	if err != nil {
		return doc, err
	}
	if doc, err = history.Placed(api.SnapshotConfig(doc), as.Name, as.WorkingDir); err != nil {
		return doc, err
	}
	if _, err = api.Parse(doc); err != nil {
		return doc, err
	}
	doc, err = doc.MapSecrets(func(path, value string) (string, error) {
		switch {
		case value == api.Mask || value == api.SealedLost:
			return api.SealedLost, nil
		case c.cfg.Secrets == nil:
			return value, nil
		}
		return c.seal(path, value)
	})
	if err != nil {
		return doc, err
	}
	return api.KeepSecrets(api.Document{}, doc)
}

func workingDir(config []byte) string { return readDocument(config).Text("containers[0].working_dir") }

// warn says what was left out, and what to do about it.
func (im *importing) warn(c *Controller) {
	say := func(format string, args ...any) { im.warnings = append(im.warnings, fmt.Sprintf(format, args...)) }
	name, sv := im.Service.Name, im.Service
	for _, path := range history.Unset(im.doc) {
		say("%s is a secret, which no export holds; it has to be set again: `sluice update %s --set '%s=VALUE'`", path, name, path)
	}
	if sv.Token {
		say("nobody can call %s before its token is set", name)
	}
	if sv.Group != "" {
		say("%s was a member of group %s; it is a member of none here: `sluice update %s --set metadata.group=GROUP` joins one", im.was, sv.Group, name)
	}
	if sv.Mirror != nil {
		say("%s had %d%% of its requests copied to %s; here they are not: `sluice mirror %s --to NAME --ratio %d` does it", im.was, sv.Mirror.Ratio, sv.Mirror.To, name, sv.Mirror.Ratio)
	}
	if sv.Frozen != nil {
		say("%s was frozen (%s); it is not frozen here", im.was, sv.Frozen.Reason)
	}
	for _, ro := range im.Rollouts {
		if !ro.Phase.Ended() {
			say("rollout %s was in progress when it was exported; it is recorded as superseded", ro.ID)
		}
	}
	if err := c.fits(im.spec); err != nil {
		say("there is no room for it: %v", err)
	}
}

// imported makes the records of a service that has been reserved.
func (s *service) imported(by By, im *importing) error {
	sv := im.Service
	s.state.Now = s.record.CreatedAt
	s.record.CreatedAt, s.record.UpdatedAt = sv.CreatedAt.Time, s.state.Now
	if s.record.CreatedAt.IsZero() {
		s.record.CreatedAt = s.state.Now
	}
	for i, v := range im.Versions {
		s.state.Now = v.CreatedAt.Time
		record := s.newVersion(v.Number, By{Actor: v.Creator, Message: v.Message}, im.versions[i], im.digests[i])
		record.Pinned, record.Completed = v.Pinned, v.Completed
		s.putVersion(*record)
	}
	s.state.Now = s.record.UpdatedAt
	s.put(im.doc)
	s.join(im.spec)
	s.state.Service = rollout.Service{
		Name: s.name(), Desired: im.spec.Instance, Strategy: s.strategy(im.spec),
		Current: s.version(sv.CurrentVersion).target(), Latest: sv.LatestVersion, NextSeq: history.NextSequence(im.Export),
		Stopped: true, Changed: true, Revision: 1,
	}
	if sv.BaseVersion != 0 {
		base := s.version(sv.BaseVersion).target()
		s.state.Service.Base = &base
	}
	rollouts := s.importedRollouts(im)
	if im.Plan != nil {
		if err := s.state.SetPlan(*im.Plan); err != nil {
			return err
		}
	}
	s.refreshPolicies()
	s.stored = s.state // its last rollout does not begin now
	ch := change{Change: store.Change{Name: s.name(), Service: s.serviceRecord(), Rollouts: rollouts, Events: im.Events}}
	for i := range s.versions {
		ch.Versions = append(ch.Versions, s.versions[i].Version)
	}
	text := fmt.Sprintf("imported from an export of %s of %s, with %d versions", im.was, im.ExportedAt.UTC().Format(time.RFC3339), len(im.Versions))
	if by.Message != "" {
		text += " (" + by.Message + ")"
	}
	event := s.event("normal", "Imported", text)
	event.Actor = by.Actor
	ch.Events = append(ch.Events, event)
	return s.commit(ch)
}

// importedRollouts are the rollouts as they are recorded; the last one is what
// the service shows. One that was in progress has ended with the move.
func (s *service) importedRollouts(im *importing) (records []store.Rollout) {
	sv := &s.state.Service
	if len(im.Rollouts) == 0 { // every service has one
		im.Rollouts = []api.Rollout{{
			ID: fmt.Sprintf("%s-r%d", s.name(), sv.NextSeq), Service: s.name(), Kind: api.KindCreate, Phase: api.RolloutSuperseded,
			ToVersion: sv.Current.Version, Message: "imported without its history", StartedAt: api.At(s.state.Now), EndedAt: api.AtPtr(s.state.Now),
		}}
		sv.NextSeq++
	}
	for i := range im.Rollouts {
		ro := &im.Rollouts[i]
		if !ro.Phase.Ended() {
			at := im.ExportedAt
			ro.Phase, ro.EndedAt, ro.Reason, ro.WaitingFor, ro.NextBatchAt = api.RolloutSuperseded, &at, "", "", nil
		}
		records = append(records, store.Rollout{Rollout: *ro})
	}
	sv.Rollout = s.rolloutOf(im.Rollouts[len(im.Rollouts)-1])
	return records
}

// rolloutOf is the state of a rollout that has ended.
func (s *service) rolloutOf(ro api.Rollout) *rollout.Rollout {
	to := rollout.Target{Version: ro.ToVersion}
	if v := s.version(ro.ToVersion); v != nil {
		to = v.target()
	}
	r := &rollout.Rollout{
		ID: ro.ID, Kind: ro.Kind, Phase: ro.Phase, From: ro.FromVersion, To: to,
		Planned: ro.Planned, Gates: ro.Gates, Message: ro.Message, Creator: ro.Creator, StartedAt: ro.StartedAt.Time,
	}
	if ro.EndedAt != nil {
		r.EndedAt = ro.EndedAt.Time
	}
	return r
}
