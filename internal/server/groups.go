package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"sluice.dev/sluice/api"
)

const groups = "groups"

type groupOutput struct {
	ETag     string `header:"ETag" doc:"the revision, for If-Match"`
	Location string `header:"Location" doc:"of a group that was created"`
	Body     api.Group
}

type groupList struct {
	Body struct {
		Groups []api.Group `json:"groups" nullable:"false"`
	}
}

// NewGroupInput is a group to be made.
type NewGroupInput struct {
	Why
	RawBody []byte `contentType:"application/json"`
}

type groupDelete struct {
	Named
	Why
	Cascade bool `query:"cascade" doc:"delete its members too; otherwise they go on by themselves"`
}

// newGroup is the body of a group to be made, as openapi.json shows it.
type newGroup struct {
	Name        string             `json:"name" doc:"no service may have it"`
	TrafficMode *api.TrafficMode   `json:"traffic_mode,omitempty" enum:"auto,customized"`
	Rules       *[]api.TrafficRule `json:"rules,omitempty"`
	Token       *string            `json:"token,omitempty"`
}

type compareInput struct {
	Named
	Window string `query:"window" default:"1m" doc:"how long, up to now: 30s to 5m"`
}

type compareOutput struct {
	Body api.Comparison
}

func (s *server) compareTraffic(ctx context.Context, in *compareInput) (*compareOutput, error) {
	window, err := time.ParseDuration(in.Window)
	if err != nil || window < 10*time.Second || window > 5*time.Minute {
		return nil, api.InvalidGroup("window", in.Window, "10s to 5m is allowed, as 90s")
	}
	c, err := s.cfg.Releases.CompareTraffic(ctx, in.Name, window)
	return &compareOutput{Body: c}, err
}

func (s *server) routeGroups() {
	const path = prefix + "/groups"
	register(s, operation(http.MethodGet, path, "list-groups", groups, "List all groups", "In the order of their names."), s.listGroups)
	register(s, operation(http.MethodGet, path+"/{name}", "get-group", groups,
		"Show one group", "Its members with their shares, as set and as measured.", 404), s.getGroup)
	register(s, operation(http.MethodGet, path+"/{name}/traffic", "compare-traffic", groups,
		"Compare the members' traffic", "Requests, errors and latency of each in the same window, and what gates make of them.", 404), s.compareTraffic)
	create := read[newGroup](s, operation(http.MethodPost, path, "create-group", groups,
		"Make a group", "Naming a group in a service file makes it too; one made here stays without members.", 409, 413))
	create.DefaultStatus = http.StatusCreated
	register(s, create, s.createGroup)
	register(s, read[api.GroupChange](s, operation(http.MethodPut, path+"/{name}", "change-group", groups,
		"Change a group", "Its traffic mode, or its rules. In force at every gateway when it is answered.", 404, 409, 412, 413)), s.changeGroup)
	remove := operation(http.MethodDelete, path+"/{name}", "delete-group", groups,
		"Delete a group", "Its address is gone; its members go on by themselves, or are deleted with it.", 404, 409)
	remove.DefaultStatus = http.StatusNoContent
	register(s, remove, s.deleteGroup)
	register(s, read[api.Release](s, operation(http.MethodPut, prefix+"/services/{name}/release", "release-service", groups,
		"Set weight and traffic state", "Of a service in its group. In force at every gateway when it is answered.", 404, 409, 412, 413)), changed(s, api.ParseRelease, Releases.Release))
}

func (s *server) listGroups(ctx context.Context, _ *struct{}) (*groupList, error) {
	out := &groupList{}
	out.Body.Groups = orEmpty(s.cfg.Releases.Groups(ctx))
	return out, nil
}

func (s *server) getGroup(ctx context.Context, in *Named) (*groupOutput, error) {
	return grouped(s.cfg.Releases.Group(ctx, in.Name))
}

func grouped(g api.Group, err error) (*groupOutput, error) {
	if err != nil {
		return nil, err
	}
	return &groupOutput{ETag: etag(g.Revision), Body: g}, nil
}

func (s *server) createGroup(ctx context.Context, in *NewGroupInput) (*groupOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	name, ch, err := parseNewGroup(in.RawBody)
	if err != nil {
		return nil, err
	}
	out, err := grouped(s.cfg.Releases.CreateGroup(ctx, by, name, ch))
	if err == nil {
		out.Location = prefix + "/groups/" + name
	}
	return out, err
}

// parseNewGroup reads the name, and what else is given as a change of the group.
func parseNewGroup(body []byte) (name string, ch api.GroupChange, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["name"], &name) != nil {
		return "", ch, api.InvalidGroup("name", nil, `it is missing; {"name": "sentiment-prod"} is a group`)
	}
	if err := api.CheckName("name", name); err != nil {
		return "", ch, err
	}
	delete(fields, "name")
	if len(fields) == 0 {
		return name, ch, nil
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return "", ch, err
	}
	ch, err = api.ParseGroupChange(rest)
	return name, ch, err
}

func (s *server) changeGroup(ctx context.Context, in *BodyInput) (*groupOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	ch, err := api.ParseGroupChange(in.RawBody)
	if err != nil {
		return nil, err
	}
	return grouped(s.cfg.Releases.ChangeGroup(ctx, by, in.Name, ch))
}

func (s *server) deleteGroup(ctx context.Context, in *groupDelete) (*struct{}, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.cfg.Releases.DeleteGroup(ctx, by, in.Name, in.Cascade)
}
