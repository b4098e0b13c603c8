package server

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
)

// anybody stands in access for a route that needs no token: it says nothing
// about services.
const anybody api.Role = ""

// access says which role each route needs. It is what is enforced, what
// openapi.json says and what docs/tokens.md shows. A route that is not here
// needs an admin, and fails a test.
var access = map[string]api.Role{
	"GET /healthz":      anybody,
	"GET /readyz":       anybody,
	"GET /openapi.json": anybody,
	"GET /metrics":      api.RoleViewer,

	// Who is there, and how one comes in and leaves. A login shows a token or a code
	// itself.
	"GET /console/session":                api.RoleViewer,
	"POST /console/login":                 anybody,
	"POST /console/logout":                api.RoleViewer,
	"POST " + prefix + "/console/links":   api.RoleViewer,
	"DELETE " + prefix + "/console/links": api.RoleViewer,

	"GET " + prefix + "/watch":                         api.RoleViewer,
	"GET " + prefix + "/services":                      api.RoleViewer,
	"GET " + prefix + "/services/{name}":               api.RoleViewer,
	"GET " + prefix + "/services/{name}/rollout":       api.RoleViewer,
	"GET " + prefix + "/services/{name}/rollouts":      api.RoleViewer,
	"GET " + prefix + "/services/{name}/rollouts/{id}": api.RoleViewer,
	"GET " + prefix + "/services/{name}/plan":          api.RoleViewer,
	"GET " + prefix + "/groups":                        api.RoleViewer,
	"GET " + prefix + "/services/{name}/mirror":        api.RoleViewer,
	"GET " + prefix + "/services/{name}/shift":         api.RoleViewer,
	"GET " + prefix + "/services/{name}/promotion":     api.RoleViewer,
	"GET " + prefix + "/groups/{name}":                 api.RoleViewer,
	"GET " + prefix + "/groups/{name}/traffic":         api.RoleViewer,
	"GET " + prefix + "/services/{name}/versions":      api.RoleViewer,
	"GET " + prefix + "/services/{name}/versions/{n}":  api.RoleViewer,
	"GET " + prefix + "/artifacts":                     api.RoleViewer,
	"GET " + prefix + "/services/{name}/preflight":     api.RoleViewer,
	"GET " + prefix + "/services/{name}/versions/diff": api.RoleViewer,
	// It compares, and changes nothing.
	"POST " + prefix + "/services/{name}/versions/diff": api.RoleViewer,
	"GET " + prefix + "/services/{name}/replicas":       api.RoleViewer,
	"GET " + prefix + "/services/{name}/replicas/{id}":  api.RoleViewer,
	"GET " + prefix + "/services/{name}/events":         api.RoleViewer,
	"GET " + prefix + "/events":                         api.RoleViewer,
	"GET " + prefix + "/services/{name}/logs":           api.RoleViewer,
	"GET " + prefix + "/services/{name}/series":         api.RoleViewer,
	"GET " + prefix + "/gateways":                       api.RoleViewer,

	"POST " + prefix + "/services":                    api.RoleOperator,
	"PUT " + prefix + "/services/{name}":              api.RoleOperator,
	"POST " + prefix + "/services/{name}/preview":     api.RoleOperator,
	"PUT " + prefix + "/services/{name}/scale":        api.RoleOperator,
	"PUT " + prefix + "/services/{name}/restart":      api.RoleOperator,
	"PUT " + prefix + "/services/{name}/stop":         api.RoleOperator,
	"PUT " + prefix + "/services/{name}/start":        api.RoleOperator,
	"PUT " + prefix + "/services/{name}/version":      api.RoleOperator,
	"PUT " + prefix + "/services/{name}/versions/{n}": api.RoleOperator,
	// All of a service and of what was done to it, to be carried elsewhere.
	"GET " + prefix + "/services/{name}/export":           api.RoleOperator,
	"POST " + prefix + "/services/import":                 api.RoleOperator,
	"PUT " + prefix + "/services/{name}/rollout":          api.RoleOperator,
	"POST " + prefix + "/groups":                          api.RoleOperator,
	"PUT " + prefix + "/groups/{name}":                    api.RoleOperator,
	"PUT " + prefix + "/services/{name}/release":          api.RoleOperator,
	"PUT " + prefix + "/services/{name}/mirror":           api.RoleOperator,
	"PUT " + prefix + "/services/{name}/shift":            api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/shift":         api.RoleOperator,
	"PUT " + prefix + "/services/{name}/promotion":        api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/promotion":     api.RoleOperator,
	"PUT " + prefix + "/services/{name}/abandon":          api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/mirror":        api.RoleOperator,
	"PUT " + prefix + "/services/{name}/freeze":           api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/freeze":        api.RoleOperator,
	"PUT " + prefix + "/groups/{name}/freeze":             api.RoleOperator,
	"DELETE " + prefix + "/groups/{name}/freeze":          api.RoleOperator,
	"PUT " + prefix + "/rollouts":                         api.RoleOperator,
	"POST " + prefix + "/services/{name}/plan":            api.RoleOperator,
	"PUT " + prefix + "/services/{name}/plan":             api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/plan":          api.RoleOperator,
	"PUT " + prefix + "/services/{name}/plan/rollback":    api.RoleOperator,
	"DELETE " + prefix + "/services/{name}/replicas/{id}": api.RoleOperator,

	"PUT " + prefix + "/gateway/restart": api.RoleOperator,

	"DELETE " + prefix + "/services/{name}": api.RoleAdmin,
	"DELETE " + prefix + "/groups/{name}":   api.RoleAdmin,
	"GET " + prefix + "/audit":              api.RoleAdmin,
	"GET " + prefix + "/tokens":             api.RoleAdmin,
	"POST " + prefix + "/tokens":            api.RoleAdmin,
	"DELETE " + prefix + "/tokens/{name}":   api.RoleAdmin,
}

// needed is the role that a route needs, named as the mux names it.
func needed(pattern string) api.Role {
	if role, listed := access[pattern]; listed {
		return role
	}
	return api.RoleAdmin
}

// secured writes into an operation what access says of it. OpenAPI 3.1 lists
// roles where OAuth has scopes.
func secured(op huma.Operation) huma.Operation {
	switch role := needed(op.Method + " " + op.Path); role {
	case anybody:
		op.Security = []map[string][]string{}
	default:
		op.Security = []map[string][]string{{"token": {string(role)}}, {"session": {string(role)}}}
		if role != api.Roles[0] && !slices.Contains(op.Errors, http.StatusForbidden) {
			op.Errors = append(op.Errors, http.StatusForbidden)
		}
	}
	return op
}

// routes is the mux, which remembers what was registered: so no route escapes
// the test that walks them all.
type routes struct {
	mux      *http.ServeMux
	patterns []string
}

// HandleFunc and ServeHTTP are what huma asks for.
func (r *routes) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	r.patterns = append(r.patterns, pattern)
	r.mux.HandleFunc(pattern, handler)
}

func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// find gives the handler of a request and its route, "" for none.
func (r *routes) find(req *http.Request) (http.Handler, string) { return r.mux.Handler(req) }
