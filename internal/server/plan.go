package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

const plans = "plans"

type planOutput struct {
	Body api.Plan
}

func (s *server) routePlans() {
	const path = prefix + "/services/{name}/plan"
	register(s, operation(http.MethodGet, path, "get-plan", plans,
		"Show the update plan", "And, while it is in effect, how far its rollout is. 404 without a plan.", 404), s.getPlan)
	create := s.planOperation(http.MethodPost, path, "create-plan", "Make an update plan",
		"For the next update, or in the middle of one. Refused where there is a plan.")
	create.DefaultStatus = http.StatusCreated
	register(s, create, changed(s, api.ParsePlanChange, Releases.CreatePlan))
	register(s, s.planOperation(http.MethodPut, path, "change-plan", "Change the update plan",
		"What is not given stays. Acts at once on the rollout it leads; makes the plan where there is none. target_updated 0 takes everything back."),
		changed(s, api.ParsePlanChange, Releases.ChangePlan))
	change := func(method, path, id, summary, description string, do func(Releases, context.Context, controller.By, string) (controller.Outcome, error)) {
		op := operation(method, path, id, plans, summary, description, 404, 409, 412)
		register(s, op, func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, func(ctx context.Context, by controller.By, name string) (controller.Outcome, error) {
				return do(s.cfg.Releases, ctx, by, name)
			})
		})
	}
	change(http.MethodDelete, path, "delete-plan", "Delete the update plan",
		"A rollout that it leads is paused where it is, with reason \"plan deleted\".", Releases.DeletePlan)
	change(http.MethodPut, path+"/rollback", "rollback-plan", "Take back what the plan has updated",
		"Every replica goes back to the version before; those that still run it stay. The plan keeps mode and settings.", Releases.RollBackPlan)
}

func (s *server) planOperation(method, path, id, summary, description string) huma.Operation {
	return read[api.PlanChange](s, operation(method, path, id, plans, summary, description, 404, 409, 412, http.StatusRequestEntityTooLarge))
}

func (s *server) getPlan(ctx context.Context, in *Named) (*planOutput, error) {
	plan, err := s.cfg.Releases.Plan(ctx, in.Name)
	return &planOutput{Body: plan}, err
}
