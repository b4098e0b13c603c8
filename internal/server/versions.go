package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

const versions = "versions"

type numberInput struct {
	Named
	Number int `path:"n" minimum:"1" doc:"the version's number"`
}

type diffInput struct {
	Named
	From int `query:"from" required:"true" minimum:"1"`
	To   int `query:"to" required:"true" minimum:"1"`
}

type versionOutput struct {
	Body api.Version
}

type versionList struct {
	Body struct {
		Versions []api.Version `json:"versions" nullable:"false"`
	}
}

type diffOutput struct {
	Body api.Diff
}

func (s *server) routeVersions() {
	const path = prefix + "/services/{name}/versions"
	register(s, operation(http.MethodGet, path, "list-versions", versions,
		"List all versions", "The newest first.", 404), s.listVersions)
	register(s, operation(http.MethodGet, path+"/{n}", "get-version", versions,
		"Show one version", "With the configuration it keeps.", 404), s.getVersion)
	register(s, operation(http.MethodGet, path+"/diff", "diff-versions", versions,
		"Compare two versions", "Field by field.", 404), s.diffVersions)
}

func (s *server) listVersions(ctx context.Context, in *Named) (*versionList, error) {
	list, err := s.cfg.Releases.Versions(ctx, in.Name)
	out := &versionList{}
	out.Body.Versions = orEmpty(list)
	return out, err
}

func (s *server) getVersion(ctx context.Context, in *numberInput) (*versionOutput, error) {
	version, err := s.cfg.Releases.Version(ctx, in.Name, in.Number)
	return &versionOutput{Body: version}, err
}

func (s *server) diffVersions(ctx context.Context, in *diffInput) (*diffOutput, error) {
	diff, err := s.cfg.Releases.Diff(ctx, in.Name, in.From, in.To)
	diff.Changes = orEmpty(diff.Changes)
	return &diffOutput{Body: diff}, err
}
