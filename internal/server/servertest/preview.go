package servertest

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/preview"
	"sluice.dev/sluice/internal/rollout"
)

// Preview implements server.Releases: the real preview, of a service whose
// replicas are all ready and take what is assumed of any.
func (m *Memory) Preview(_ context.Context, name string, doc api.Document, replace bool) (api.Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	if err != nil {
		return api.Preview{}, err
	}
	lay := api.Merge
	if replace {
		lay = api.Replace
	}
	next, err := lay(r.doc, doc)
	if err != nil {
		return api.Preview{}, err
	}
	if next, err = sealed(r.doc, next); err != nil {
		return api.Preview{}, err
	}
	spec, err := api.Parse(next)
	if err != nil {
		return api.Preview{}, err
	}
	changes := api.Changes(r.doc, next)
	out := api.Preview{Service: name, Outcome: api.PreviewNothing, Text: "nothing to change",
		Changes: append([]string{}, changes.Paths...), Diff: history.FieldDiff(r.doc, next), FromVersion: r.CurrentVersion, ToVersion: r.CurrentVersion}
	state := r.ready(spec)
	if changes.Scale {
		out.Outcome, out.Text = api.PreviewScale, fmt.Sprintf("scaled to %d", spec.Instance)
		state.Scale(spec.Instance)
	}
	if changes.Versioned() {
		out.Outcome, out.ToVersion = api.PreviewSettings, r.LatestVersion+1
		out.Text = fmt.Sprintf("version %d rolls out", out.ToVersion)
		to := rollout.Target{Version: out.ToVersion, Revision: "old"}
		if changes.Replica {
			out.Outcome, to.Revision = api.PreviewRollout, "new"
		}
		state.Update(to, "")
	}
	preview.Run(preview.Input{State: state, Spec: spec,
		Now: preview.Observed{File: api.Warnings(next), Replaces: out.Outcome == api.PreviewRollout}}, &out)
	return out, nil
}

// ready is a state in which all replicas are ready that are desired.
func (r *record) ready(spec *api.Spec) rollout.State {
	now := time.Now().UTC().Round(0)
	current := rollout.Target{Version: r.CurrentVersion, Revision: "old"}
	p := rollout.Policy{Drain: spec.Drain, StartupTimeout: spec.Strategy.StartupTimeout}
	state := rollout.State{Now: now, Policies: map[string]rollout.Policy{"old": p, "new": p}, Service: rollout.Service{
		Name: r.Name, Desired: r.Replicas.Desired, Strategy: rollout.Defaults(spec.Strategy, rollout.Public, false),
		Current: current, Base: &current, Latest: r.LatestVersion, NextSeq: r.serial + 1, Plan: r.plan,
	}}
	for i := range r.Replicas.Desired {
		state.Replicas = append(state.Replicas, rollout.Replica{
			ID: fmt.Sprintf("%s-%d-old%d", r.Name, r.CurrentVersion, i), Version: current.Version, Revision: current.Revision,
			Stage: rollout.Live, Starts: 1, Process: rollout.Running, FirstStartAt: now, StartedAt: now,
			Healthy: true, HealthyAt: now, ReadyAt: now, Routed: true, Acked: true,
		})
	}
	return state
}
