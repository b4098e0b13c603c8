package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

// PreviewInput is an update as PUT takes it. It is made on a copy, so there is
// nothing to record and nothing to be stale.
type PreviewInput struct {
	Named
	UpdateType string `query:"update_type" enum:"merge,replace" default:"merge" doc:"as in the update: merge lays the body over the service file in force, replace takes it as the whole"`
	RawBody    []byte `contentType:"application/json"`
}

type previewOutput struct {
	Body api.Preview
}

func (s *server) routePreview() {
	register(s, fileOperation(http.MethodPost, prefix+"/services/{name}/preview", "preview-service", "Say what an update would do",
		"The body is that of the update. Every step with its counts, how long each batch takes, the peak, what a failure would leave, and warnings. Nothing is changed.", 404, 409),
		s.preview)
}

func (s *server) preview(ctx context.Context, in *PreviewInput) (*previewOutput, error) {
	doc, err := FileInput{RawBody: in.RawBody}.document()
	if err != nil {
		return nil, err
	}
	out, err := s.cfg.Releases.Preview(ctx, in.Name, doc, in.UpdateType == "replace")
	return &previewOutput{Body: out}, err
}
