package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

const rollouts = "rollouts"

type rolloutInput struct {
	Named
	ID string `path:"id" maxLength:"200" doc:"the rollout's id"`
}

type rolloutOutput struct {
	Body api.Rollout
}

type rolloutList struct {
	Body struct {
		Rollouts []api.Rollout `json:"rollouts" nullable:"false"`
	}
}

func (s *server) routeRollouts() {
	const path = prefix + "/services/{name}"
	register(s, operation(http.MethodGet, path+"/rollout", "get-rollout", rollouts,
		"Show the rollout in progress", "Or the last one, after its end. 404 before the first.", 404), s.lastRollout)
	register(s, operation(http.MethodGet, path+"/rollouts", "list-rollouts", rollouts,
		"List all rollouts", "The newest first, each with its history.", 404), s.listRollouts)
	register(s, operation(http.MethodGet, path+"/rollouts/{id}", "get-rollout-by-id", rollouts,
		"Show one rollout", "", 404), s.getRollout)
}

func (s *server) lastRollout(ctx context.Context, in *Named) (*rolloutOutput, error) {
	service, err := s.cfg.Releases.Get(ctx, in.Name)
	switch {
	case err != nil:
		return nil, err
	case service.Rollout == nil:
		return nil, &controller.NotFoundError{Kind: "rollout of", Name: in.Name, Hint: "nothing has been rolled out yet"}
	}
	rollout, err := s.cfg.Releases.Rollout(ctx, in.Name, service.Rollout.ID)
	return &rolloutOutput{Body: rollout}, err
}

func (s *server) listRollouts(ctx context.Context, in *Named) (*rolloutList, error) {
	list, err := s.cfg.Releases.Rollouts(ctx, in.Name)
	out := &rolloutList{}
	out.Body.Rollouts = orEmpty(list)
	return out, err
}

func (s *server) getRollout(ctx context.Context, in *rolloutInput) (*rolloutOutput, error) {
	rollout, err := s.cfg.Releases.Rollout(ctx, in.Name, in.ID)
	return &rolloutOutput{Body: rollout}, err
}
