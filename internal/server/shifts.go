package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

type shiftOutput struct {
	Body api.Shift
}

type promotionOutput struct {
	Body api.Promotion
}

type abandonInput struct {
	Named
	Why
	Stop bool `query:"stop" doc:"end its replicas too"`
}

func (s *server) routeShifts() {
	const service = prefix + "/services/{name}"
	path := service + "/shift"
	register(s, operation(http.MethodGet, path, "get-shift", groups, "Show the shift to a service", "The one in progress, or the last one.", 404, 409),
		func(ctx context.Context, in *Named) (*shiftOutput, error) {
			v, err := s.cfg.Releases.Shift(ctx, in.Name)
			return &shiftOutput{Body: v}, err
		})
	register(s, read[api.ShiftChange](s, operation(http.MethodPut, path, "change-shift", groups, "Shift traffic gradually to a service",
		"Begins a shift of its group's traffic in steps, or changes the one in progress. A step waits until ready replicas carry it.", 404, 409, 412, 413)), changed(s, api.ParseShiftChange, Releases.ChangeShift))
	register(s, operation(http.MethodDelete, path, "abort-shift", groups, "Abort a shift", "Back to the split from before it, at once.", 404, 409, 412),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, s.cfg.Releases.AbortShift)
		})
	path = service + "/promotion"
	register(s, operation(http.MethodGet, path, "get-promotion", groups, "Show the promotion of a service", "The one in progress, or the last one.", 404, 409),
		func(ctx context.Context, in *Named) (*promotionOutput, error) {
			v, err := s.cfg.Releases.Promotion(ctx, in.Name)
			return &promotionOutput{Body: v}, err
		})
	register(s, read[api.PromoteChange](s, operation(http.MethodPut, path, "promote-service", groups, "Promote a canary",
		"Its version becomes that of the others by rolling updates; traffic moves back as far as ready replicas carry it; then it is scaled to what it keeps. Asked for again, failed updates are tried anew.", 404, 409, 412, 413)), changed(s, api.ParsePromoteChange, Releases.Promote))
	register(s, operation(http.MethodDelete, path, "abort-promotion", groups, "End a promotion where it stands", "Updates that it began go on.", 404, 409, 412),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, s.cfg.Releases.AbortPromotion)
		})
	register(s, operation(http.MethodPut, service+"/abandon", "abandon-service", groups, "Take a canary out of its group's traffic",
		"At once; a shift to it is aborted.", 404, 409, 412), s.abandon)
}

func (s *server) abandon(ctx context.Context, in *abandonInput) (*answerOutput, error) {
	return s.change(ctx, &changeInput{in.Named, in.Why}, func(ctx context.Context, by controller.By, name string) (controller.Outcome, error) {
		return s.cfg.Releases.Abandon(ctx, by, name, in.Stop)
	})
}
