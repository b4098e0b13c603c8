package server

import (
	"context"
	"encoding/json"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

const versions = "versions"

type numberInput struct {
	Named
	Number int `path:"n" minimum:"1" doc:"the version's number"`
}

type versionsInput struct {
	Named
	Limit  int `query:"limit" minimum:"0" doc:"the newest that many; 0 is all"`
	Before int `query:"before" minimum:"0" doc:"only versions with a lower number, for the next page"`
}

type diffInput struct {
	Named
	From  int  `query:"from" required:"true" minimum:"1"`
	To    int  `query:"to" minimum:"0" doc:"the current version where it is not given"`
	Lines bool `query:"lines" doc:"both configurations beside each other, too"`
}

type diffFileInput struct {
	Named
	Body struct {
		From   int            `json:"from,omitempty" minimum:"0" doc:"a version; the current one where it is not given"`
		Config map[string]any `json:"config" doc:"a service file, read as the whole: what it does not name of scale and membership stays"`
		Lines  bool           `json:"lines,omitempty" doc:"both configurations beside each other, too"`
	}
	RawBody []byte
}

type pinInput struct {
	Named
	Why
	Number int `path:"n" minimum:"1" doc:"the version's number"`
	Body   struct {
		Pinned bool `json:"pinned" doc:"whether it is kept whatever limits are set"`
	}
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
		"List all versions", "The newest first, each with what it changed and how many replicas run it.", 404), s.listVersions)
	register(s, operation(http.MethodGet, path+"/{n}", "get-version", versions,
		"Show one version", "With the configuration it keeps, as it is and sorted into sections.", 404), s.getVersion)
	register(s, operation(http.MethodGet, path+"/diff", "diff-versions", versions,
		"Compare two versions", "Field by field, and line by line where that is asked for.", 404), s.diffVersions)
	diff := operation(http.MethodPost, path+"/diff", "diff-file", versions,
		"Compare a version with a service file", "Nothing is changed.", 404, 413)
	limitBody(&diff)
	register(s, diff, s.diffFile)
	pin := operation(http.MethodPut, path+"/{n}", "pin-version", versions,
		"Pin a version, or let it go", "A pinned version is kept for good, whatever limits are set.", 404, 409, 412, 413)
	limitBody(&pin)
	register(s, pin, s.pinVersion)
}

func (s *server) listVersions(ctx context.Context, in *versionsInput) (*versionList, error) {
	list, err := s.cfg.Releases.Versions(ctx, in.Name, controller.Page{Limit: in.Limit, Before: in.Before})
	out := &versionList{}
	out.Body.Versions = orEmpty(list)
	return out, err
}

func (s *server) getVersion(ctx context.Context, in *numberInput) (*versionOutput, error) {
	version, err := s.cfg.Releases.Version(ctx, in.Name, in.Number)
	return &versionOutput{Body: version}, err
}

func (s *server) diffVersions(ctx context.Context, in *diffInput) (*diffOutput, error) {
	return s.diff(ctx, in.Name, controller.Pair{From: in.From, To: in.To, Lines: in.Lines})
}

// diffFile reads the file from the body as it came: numbers keep their digits.
func (s *server) diffFile(ctx context.Context, in *diffFileInput) (*diffOutput, error) {
	var body struct{ Config json.RawMessage }
	if err := json.Unmarshal(in.RawBody, &body); err != nil {
		return nil, unreadable(err)
	}
	file, err := FileInput{RawBody: body.Config}.document()
	if err != nil {
		return nil, err
	}
	return s.diff(ctx, in.Name, controller.Pair{From: in.Body.From, File: &file, Lines: in.Body.Lines})
}

func (s *server) diff(ctx context.Context, name string, pair controller.Pair) (*diffOutput, error) {
	diff, err := s.cfg.Releases.Diff(ctx, name, pair)
	diff.Changes = orEmpty(diff.Changes)
	return &diffOutput{Body: diff}, err
}

func (s *server) pinVersion(ctx context.Context, in *pinInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return answered(s.cfg.Releases.Pin(ctx, by, in.Name, in.Number, in.Body.Pinned))
}
