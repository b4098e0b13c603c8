package servertest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/history"
)

// Export implements server.Releases.
func (m *Memory) Export(_ context.Context, name string) (api.Export, error) {
	return look(m, name, func(r *record) (api.Export, error) {
		e := api.Export{Format: api.ExportFormat, ExportedAt: api.At(time.Now()), Versions: []api.ExportedVersion{}, Events: []api.Event{},
			Rollouts: append([]api.Rollout{}, r.rollouts...)}
		e.Service = api.ExportedService{
			Name: r.Name, Config: api.SnapshotConfig(r.doc).JSON(), CurrentVersion: r.CurrentVersion, LatestVersion: r.LatestVersion,
			Sequence: r.serial, CreatedAt: r.CreatedAt, Group: r.Group, Token: r.doc.Text("token") != "",
		}
		for _, v := range r.versions {
			e.Versions = append(e.Versions, api.ExportedVersion{Number: v.Number, Creator: v.Creator, CreatedAt: v.CreatedAt, Message: v.Message,
				Pinned: v.Pinned, Completed: v.Completed, Config: v.Config, Digests: []api.Digest{}})
		}
		for _, event := range m.events {
			if event.Service == name {
				e.Events = append(e.Events, event)
			}
		}
		return e, nil
	})
}

// Import implements server.Releases.
func (m *Memory) Import(_ context.Context, by controller.By, e api.Export, as controller.As) (controller.Outcome, error) {
	if err := history.CheckExport(e); err != nil {
		return controller.Outcome{}, err
	}
	if as.WorkingDir != "" && !filepath.IsAbs(as.WorkingDir) {
		return controller.Outcome{}, &api.InvalidError{Problems: []api.FieldProblem{{Path: "working_dir", Message: "an absolute path is allowed"}}}
	}
	if as.Name == "" {
		as.Name = e.Service.Name
	}
	doc, docs, err := history.Documents(e, func(doc api.Document) (api.Document, error) {
		doc, err := history.Placed(doc, as.Name, as.WorkingDir)
		if err == nil {
			_, err = api.Parse(doc)
		}
		return doc, err
	})
	if err != nil {
		return controller.Outcome{}, err
	}
	e = history.Renamed(e, as.Name)
	desired, _ := doc.Int("metadata.instance")
	m.mu.Lock()
	if m.services[as.Name] != nil {
		m.mu.Unlock()
		return controller.Outcome{}, &controller.ExistsError{Name: as.Name}
	}
	r := &record{doc: doc, rollouts: slices.Clone(e.Rollouts), serial: history.NextSequence(e), Service: api.Service{
		Name: as.Name, Status: api.StatusStopped, CurrentVersion: e.Service.CurrentVersion, LatestVersion: e.Service.LatestVersion,
		Endpoint: "http://127.0.0.1:8080/api/predict/" + as.Name, Traffic: api.Traffic{State: "standalone", Weight: -1},
		Replicas: api.ReplicaCounts{Desired: desired}, CreatedAt: e.Service.CreatedAt,
	}}
	for i, v := range e.Versions {
		r.versions = append(r.versions, api.Version{Number: v.Number, Creator: v.Creator, CreatedAt: v.CreatedAt, Message: v.Message,
			Pinned: v.Pinned, Completed: v.Completed, Config: docs[i].JSON(), Digests: []api.Digest{}})
	}
	m.services[as.Name] = r
	m.mu.Unlock()
	out, err := m.edit(by, as.Name, func(*record) (bool, string, error) {
		return true, fmt.Sprintf("%d versions are imported; the service is stopped, `sluice start %s` starts version %d", len(e.Versions), as.Name, e.Service.CurrentVersion), nil
	})
	if e.Service.Token {
		out.Warnings = append(out.Warnings, "callers had to send a token, which no export holds")
	}
	return out, err
}
