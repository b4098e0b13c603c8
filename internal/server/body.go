package server

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/internal/controller"
)

// BodyInput is a change of something named whose body is read by api and not by
// huma: so its errors name fields as everywhere.
type BodyInput struct {
	Named
	Why
	RawBody []byte `contentType:"application/json"`
}

// read takes a body that api reads; T is what openapi.json says of it.
func read[T any](s *server, op huma.Operation) huma.Operation {
	t := reflect.TypeFor[T]()
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())},
	}}
	limitBody(&op)
	return op
}

// changed answers a change whose body api reads.
func changed[T any](s *server, parse func([]byte) (T, error), do func(Releases, context.Context, controller.By, string, T) (controller.Outcome, error)) func(context.Context, *BodyInput) (*answerOutput, error) {
	return func(ctx context.Context, in *BodyInput) (*answerOutput, error) {
		by, err := in.by(ctx)
		if err != nil {
			return nil, err
		}
		change, err := parse(in.RawBody)
		if err != nil {
			return nil, err
		}
		return answered(do(s.cfg.Releases, ctx, by, in.Name, change))
	}
}
