package controller

import (
	"context"
	"fmt"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// Plan shows the update plan of a service.
func (c *Controller) Plan(_ context.Context, name string) (plan api.Plan, err error) {
	err = c.read(name, func(s *service) error {
		s.state.Now = s.c.now()
		v := s.state.PlanView()
		if v == nil {
			return noPlan(name)
		}
		plan = *v
		return nil
	})
	return plan, err
}

func noPlan(name string) error {
	return &NotFoundError{Kind: "update plan of", Name: name, Hint: "`sluice plan set " + name + "` makes one"}
}

// CreatePlan makes an update plan for a service that has none.
func (c *Controller) CreatePlan(ctx context.Context, by By, name string, ch api.PlanChange) (Outcome, error) {
	if err := c.checkGates(ctx, name, ch.Gates); err != nil {
		return Outcome{}, err
	}
	return c.alter(ctx, by, name, "PlanCreated", func(s *service, op *operation) error {
		if s.state.Service.Plan != nil {
			return &rollout.Refusal{
				Message: "service " + name + " has an update plan already",
				Hint:    "`sluice plan set " + name + "` changes it",
			}
		}
		return s.setPlan(op, ch)
	})
}

// ChangePlan changes the update plan of a service, or makes it where there is
// none; a pause or a resume needs one.
func (c *Controller) ChangePlan(ctx context.Context, by By, name string, ch api.PlanChange) (Outcome, error) {
	if err := c.checkGates(ctx, name, ch.Gates); err != nil {
		return Outcome{}, err
	}
	return c.alter(ctx, by, name, "PlanChanged", func(s *service, op *operation) error {
		if s.state.Service.Plan == nil && ch.OnlyPauses() {
			return noPlan(name)
		}
		return s.setPlan(op, ch)
	})
}

func (s *service) setPlan(op *operation, ch api.PlanChange) error {
	if err := ch.Check(); err != nil {
		return err
	}
	if err := s.state.SetPlan(ch); err != nil {
		return err
	}
	op.text = planText(s.state.PlanView())
	if t := ch.TargetUpdated; t != nil && t.Value == 0 && s.state.PlanView().Phase == api.PlanInEffect {
		op.text = s.goesBack()
	}
	return nil
}

// planText says where a plan stands.
func planText(p *api.Plan) string {
	lead := "all at once"
	switch {
	case p.Batch != nil:
		lead = fmt.Sprintf("batches of %s, %s apart", p.Batch.Size, p.Batch.Interval)
	case p.TargetUpdated != nil:
		lead = fmt.Sprintf("%s of %d replicas", p.TargetUpdated, p.Total)
	}
	switch {
	case p.Phase != api.PlanInEffect && p.Paused:
		return "the next update begins paused: " + lead
	case p.Phase != api.PlanInEffect:
		return "the next update begins with it: " + lead
	case p.Paused:
		return fmt.Sprintf("the plan is in effect (%s) and paused at %d of %d", lead, p.Updated, p.Total)
	}
	return fmt.Sprintf("the plan is in effect (%s): %d of %d updated, %d is the target", lead, p.Updated, p.Total, p.Target)
}

// RollBackPlan takes every replica that the plan in effect has updated back to
// the version before; plan and settings stay.
func (c *Controller) RollBackPlan(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "PlanRollbackBegan", func(s *service, op *operation) error {
		if s.state.Service.Plan == nil {
			return noPlan(name)
		}
		if err := s.state.PlanRollback(); err != nil {
			return err
		}
		op.text = s.goesBack()
		return nil
	})
}

// goesBack says what a rollback within the rollout in progress does.
func (s *service) goesBack() string {
	ro, base := s.state.Service.Rollout, s.state.Service.Base
	return fmt.Sprintf("the update to version %d is taken back: every replica goes back to version %d, and those that still run it stay",
		ro.To.Version, base.Version)
}

// DeletePlan removes the plan. A rollout that it leads is paused where it is.
func (c *Controller) DeletePlan(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "PlanDeleted", func(s *service, op *operation) error {
		if s.state.Service.Plan == nil {
			return noPlan(name)
		}
		op.text = "the update plan is deleted"
		if v := s.state.PlanView(); v.Phase == api.PlanInEffect {
			op.text += fmt.Sprintf("; the rollout stays at %d of %d updated: `sluice resume %s` goes on with all, `sluice rollback %s` goes back",
				v.Updated, v.Total, name, name)
		}
		s.state.DeletePlan()
		return nil
	})
}

// settleConfig puts the configuration of the base in force again once a rollout
// has been taken back to it.
func (s *service) settleConfig(steps []rollout.Step) (undo func()) {
	doc, record := s.doc, s.record
	for _, st := range steps {
		if st.Kind != rollout.RollBack {
			continue
		}
		if v := s.version(s.state.Service.Current.Version); v != nil {
			s.put(api.AsInForce(v.doc, s.doc))
			s.refreshPolicies()
		}
	}
	return func() { s.doc, s.record = doc, record }
}
