package servertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
)

// Groups implements server.Releases. Members are those that Release has been
// asked about; nothing is split here.
func (m *Memory) Groups(context.Context) []api.Group {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []api.Group{}
	for _, name := range slices.Sorted(maps.Keys(m.groups)) {
		list = append(list, *m.groups[name])
	}
	return list
}

func (m *Memory) findGroup(name string) (*api.Group, error) {
	if g := m.groups[name]; g != nil {
		return g, nil
	}
	return nil, &controller.NotFoundError{Kind: "group", Name: name, Hint: "`sluice groups` shows what there is"}
}

// Group implements server.Releases.
func (m *Memory) Group(_ context.Context, name string) (api.Group, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := m.findGroup(name)
	if err != nil {
		return api.Group{}, err
	}
	return *g, nil
}

// CreateGroup implements server.Releases.
func (m *Memory) CreateGroup(_ context.Context, by controller.By, name string, change api.GroupChange) (api.Group, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups[name] != nil || m.services[name] != nil {
		return api.Group{}, &rollout.Refusal{Message: "there is a group or a service of the name " + name}
	}
	at := api.At(time.Now())
	g := &api.Group{Name: name, Endpoint: "http://127.0.0.1:8080/api/predict/" + name, TrafficMode: api.ModeAuto, Explicit: true,
		Members: []api.GroupMember{}, CreatedAt: at}
	m.groups[name] = g
	return m.change(g, change), nil
}

func (m *Memory) change(g *api.Group, change api.GroupChange) api.Group {
	if change.TrafficMode != nil {
		g.TrafficMode = *change.TrafficMode
	}
	if change.Rules != nil {
		g.Rules = *change.Rules
	}
	g.Revision++
	g.UpdatedAt = api.At(time.Now())
	return *g
}

// ChangeGroup implements server.Releases.
func (m *Memory) ChangeGroup(_ context.Context, by controller.By, name string, change api.GroupChange) (api.Group, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := m.findGroup(name)
	switch {
	case err != nil:
		return api.Group{}, err
	case by.IfRevision != 0 && by.IfRevision != g.Revision:
		return api.Group{}, &controller.StaleError{Want: by.IfRevision, Is: g.Revision}
	}
	return m.change(g, change), nil
}

// DeleteGroup implements server.Releases.
func (m *Memory) DeleteGroup(_ context.Context, by controller.By, name string, cascade bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.findGroup(name)
	delete(m.groups, name)
	return err
}

// Release implements server.Releases.
func (m *Memory) Release(_ context.Context, by controller.By, name string, release api.Release) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.Group == "" {
			return false, "", &rollout.Refusal{Message: "service " + name + " is in no group"}
		}
		if release.Weight != nil {
			r.Traffic.Weight = *release.Weight
		}
		if release.TrafficState != nil {
			r.Traffic.State = *release.TrafficState
		}
		return true, "released", nil
	})
}

// Freeze implements server.Releases. It is shown, and refuses nothing here.
func (m *Memory) Freeze(_ context.Context, by controller.By, name string, freeze *api.Freeze) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.groups[name]; g != nil {
		g.Frozen = freeze
		return nil
	}
	r, err := m.find(name)
	if err == nil {
		r.Frozen = freeze
	}
	return err
}

// PauseAll implements server.Releases.
func (m *Memory) PauseAll(context.Context, controller.By) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var paused []string
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		if r := m.services[name]; r.active() && r.last().Phase == api.RolloutRunning {
			m.pause(r, "user", "")
			paused = append(paused, name)
		}
	}
	return paused, nil
}

// Mirror implements server.Releases.
func (m *Memory) Mirror(_ context.Context, name string) (api.Mirror, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	switch {
	case err != nil:
		return api.Mirror{}, err
	case r.mirror == nil:
		return api.Mirror{}, &controller.NotFoundError{Kind: "mirror of", Name: name}
	}
	return *r.mirror, nil
}

// SetMirror implements server.Releases.
func (m *Memory) SetMirror(_ context.Context, by controller.By, name string, mirror *api.Mirror) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		r.mirror = mirror
		return true, "mirrored", nil
	})
}

// CompareTraffic implements server.Releases. There is no traffic here.
func (m *Memory) CompareTraffic(_ context.Context, name string, window time.Duration) (api.Comparison, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.findGroup(name)
	return api.Comparison{Group: name, Seconds: window.Seconds(), Members: []api.ComparisonMember{}}, err
}

// Shift, ChangeShift, AbortShift, Promotion, Promote, AbortPromotion and Abandon
// implement server.Releases: what is asked for is kept, and moves nothing here.
func (m *Memory) Shift(_ context.Context, name string) (api.Shift, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	switch {
	case err != nil:
		return api.Shift{}, err
	case r.shift == nil:
		return api.Shift{}, &controller.NotFoundError{Kind: "shift to", Name: name}
	}
	return *r.shift, nil
}

// ChangeShift is described with Shift.
func (m *Memory) ChangeShift(_ context.Context, by controller.By, name string, ch api.ShiftChange) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.Group == "" {
			return false, "", &rollout.Refusal{Message: "service " + name + " is in no group"}
		}
		r.shift = &api.Shift{To: name, Interval: api.DefaultShiftInterval, Steps: ch.Steps, Phase: api.ShiftRunning, Before: []api.MemberBefore{}, ModeBefore: api.ModeAuto}
		return true, "a shift to " + name, nil
	})
}

// AbortShift is described with Shift.
func (m *Memory) AbortShift(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if r.shift == nil {
			return false, "", &rollout.Refusal{Message: "no shift to " + name + " is in progress"}
		}
		r.shift.Phase = api.ShiftAborted
		return true, "aborted", nil
	})
}

// Promotion is described with Shift.
func (m *Memory) Promotion(_ context.Context, name string) (api.Promotion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	switch {
	case err != nil:
		return api.Promotion{}, err
	case r.promotion == nil:
		return api.Promotion{}, &controller.NotFoundError{Kind: "promotion of", Name: name}
	}
	return *r.promotion, nil
}

// Promote is described with Shift.
func (m *Memory) Promote(_ context.Context, by controller.By, name string, ch api.PromoteChange) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		r.promotion = &api.Promotion{Canary: name, Version: r.CurrentVersion, Into: []string{"b"}, Phase: api.PromotionCompleted}
		return true, "promoted", nil
	})
}

// AbortPromotion is described with Shift.
func (m *Memory) AbortPromotion(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) { return true, "ended", nil })
}

// Abandon is described with Shift.
func (m *Memory) Abandon(_ context.Context, by controller.By, name string, stop bool) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		r.Traffic.State = api.StateStandalone
		return true, "abandoned", nil
	})
}
