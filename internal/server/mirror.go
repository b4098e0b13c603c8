package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

type mirrorInput struct {
	Named
	Why
	Body api.Mirror
}

type mirrorOutput struct {
	Body api.Mirror
}

func (s *server) routeMirrors() {
	const path = prefix + "/services/{name}/mirror"
	register(s, operation(http.MethodGet, path, "get-mirror", services, "Show where requests are copied to", "404 without a mirror.", 404), s.getMirror)
	set := operation(http.MethodPut, path, "set-mirror", services, "Copy requests to another service",
		"A share of the requests; the copies' answers are thrown away but measured, and no caller waits for one. In force at every gateway when it is answered.", 404, 409, 412, 413)
	limitBody(&set)
	register(s, set, s.setMirror)
	register(s, operation(http.MethodDelete, path, "delete-mirror", services, "Copy no more requests", "", 404, 409, 412),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, func(ctx context.Context, by controller.By, name string) (controller.Outcome, error) {
				return s.cfg.Releases.SetMirror(ctx, by, name, nil)
			})
		})
}

func (s *server) getMirror(ctx context.Context, in *Named) (*mirrorOutput, error) {
	m, err := s.cfg.Releases.Mirror(ctx, in.Name)
	return &mirrorOutput{Body: m}, err
}

func (s *server) setMirror(ctx context.Context, in *mirrorInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.Body.Check(); err != nil {
		return nil, err
	}
	return answered(s.cfg.Releases.SetMirror(ctx, by, in.Name, &in.Body))
}
