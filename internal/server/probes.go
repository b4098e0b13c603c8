package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const process = "process"

type textOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) routeProbes() {
	text := func(path, id, summary, description string, errors ...int) huma.Operation {
		return huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: id, Tags: []string{process}, Summary: summary, Description: description, Errors: errors,
			Responses: map[string]*huma.Response{"200": {
				Description: "OK",
				Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
			}},
		}
	}
	health := text("/healthz", "get-health", "Whether the process answers", "Needs no token.")
	register(s, health, func(context.Context, *struct{}) (*textOutput, error) { return ok(), nil })

	ready := text("/readyz", "get-readiness", "Whether the server has loaded its services and can change them", "Needs no token.", 503)
	register(s, ready, func(context.Context, *struct{}) (*textOutput, error) {
		if s.cfg.Ready != nil {
			if err := s.cfg.Ready(); err != nil {
				return nil, newProblem(http.StatusServiceUnavailable, codeUnavailable, err.Error(), "")
			}
		}
		if err := s.audit.ready(); err != nil {
			return nil, newProblem(http.StatusServiceUnavailable, codeUnavailable, err.Error(), "")
		}
		return ok(), nil
	})

	if s.cfg.Metrics == nil {
		return
	}
	register(s, text("/metrics", "get-metrics", "Numbers for Prometheus", "", 401), func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			s.cfg.Metrics.ServeHTTP(w, r)
		}}, nil
	})
}

func ok() *textOutput {
	return &textOutput{ContentType: "text/plain; charset=utf-8", Body: []byte("ok\n")}
}
