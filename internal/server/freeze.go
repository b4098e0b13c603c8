package server

import (
	"context"
	"net/http"
	"time"

	"sluice.dev/sluice/api"
)

type freezeInput struct {
	Named
	Why
	Body struct {
		Until  time.Time `json:"until" format:"date-time" doc:"when changes are allowed again; in the future"`
		Reason string    `json:"reason" minLength:"1" maxLength:"1000" doc:"what a refused change is told"`
	}
}

type stopInput struct {
	Why
	Body struct {
		Paused bool `json:"paused" doc:"true; each rollout is resumed by itself"`
	}
}

type stopOutput struct {
	Body struct {
		Paused []string `json:"paused" nullable:"false" doc:"services and groups whose rollout or shift was paused by this"`
	}
}

// routeFreezes adds what refuses changes, and what stops all of them.
func (s *server) routeFreezes() {
	for _, of := range []struct{ what, tag string }{{"service", services}, {"group", groups}} {
		path := prefix + "/" + of.tag + "/{name}/freeze"
		freeze := operation(http.MethodPut, path, "freeze-"+of.what, of.tag, "Freeze a "+of.what,
			"Every change is refused with the reason until then, but for a pause and the replacement of one replica. A group's freeze holds for its members.", 404, 409, 412, 413)
		freeze.DefaultStatus = http.StatusNoContent
		limitBody(&freeze)
		register(s, freeze, s.freeze)
		unfreeze := operation(http.MethodDelete, path, "unfreeze-"+of.what, of.tag, "Allow changes again", "", 404, 412)
		unfreeze.DefaultStatus = http.StatusNoContent
		register(s, unfreeze, s.unfreeze)
	}
	stop := operation(http.MethodPut, prefix+"/rollouts", "pause-all-rollouts", rollouts, "Pause every rollout and shift", "The stop button.", 413)
	limitBody(&stop)
	register(s, stop, s.pauseAll)
}

func (s *server) freeze(ctx context.Context, in *freezeInput) (*struct{}, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	if !in.Body.Until.After(time.Now()) {
		return nil, api.InvalidFreeze("until", in.Body.Until, "it is not in the future")
	}
	return nil, s.cfg.Releases.Freeze(ctx, by, in.Name, &api.Freeze{Until: api.At(in.Body.Until), Reason: in.Body.Reason})
}

func (s *server) unfreeze(ctx context.Context, in *changeInput) (*struct{}, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.cfg.Releases.Freeze(ctx, by, in.Name, nil)
}

func (s *server) pauseAll(ctx context.Context, in *stopInput) (*stopOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	if !in.Body.Paused {
		return nil, api.InvalidFreeze("paused", false, "only true is allowed; each rollout is resumed by itself")
	}
	out := &stopOutput{}
	paused, err := s.cfg.Releases.PauseAll(ctx, by)
	out.Body.Paused = orEmpty(paused)
	return out, err
}
