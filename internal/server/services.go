package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

const services = "services"

// Named is the path of everything that belongs to a service.
type Named struct {
	Name string `path:"name" maxLength:"100" doc:"the service's name"`
}

type serviceOutput struct {
	ETag string `header:"ETag" doc:"the revision, for If-Match"`
	Body api.Service
}

// Brief is for pages that show many services: most of what they would get is
// files.
type Brief struct {
	Config bool `query:"config" default:"true" doc:"false leaves out each service's file: its config is null"`
}

// brief is a service as it was asked for.
func (b Brief) brief(service api.Service) api.Service {
	if !b.Config {
		service.Config = nil
	}
	return service
}

type serviceList struct {
	Body struct {
		Services []api.Service `json:"services" nullable:"false"`
	}
}

// FileInput is a service file as the body, read by api.ParseDocument and not by
// huma: it may be YAML, and its errors name keys.
type FileInput struct {
	Why
	RawBody []byte `contentType:"application/json"`
}

type updateInput struct {
	Named
	FileInput
	UpdateType string `query:"update_type" enum:"merge,replace" default:"merge" doc:"merge lays the body over the service file in force (RFC 7396: objects merge, lists are replaced, null removes); replace takes it as the whole"`
}

func (in FileInput) document() (api.Document, error) {
	doc, err := api.ParseDocument(in.RawBody)
	if err != nil {
		return doc, unreadable(err)
	}
	return doc, nil
}

func (s *server) routeServices() {
	register(s, operation(http.MethodGet, prefix+"/services", "list-services", services,
		"List all services", "In the order of their names."), s.listServices)
	register(s, operation(http.MethodGet, prefix+"/services/{name}", "get-service", services,
		"Show one service", "As it is now, with its last rollout and the service file in force.", 404), s.getService)

	create := fileOperation(http.MethodPost, prefix+"/services", "create-service", "Create a service",
		"The body is a service file, JSON or YAML.", 409)
	create.DefaultStatus = http.StatusCreated
	register(s, create, s.createService)
	register(s, fileOperation(http.MethodPut, prefix+"/services/{name}", "update-service", "Change the service file",
		"What changed decides what follows: a rollout, a change of settings, a scale, or nothing (changed is false).", 404, 409, 412), s.updateService)

	remove := operation(http.MethodDelete, prefix+"/services/{name}", "delete-service", services,
		"Delete a service", "Answered at once; replicas finish what they have in hand first, then the service is gone. Its events stay readable.", 404, 409, 412)
	remove.DefaultStatus = http.StatusAccepted
	register(s, remove, s.deleteService)
}

// fileOperation takes a service file as its body.
func fileOperation(method, path, id, summary, description string, errors ...int) huma.Operation {
	op := operation(method, path, id, services, summary, description, append(errors, http.StatusRequestEntityTooLarge)...)
	file := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "a service file"}}
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "a service file"}}
	op.SkipValidateBody = true // api reads it
	op.RequestBody = &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/json": file, "application/yaml": text},
	}
	limitBody(&op)
	return op
}

func (s *server) listServices(ctx context.Context, in *struct{ Brief }) (*serviceList, error) {
	out := &serviceList{}
	out.Body.Services = []api.Service{}
	for _, service := range s.cfg.Releases.List(ctx) {
		out.Body.Services = append(out.Body.Services, in.brief(service))
	}
	return out, nil
}

func (s *server) getService(ctx context.Context, in *Named) (*serviceOutput, error) {
	service, err := s.cfg.Releases.Get(ctx, in.Name)
	return &serviceOutput{ETag: etag(service.Revision), Body: service}, err
}

func (s *server) createService(ctx context.Context, in *FileInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := in.document()
	if err != nil {
		return nil, err
	}
	out, err := answered(s.cfg.Releases.Create(ctx, by, doc))
	if err == nil {
		out.Location = prefix + "/services/" + out.Body.Name
	}
	return out, err
}

func (s *server) updateService(ctx context.Context, in *updateInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := in.document()
	if err != nil {
		return nil, err
	}
	return answered(s.cfg.Releases.Update(ctx, by, in.Name, doc, in.UpdateType == "replace"))
}

type changeInput struct {
	Named
	Why
}

func (s *server) deleteService(ctx context.Context, in *changeInput) (*answerOutput, error) {
	return s.change(ctx, in, s.cfg.Releases.Delete)
}

// change answers one of the changes that take nothing but a name.
func (s *server) change(ctx context.Context, in *changeInput,
	do func(context.Context, controller.By, string) (controller.Outcome, error)) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return answered(do(ctx, by, in.Name))
}

// orEmpty is the list as JSON shall show it: [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
