package servertest

import (
	"context"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
)

// A plan is kept by the core itself, in a state without replicas: so what it
// refuses and shows is real, and it leads no rollout here.

func (r *record) planState() *rollout.State {
	return &rollout.State{Service: rollout.Service{Name: r.Name, Desired: r.Replicas.Desired, Plan: r.plan}}
}

func missing(name string) error {
	return &controller.NotFoundError{Kind: "update plan of", Name: name, Hint: "`sluice plan set " + name + "` makes one"}
}

func (m *Memory) editPlan(by controller.By, name, text string, needed bool, do func(*rollout.State) error) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		s := r.planState()
		if needed && s.Service.Plan == nil {
			return false, "", missing(name)
		}
		if err := do(s); err != nil {
			return false, "", err
		}
		r.plan, r.Plan = s.Service.Plan, s.PlanView()
		return true, text, nil
	})
}

// Plan implements server.Releases.
func (m *Memory) Plan(_ context.Context, name string) (api.Plan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	switch {
	case err != nil:
		return api.Plan{}, err
	case r.Plan == nil:
		return api.Plan{}, missing(name)
	}
	return *r.Plan, nil
}

// CreatePlan implements server.Releases.
func (m *Memory) CreatePlan(_ context.Context, by controller.By, name string, change api.PlanChange) (controller.Outcome, error) {
	return m.editPlan(by, name, "the next update begins with it", false, func(s *rollout.State) error {
		if s.Service.Plan != nil {
			return &rollout.Refusal{Message: "service " + name + " has an update plan already"}
		}
		return s.SetPlan(change)
	})
}

// ChangePlan implements server.Releases.
func (m *Memory) ChangePlan(_ context.Context, by controller.By, name string, change api.PlanChange) (controller.Outcome, error) {
	return m.editPlan(by, name, "the next update begins with it", change.OnlyPauses(), func(s *rollout.State) error {
		return s.SetPlan(change)
	})
}

// RollBackPlan implements server.Releases.
func (m *Memory) RollBackPlan(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.editPlan(by, name, "taken back", true, (*rollout.State).PlanRollback)
}

// DeletePlan implements server.Releases.
func (m *Memory) DeletePlan(_ context.Context, by controller.By, name string) (controller.Outcome, error) {
	return m.editPlan(by, name, "the update plan is deleted", true, func(s *rollout.State) error { s.DeletePlan(); return nil })
}
