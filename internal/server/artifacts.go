package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

type artifactsOutput struct {
	Body api.Artifacts
}

func (s *server) routeArtifacts() {
	register(s, operation(http.MethodGet, prefix+"/artifacts", "get-artifacts", versions,
		"Show what is kept of versions' files", "How much room the copies take and may take, and what is being read to be hashed or kept."),
		func(context.Context, *struct{}) (*artifactsOutput, error) {
			out := &artifactsOutput{}
			if s.cfg.Artifacts != nil {
				out.Body = s.cfg.Artifacts()
			}
			out.Body.Hashing = orEmpty(out.Body.Hashing)
			return out, nil
		})
}
