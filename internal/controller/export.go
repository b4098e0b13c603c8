package controller

import (
	"context"
	"slices"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// exportedEvents is how many events an export holds at most.
const exportedEvents = 10000

// Export gives a service with its versions and its history for another server.
// From is for the caller to fill in.
func (c *Controller) Export(ctx context.Context, name string) (e api.Export, err error) {
	err = c.read(name, func(s *service) error {
		e = s.export()
		return nil
	})
	if err != nil {
		return e, err
	}
	if e.Rollouts, err = c.Rollouts(ctx, name); err != nil {
		return e, err
	}
	slices.Reverse(e.Rollouts)
	if e.Events, err = c.cfg.Store.Events(ctx, store.EventQuery{Service: name, Limit: exportedEvents}); err != nil {
		return e, err
	}
	if e.Events == nil {
		e.Events = []api.Event{}
	}
	return e, nil
}

func (s *service) export() api.Export {
	s.state.Now = s.c.now()
	sv := &s.state.Service
	e := api.Export{Format: api.ExportFormat, ExportedAt: api.At(s.state.Now), Versions: []api.ExportedVersion{}}
	e.Service = api.ExportedService{
		Name: s.name(), Config: api.SnapshotConfig(s.doc).JSON(),
		CurrentVersion: sv.Current.Version, LatestVersion: sv.Latest, Sequence: sv.NextSeq,
		CreatedAt: api.At(s.record.CreatedAt), Group: s.record.Group, Token: s.record.Token != "",
		Mirror: s.record.Mirror, Frozen: inForce(s.record.Frozen, s.state.Now),
	}
	if sv.Base != nil {
		e.Service.BaseVersion = sv.Base.Version
	}
	if p := sv.Plan; p != nil {
		e.Plan = &api.PlanChange{TargetUpdated: p.Target, OnFailure: &p.OnFailure}
		if p.Batch != nil {
			every := api.Interval(p.Batch.Interval)
			e.Plan.Batch = &api.BatchChange{Size: &p.Batch.Size, Interval: &every}
		}
		if p.Paused {
			e.Plan.Paused = &p.Paused
		}
		if len(p.Gates) > 0 {
			e.Plan.Gates = &p.Gates
		}
	}
	for i := range s.versions {
		v := &s.versions[i]
		e.Versions = append(e.Versions, api.ExportedVersion{
			Number: v.Number, Creator: v.Creator, CreatedAt: v.CreatedAt, Message: v.Message,
			Pinned: v.Pinned, Completed: v.Completed, Config: v.Config, Digests: append([]api.Digest{}, v.Digests...),
		})
	}
	return e
}
