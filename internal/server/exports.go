package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

// maxImport is how large an export may be: hundreds of versions with thousands
// of events.
const maxImport = 64 << 20

type exportOutput struct {
	Body api.Export
}

type importInput struct {
	Why
	Name       string `query:"name" maxLength:"100" doc:"the name it gets here; the exported one where it is not given"`
	WorkingDir string `query:"working_dir" maxLength:"4096" doc:"an absolute path that takes the place of the working directory in every version"`
	Body       api.Export
}

func (s *server) routeExports() {
	register(s, operation(http.MethodGet, prefix+"/services/{name}/export", "export-service", services,
		"Export a service", "With its versions and its history, as one object to import into another server. No secret is in it.", 404), s.export)
	op := operation(http.MethodPost, prefix+"/services/import", "import-service", services,
		"Import an exported service", "It has the numbers and the history it had, and is stopped. Nothing is written unless all of it can be.", 409, 413)
	limitBody(&op)
	op.MaxBodyBytes = maxImport
	op.SkipValidateBody = true // what a later server adds to an export does not matter here; the rest is checked with what it means
	op.DefaultStatus = http.StatusCreated
	register(s, op, s.importService)
}

func (s *server) export(ctx context.Context, in *Named) (*exportOutput, error) {
	e, err := s.cfg.Releases.Export(ctx, in.Name)
	e.From = api.ExportSource{Version: s.cfg.Version}
	return &exportOutput{Body: e}, err
}

func (s *server) importService(ctx context.Context, in *importInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	out, err := answered(s.cfg.Releases.Import(ctx, by, in.Body, controller.As{Name: in.Name, WorkingDir: in.WorkingDir}))
	if err == nil {
		out.Location = prefix + "/services/" + out.Body.Name
	}
	return out, err
}
