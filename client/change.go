package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"sluice.dev/sluice/api"
)

// Answer is the answer to a change: the service as it has become.
type Answer struct {
	api.Service        // Warnings are those about the file that was sent
	Changed     bool   `json:"changed"` // false: there was nothing to change
	Text        string `json:"text"`    // what was done, one line for a person
}

// Option is something that every change may be given.
type Option func(*request)

// Because gives the reason, for the record; "" gives none.
func Because(message string) Option {
	return func(r *request) {
		if message != "" {
			r.with("message", message)
		}
	}
}

// IfRevision has the change refused (CodeStale) unless the service is at this
// revision; 0 accepts any.
func IfRevision(revision uint64) Option {
	return func(r *request) {
		if revision != 0 {
			r.header = http.Header{"If-Match": {`"` + strconv.FormatUint(revision, 10) + `"`}}
		}
	}
}

// UpdateType says how a service file changes the one in force.
type UpdateType string

const (
	Merge   UpdateType = "merge"   // objects merge, lists are replaced, null removes
	Replace UpdateType = "replace" // the file is the whole
)

func (c *Client) change(ctx context.Context, r *request, options []Option) (Answer, error) {
	for _, o := range options {
		o(r)
	}
	return call[Answer](ctx, c, r)
}

func put(body any, path ...string) *request {
	r := &request{method: http.MethodPut, path: path}
	if body != nil {
		r.body, _ = json.Marshal(body) // plain data: it cannot fail
	}
	return r
}

// Create makes a service of a service file.
func (c *Client) Create(ctx context.Context, file api.Document, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodPost, path: []string{"services"}, body: file.JSON()}, options)
}

// Update changes the service file in force.
func (c *Client) Update(ctx context.Context, name string, file api.Document, how UpdateType, options ...Option) (Answer, error) {
	r := (&request{method: http.MethodPut, path: []string{"services", name}, body: file.JSON()}).with("update_type", string(how))
	return c.change(ctx, r, options)
}

// Apply makes the service what the file says: it is created, or the file
// replaces the one in force. The file names the service.
func (c *Client) Apply(ctx context.Context, file api.Document, options ...Option) (Answer, error) {
	var problem *Problem
	answer, err := c.Update(ctx, file.Name(), file, Replace, options...)
	if !errors.As(err, &problem) || problem.Code != CodeNotFound {
		return answer, err
	}
	answer, err = c.Create(ctx, file, options...)
	if errors.As(err, &problem) && problem.Code == CodeExists { // somebody else was faster
		return c.Update(ctx, file.Name(), file, Replace, options...)
	}
	return answer, err
}

// Delete ends a service; the answer shows it while its replicas still end.
func (c *Client) Delete(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name}}, options)
}

// Scale sets the desired number of replicas.
func (c *Client) Scale(ctx context.Context, name string, instance int, options ...Option) (Answer, error) {
	return c.change(ctx, put(map[string]int{"instance": instance}, "services", name, "scale"), options)
}

// Restart replaces all replicas by others of the same version.
func (c *Client) Restart(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(nil, "services", name, "restart"), options)
}

// Pause pauses the rollout in progress.
func (c *Client) Pause(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(map[string]bool{"paused": true}, "services", name, "rollout"), options)
}

// Resume lets a paused rollout go on, or has failed replicas tried again.
func (c *Client) Resume(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(map[string]bool{"paused": false}, "services", name, "rollout"), options)
}

// Stop ends all replicas and keeps the service.
func (c *Client) Stop(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(nil, "services", name, "stop"), options)
}

// Start brings a stopped service back.
func (c *Client) Start(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(nil, "services", name, "start"), options)
}

// Rollback goes back to a version; 0 lets the server choose (Answer.Text says
// which).
func (c *Client) Rollback(ctx context.Context, name string, ask api.Rollback, options ...Option) (Answer, error) {
	return c.change(ctx, put(ask, "services", name, "version"), options)
}

// Pin keeps a version for good, or lets it go with the others again.
func (c *Client) Pin(ctx context.Context, name string, version int, pinned bool, options ...Option) (Answer, error) {
	return c.change(ctx, put(map[string]bool{"pinned": pinned}, "services", name, "versions", strconv.Itoa(version)), options)
}

// Import makes a service of an export: stopped, with its numbers and history.
// Name and workingDir are what it gets here; "" leaves what the export says.
func (c *Client) Import(ctx context.Context, e api.Export, name, workingDir string, options ...Option) (Answer, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return Answer{}, err
	}
	r := &request{method: http.MethodPost, path: []string{"services", "import"}, body: body}
	if name != "" {
		r.with("name", name)
	}
	if workingDir != "" {
		r.with("working_dir", workingDir)
	}
	return c.change(ctx, r, options)
}

// SetPlan changes the update plan, or makes it where there is none.
func (c *Client) SetPlan(ctx context.Context, name string, change api.PlanChange, options ...Option) (Answer, error) {
	return c.change(ctx, put(change, "services", name, "plan"), options)
}

// PausePlan pauses or resumes: the rollout that the plan leads, or, of a pending
// plan, the one it will lead.
func (c *Client) PausePlan(ctx context.Context, name string, paused bool, options ...Option) (Answer, error) {
	return c.SetPlan(ctx, name, api.PlanChange{Paused: &paused}, options...)
}

// RollBackPlan takes back what the plan in effect has updated.
func (c *Client) RollBackPlan(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, put(nil, "services", name, "plan", "rollback"), options)
}

// DeletePlan deletes the update plan; a rollout it leads is paused where it is.
func (c *Client) DeletePlan(ctx context.Context, name string, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name, "plan"}}, options)
}

// EvictReplica has one replica replaced by another of its own version.
func (c *Client) EvictReplica(ctx context.Context, name, id string, options ...Option) (Answer, error) {
	return c.change(ctx, &request{method: http.MethodDelete, path: []string{"services", name, "replicas", id}}, options)
}
