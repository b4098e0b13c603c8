package servertest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
)

// edit finds the service, lets do change it and answers with what it has become.
func (m *Memory) edit(by controller.By, name string, do func(*record) (changed bool, text string, err error)) (controller.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return controller.Outcome{}, m.failure
	}
	r, err := m.find(name)
	if err != nil {
		return controller.Outcome{}, err
	}
	if by.IfRevision != 0 && by.IfRevision != r.Revision {
		return controller.Outcome{}, &controller.StaleError{Want: by.IfRevision, Is: r.Revision}
	}
	changed, text, err := do(r)
	if err != nil {
		return controller.Outcome{}, err
	}
	if changed {
		r.Revision++
		r.UpdatedAt = api.At(time.Now())
		m.event(r, "normal", "Changed", by.Actor, "%s", text)
	}
	return controller.Outcome{Service: r.show(), Changed: changed, Text: text}, nil
}

// Create implements server.Releases.
func (m *Memory) Create(_ context.Context, by controller.By, doc api.Document) (controller.Outcome, error) {
	doc, err := api.Merge(api.Document{}, doc)
	if err != nil {
		return controller.Outcome{}, err
	}
	spec, err := api.Parse(doc)
	if err != nil {
		return controller.Outcome{}, err
	}
	if doc, err = sealed(api.Document{}, doc); err != nil {
		return controller.Outcome{}, err
	}
	m.mu.Lock()
	if m.services[spec.Name] != nil {
		m.mu.Unlock()
		return controller.Outcome{}, &controller.ExistsError{Name: spec.Name}
	}
	now := api.At(time.Now())
	m.services[spec.Name] = &record{Service: api.Service{
		Name: spec.Name, Group: spec.Group, Status: api.StatusCreating, Endpoint: "http://127.0.0.1:8080/api/predict/" + spec.Name,
		Traffic: api.Traffic{State: "standalone", Weight: -1, Share: 1}, CreatedAt: now,
		Replicas: api.ReplicaCounts{Desired: spec.Instance},
	}}
	m.mu.Unlock()
	out, err := m.edit(by, spec.Name, func(r *record) (bool, string, error) {
		r.doc = doc
		r.snapshot(by)
		m.begin(r, api.KindCreate, 0, by.Actor)
		return true, fmt.Sprintf("service %s: version 1 is being rolled out to %d replicas", r.Name, spec.Instance), nil
	})
	out.Warnings = api.Warnings(doc)
	return out, err
}

func (r *record) snapshot(by controller.By) {
	r.LatestVersion++
	r.CurrentVersion = r.LatestVersion
	r.versions = append(r.versions, api.Version{
		Number: r.LatestVersion, Creator: by.Actor, CreatedAt: api.At(time.Now()), Message: by.Message, Config: api.SnapshotConfig(r.doc).JSON(),
	})
}

// Update implements server.Releases.
func (m *Memory) Update(_ context.Context, by controller.By, name string, doc api.Document, replace bool) (controller.Outcome, error) {
	out, err := m.edit(by, name, func(r *record) (bool, string, error) {
		lay := api.Merge
		if replace {
			lay = api.Replace
		}
		next, err := lay(r.doc, doc)
		if err != nil {
			return false, "", err
		}
		spec, err := api.Parse(next)
		if err != nil {
			return false, "", err
		}
		if next, err = sealed(r.doc, next); err != nil {
			return false, "", err
		}
		changes := api.Changes(r.doc, next)
		if changes.Empty() {
			return false, "nothing to change", nil
		}
		r.doc, r.Replicas.Desired, r.Group = next, spec.Instance, spec.Group
		if !changes.Versioned() {
			m.settle(r)
			return true, fmt.Sprintf("scaled to %d", spec.Instance), nil
		}
		from := r.CurrentVersion
		r.snapshot(by)
		if r.Status == api.StatusStopped {
			return true, fmt.Sprintf("version %d is recorded; `sluice start %s` runs it", r.CurrentVersion, name), nil
		}
		m.begin(r, api.KindUpdate, from, by.Actor)
		return true, fmt.Sprintf("version %d is being rolled out", r.CurrentVersion), nil
	})
	if err == nil {
		out.Warnings = api.Warnings(doc)
	}
	return out, err
}

// Delete implements server.Releases.
func (m *Memory) Delete(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		r.Status, r.Message = api.StatusDeleting, fmt.Sprintf("%d replicas still end", r.Replicas.Ready)
		m.later(r, func() bool {
			m.delete(r)
			return false
		})
		return true, "service " + name + " is being deleted", nil
	})
}

// Scale implements server.Releases.
func (m *Memory) Scale(_ context.Context, by controller.By, name string, instance int) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		was := r.Replicas.Desired
		if was == instance {
			return false, "nothing to change", nil
		}
		doc, err := api.Set(r.doc, fmt.Sprintf("metadata.instance=%d", instance))
		if err != nil {
			return false, "", err
		}
		r.doc, r.Replicas.Desired = doc, instance
		m.settle(r)
		return true, fmt.Sprintf("scaled from %d to %d", was, instance), nil
	})
}

// Restart implements server.Releases.
func (m *Memory) Restart(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.active() {
			return false, "", &rollout.Refusal{Message: "a rollout is in progress", Hint: "wait for its end"}
		}
		m.begin(r, api.KindRestart, r.CurrentVersion, by.Actor)
		return true, fmt.Sprintf("%d replicas are being replaced", r.Replicas.Desired), nil
	})
}

// Pause implements server.Releases.
func (m *Memory) Pause(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if !r.active() {
			return false, "", &rollout.Refusal{Message: "service " + name + " has no rollout in progress to pause"}
		}
		m.pause(r, "user", "")
		return true, "the rollout is paused", nil
	})
}

// Resume implements server.Releases.
func (m *Memory) Resume(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if !r.active() || r.last().Phase != api.RolloutPaused {
			return false, "", &rollout.Refusal{Message: "service " + name + " has no paused rollout and no failed replica"}
		}
		ro := r.last()
		ro.Phase, ro.Reason, ro.Message = api.RolloutRunning, "", ""
		r.Status, r.Reason, r.Message, r.Replicas.Failed = api.StatusUpdating, "", "", 0
		m.advance(r, m.ending())
		return true, "the rollout goes on", nil
	})
}

// Stop implements server.Releases.
func (m *Memory) Stop(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.Status == api.StatusStopped {
			return false, "", &rollout.Refusal{Message: "service " + name + " is stopped already"}
		}
		r.Status, r.Message = api.StatusStopping, fmt.Sprintf("%d replicas still end", r.Replicas.Ready)
		m.later(r, func() bool {
			m.stop(r)
			return false
		})
		return true, "service " + name + " stops", nil
	})
}

// Start implements server.Releases.
func (m *Memory) Start(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.Status != api.StatusStopped {
			return false, "", &rollout.Refusal{Message: "service " + name + " is not stopped"}
		}
		m.settle(r)
		return true, "service " + name + " starts", nil
	})
}

// Rollback implements server.Releases.
func (m *Memory) Rollback(_ context.Context, by controller.By, name string, ask api.Rollback) (controller.Outcome, error) {
	version := ask.Version
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if version == 0 {
			version = r.CurrentVersion - 1
		}
		switch {
		case version == r.CurrentVersion:
			return false, "", &rollout.Refusal{Message: fmt.Sprintf("version %d is the current version already", version),
				Hint: "choose another version; `sluice versions " + name + "` lists them"}
		case version < 1:
			return false, "", &rollout.Refusal{Message: "there is no completed version to roll back to"}
		case version > r.LatestVersion:
			return false, "", missingVersion(name, version)
		}
		from := r.CurrentVersion
		r.CurrentVersion = version
		m.begin(r, api.KindRollback, from, by.Actor)
		return true, fmt.Sprintf("rolling back from version %d to %d", from, version), nil
	})
}

// EvictReplica implements server.Releases.
func (m *Memory) EvictReplica(_ context.Context, by controller.By, name, id string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		i := slices.IndexFunc(r.replicas, func(p api.Replica) bool { return p.ID == id })
		if i < 0 {
			return false, "", &controller.NotFoundError{Kind: "replica", Name: id}
		}
		version := r.replicas[i].Version
		r.replicas = slices.Delete(r.replicas, i, i+1)
		r.start(version)
		return true, "replica " + id + " is being replaced", nil
	})
}
