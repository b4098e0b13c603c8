package client

import (
	"context"
	"encoding/json"
	"net/http"

	"sluice.dev/sluice/api"
)

func (c *Client) changeOfGroup(ctx context.Context, r *request, options []Option) (api.Group, error) {
	for _, o := range options {
		o(r)
	}
	return call[api.Group](ctx, c, r)
}

// CreateGroup makes a group that stays without members.
func (c *Client) CreateGroup(ctx context.Context, name string, options ...Option) (api.Group, error) {
	body, _ := json.Marshal(map[string]string{"name": name})
	return c.changeOfGroup(ctx, &request{method: http.MethodPost, path: []string{"groups"}, body: body}, options)
}

// ChangeGroup changes a group's traffic mode or rules.
func (c *Client) ChangeGroup(ctx context.Context, name string, change api.GroupChange, options ...Option) (api.Group, error) {
	return c.changeOfGroup(ctx, put(change, "groups", name), options)
}

// DeleteGroup removes a group's address; with cascade its members too.
func (c *Client) DeleteGroup(ctx context.Context, name string, cascade bool, options ...Option) error {
	r := &request{method: http.MethodDelete, path: []string{"groups", name}}
	if cascade {
		r.with("cascade", "true")
	}
	for _, o := range options {
		o(r)
	}
	resp, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Release sets a service's weight and traffic state in its group.
func (c *Client) Release(ctx context.Context, name string, release api.Release, options ...Option) (Answer, error) {
	return c.change(ctx, put(release, "services", name, "release"), options)
}
