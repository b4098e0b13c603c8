package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
)

const schemaPrefix = "#/components/schemas/"

// describe is what openapi.json says of the API as a whole. huma's own routes
// for documents and schemas are left out; finishOpenAPI serves the one there is.
func describe(version string) huma.Config {
	config := huma.DefaultConfig("Sluice", version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": masked, "json": masked}
	config.CreateHooks = nil // no $schema members in answers
	config.RejectUnknownQueryParameters = true
	config.Info.Description = `Releases changes to inference services without losing a request.

A change is answered when it is decided and stored; what it starts goes on afterwards, and /api/v1/watch tells of it. An
answered change is visible to the next read. Every change takes ` + "`message`" + ` (why, for the record) and ` + "`If-Match`" + ` (only if the
service is still at that revision, the ETag of an answer that shows the service).

Errors are problem documents (RFC 9457) with a stable code. Bodies are JSON whatever Content-Type says; service files may be YAML.

Secrets (token, dockerAuth, variables marked with secret: true) are shown as "` + api.Mask + `". Sent back in an update, that keeps the value in force.`
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "each has a role, viewer, operator or admin; each may do what the ones before it may. admin.token in the server's data directory holds the first one"},
		"session": {Type: "apiKey", In: "cookie", Name: "sluice_session", Description: "what POST /console/login gives a browser, for the console. The port of the server's address follows the name, _7070, and with TLS __Host- comes before it. Methods other than GET, HEAD and OPTIONS need X-CSRF-Token, which GET /console/session shows"},
	}
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[api.Count](), reflect.TypeFor[countSchema]())
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[api.Interval](), reflect.TypeFor[intervalSchema]())
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[api.GateLimit](), reflect.TypeFor[limitSchema]())
	return config
}

// limitSchema stands for api.GateLimit, which JSON may write as 0.01, "1%" or
// "250ms".
type limitSchema struct{}

func (limitSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeString}}}
}

// intervalSchema stands for api.Interval, which JSON writes as "5m".
type intervalSchema struct{}

func (intervalSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^([0-9.]+(h|m|s))+$`, Examples: []any{"90s", "5m", "1h"}}
}

// countSchema stands for api.Count, which JSON writes as 3 or "25%".
type countSchema struct{}

func (countSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeInteger}, {Type: huma.TypeString, Pattern: `^[0-9]+%$`}}}
}

// operation describes one route. Errors are those besides the ones that every
// route can give.
func operation(method, path, id, tag, summary, description string, errors ...int) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary, Description: description,
		Errors: append(errors, http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusServiceUnavailable),
	}
}

// finishOpenAPI puts right what huma cannot know, and serves the document.
func (s *server) finishOpenAPI() {
	document := s.api.OpenAPI()
	schemas := document.Components.Schemas
	for name, schema := range schemas.Map() {
		correct(schemas.TypeFromRef(schemaPrefix+name), schema)
	}
	body, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic("server: openapi.json cannot be written: " + err.Error()) // the same on every start: a test sees it
	}
	s.openapi = body
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(s.openapi)
	})
}

// correct says of members that hold an object or null that they may be null, and
// of members that hold a service file that they are objects.
func correct(t reflect.Type, schema *huma.Schema) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		member := schema.Properties[name]
		switch {
		case member == nil:
		case f.Type == reflect.TypeFor[json.RawMessage]() && name == "config":
			member.Type, member.AdditionalProperties = huma.TypeObject, true
			member.Nullable = t == reflect.TypeFor[api.Service]() // where it is left out
		case f.Type.Kind() == reflect.Pointer && member.Ref != "" && !slices.Contains(strings.Split(options, ","), "omitempty"):
			schema.Properties[name] = &huma.Schema{
				Description: member.Description,
				AnyOf:       []*huma.Schema{{Ref: member.Ref}, {Type: "null"}},
			}
		}
	}
}
