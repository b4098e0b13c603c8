package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

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
	return c.done(ctx, r, options)
}

// done makes a change whose answer is empty.
func (c *Client) done(ctx context.Context, r *request, options []Option) error {
	for _, o := range options {
		o(r)
	}
	resp, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Freeze has changes of a service, or of a group and its members, refused until
// a time.
func (c *Client) Freeze(ctx context.Context, name string, until time.Time, reason string, options ...Option) error {
	body := map[string]string{"until": until.UTC().Format(time.RFC3339Nano), "reason": reason}
	return c.ofEither(ctx, name, func(kind string) error { return c.done(ctx, put(body, kind, name, "freeze"), options) })
}

// Unfreeze allows changes again.
func (c *Client) Unfreeze(ctx context.Context, name string, options ...Option) error {
	return c.ofEither(ctx, name, func(kind string) error {
		return c.done(ctx, &request{method: http.MethodDelete, path: []string{kind, name, "freeze"}}, options)
	})
}

// ofEither does something to the service of the name, or else to the group: they
// share a namespace.
func (c *Client) ofEither(ctx context.Context, name string, do func(kind string) error) error {
	var problem *Problem
	err := do("services")
	if errors.As(err, &problem) && problem.Code == CodeNotFound {
		return do("groups")
	}
	return err
}

// PauseAll pauses every rollout and shift, and gives the names of those it
// paused.
func (c *Client) PauseAll(ctx context.Context, options ...Option) ([]string, error) {
	r := put(map[string]bool{"paused": true}, "rollouts")
	for _, o := range options {
		o(r)
	}
	out, err := call[struct{ Paused []string }](ctx, c, r)
	return out.Paused, err
}

// CompareTraffic sets a group's members side by side over a window that ends now.
func (c *Client) CompareTraffic(ctx context.Context, name string, window time.Duration) (api.Comparison, error) {
	return call[api.Comparison](ctx, c, get("groups", name, "traffic").with("window", window.String()))
}

// Release sets a service's weight and traffic state in its group.
func (c *Client) Release(ctx context.Context, name string, release api.Release, options ...Option) (Answer, error) {
	return c.change(ctx, put(release, "services", name, "release"), options)
}

// SetMirror has a share of a service's requests copied to another; nil ends that.
func (c *Client) SetMirror(ctx context.Context, name string, mirror *api.Mirror, options ...Option) (Answer, error) {
	if mirror == nil {
		return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name, "mirror"}}, options)
	}
	return c.change(ctx, put(mirror, "services", name, "mirror"), options)
}

// Shift shows the shift to a service.
func (c *Client) Shift(ctx context.Context, name string) (api.Shift, error) {
	return call[api.Shift](ctx, c, get("services", name, "shift"))
}

// ChangeShift begins a gradual shift of a group's traffic to a member, or changes
// the one in progress.
func (c *Client) ChangeShift(ctx context.Context, name string, change api.ShiftChange, options ...Option) (Answer, error) {
	return c.change(ctx, put(change, "services", name, "shift"), options)
}

// AbortShift goes back to the split from before the shift.
func (c *Client) AbortShift(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name, "shift"}}, options)
}

// Promotion shows the promotion of a service.
func (c *Client) Promotion(ctx context.Context, name string) (api.Promotion, error) {
	return call[api.Promotion](ctx, c, get("services", name, "promotion"))
}

// Promote makes a canary's version that of other members of its group.
func (c *Client) Promote(ctx context.Context, name string, change api.PromoteChange, options ...Option) (Answer, error) {
	return c.change(ctx, put(change, "services", name, "promotion"), options)
}

// AbortPromotion ends a promotion where it stands.
func (c *Client) AbortPromotion(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name, "promotion"}}, options)
}

// Abandon takes a canary out of its group's traffic; with stop its replicas end.
func (c *Client) Abandon(ctx context.Context, name string, stop bool, options ...Option) (Answer, error) {
	r := put(nil, "services", name, "abandon")
	if stop {
		r.with("stop", "true")
	}
	return c.change(ctx, r, options)
}
