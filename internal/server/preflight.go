package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

type preflightInput struct {
	Named
	Version int `query:"version" minimum:"0" doc:"the version to look at; 0 or none: all that are kept"`
}

type preflightOutput struct {
	Body struct {
		Preflights []api.VersionPreflight `json:"preflights" nullable:"false" doc:"the newest version first"`
	}
}

func (s *server) routePreflight() {
	register(s, operation(http.MethodGet, prefix+"/services/{name}/preflight", "preflight", versions,
		"Look whether versions can be gone back to",
		"In full: files that are not as they were recorded are read, and registries asked, so it may take long. Verdicts of cheap looks are shown with each version.", 404),
		func(ctx context.Context, in *preflightInput) (*preflightOutput, error) {
			list, err := s.cfg.Releases.Preflight(ctx, in.Name, in.Version)
			out := &preflightOutput{}
			out.Body.Preflights = orEmpty(list)
			return out, err
		})
}
