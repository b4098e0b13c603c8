package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
)

// bodyTime is how long a body may take to arrive. huma's deadline stays on the
// connection while the change is carried out, and ends it: so it is longer than
// the longest wait for a gateway (design rule 8).
const bodyTime = time.Minute

// limitBody sets huma's limits, which refuse a body of exactly MaxBodyBytes, and
// says what a body that is missing or no JSON is answered with.
func limitBody(op *huma.Operation) {
	op.Errors = append(op.Errors, http.StatusBadRequest)
	op.MaxBodyBytes, op.BodyReadTimeout = maxBody+1, bodyTime
}

type scaleInput struct {
	Named
	Why
	Body struct {
		Instance int `json:"instance" minimum:"0" doc:"the desired number of replicas"`
	}
}

type versionInput struct {
	Named
	Why
	Body *api.Rollback
}

type pauseInput struct {
	Named
	Why
	Body struct {
		Paused bool `json:"paused" doc:"true pauses the rollout in progress; false resumes it, or has failed replicas tried again"`
	}
}

// routeChanges adds the changes of a whole service besides its file.
func (s *server) routeChanges() {
	const path = prefix + "/services/{name}"
	op := func(what, id, summary, description string) huma.Operation {
		op := operation(http.MethodPut, path+"/"+what, id, services, summary, description, 404, 409, 412, 413)
		limitBody(&op)
		return op
	}
	register(s, op("scale", "scale-service", "Set the desired number of replicas", "Acts at once; no version and no rollout."), s.scale)
	register(s, op("restart", "restart-service", "Replace all replicas", "A rollout of the same version. Refused while another is in progress."),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, s.cfg.Releases.Restart)
		})
	register(s, op("stop", "stop-service", "End all replicas", "The service, its versions and a rollout in progress are kept."),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, s.cfg.Releases.Stop)
		})
	register(s, op("start", "start-service", "Start a stopped service", "As it was, or with the version it was updated to meanwhile."),
		func(ctx context.Context, in *changeInput) (*answerOutput, error) {
			return s.change(ctx, in, s.cfg.Releases.Start)
		})
	register(s, op("version", "rollback-service", "Roll back to a version", "Text says which version was chosen where none is given. Refused where the preflight says that it would fail, unless it is forced."), s.rollback)
	register(s, op("rollout", "pause-rollout", "Pause or resume the rollout", "Pausing a paused rollout changes nothing."), s.pause)
}

func (s *server) scale(ctx context.Context, in *scaleInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return answered(s.cfg.Releases.Scale(ctx, by, in.Name, in.Body.Instance))
}

func (s *server) rollback(ctx context.Context, in *versionInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	ask := api.Rollback{}
	if in.Body != nil {
		ask = *in.Body
	}
	return answered(s.cfg.Releases.Rollback(ctx, by, in.Name, ask))
}

func (s *server) pause(ctx context.Context, in *pauseInput) (*answerOutput, error) {
	change := &changeInput{in.Named, in.Why}
	if in.Body.Paused {
		return s.change(ctx, change, s.cfg.Releases.Pause)
	}
	return s.change(ctx, change, s.cfg.Releases.Resume)
}
