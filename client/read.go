package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluice.dev/sluice/api"
)

// Services lists all services by name.
func (c *Client) Services(ctx context.Context) ([]api.Service, error) {
	out, err := call[struct{ Services []api.Service }](ctx, c, get("services"))
	return out.Services, err
}

// Service shows one service.
func (c *Client) Service(ctx context.Context, name string) (api.Service, error) {
	return call[api.Service](ctx, c, get("services", name))
}

// Page chooses a part of a list of versions; the zero Page is all of it.
type Page struct {
	Limit  int // the newest that many
	Before int // only lower numbers than this
}

// Versions lists a service's versions, newest first.
func (c *Client) Versions(ctx context.Context, name string, page Page) ([]api.Version, error) {
	r := get("services", name, "versions")
	if page.Limit > 0 {
		r.with("limit", strconv.Itoa(page.Limit))
	}
	if page.Before > 0 {
		r.with("before", strconv.Itoa(page.Before))
	}
	out, err := call[struct{ Versions []api.Version }](ctx, c, r)
	return out.Versions, err
}

// Version shows one version.
func (c *Client) Version(ctx context.Context, name string, number int) (api.Version, error) {
	return call[api.Version](ctx, c, get("services", name, "versions", strconv.Itoa(number)))
}

// Diff compares two versions; to 0 is the current one. With lines it gives their
// texts beside each other, too.
func (c *Client) Diff(ctx context.Context, name string, from, to int, lines bool) (api.Diff, error) {
	r := get("services", name, "versions", "diff").with("from", strconv.Itoa(from)).with("lines", strconv.FormatBool(lines))
	if to > 0 {
		r.with("to", strconv.Itoa(to))
	}
	return call[api.Diff](ctx, c, r)
}

// DiffFile compares a version, the current one for 0, with what applying a
// service file would make. It changes nothing.
func (c *Client) DiffFile(ctx context.Context, name string, from int, file api.Document, lines bool) (api.Diff, error) {
	body, err := json.Marshal(map[string]any{"from": from, "config": file, "lines": lines})
	if err != nil {
		return api.Diff{}, err
	}
	return call[api.Diff](ctx, c, &request{method: http.MethodPost, path: []string{"services", name, "versions", "diff"}, body: body})
}

// Export gives a service with its versions and history, for Import elsewhere.
func (c *Client) Export(ctx context.Context, name string) (api.Export, error) {
	return call[api.Export](ctx, c, get("services", name, "export"))
}

// CurrentRollout shows the rollout in progress, or the last one.
func (c *Client) CurrentRollout(ctx context.Context, name string) (api.Rollout, error) {
	return call[api.Rollout](ctx, c, get("services", name, "rollout"))
}

// Rollouts lists a service's rollouts, newest first.
func (c *Client) Rollouts(ctx context.Context, name string) ([]api.Rollout, error) {
	out, err := call[struct{ Rollouts []api.Rollout }](ctx, c, get("services", name, "rollouts"))
	return out.Rollouts, err
}

// Rollout shows one rollout.
func (c *Client) Rollout(ctx context.Context, name, id string) (api.Rollout, error) {
	return call[api.Rollout](ctx, c, get("services", name, "rollouts", id))
}

// Preview says what Update would do with the same file; it changes nothing.
func (c *Client) Preview(ctx context.Context, name string, file api.Document, how UpdateType) (api.Preview, error) {
	r := &request{method: http.MethodPost, path: []string{"services", name, "preview"}, body: file.JSON()}
	return call[api.Preview](ctx, c, r.with("update_type", string(how)))
}

// Groups lists all groups by name.
func (c *Client) Groups(ctx context.Context) ([]api.Group, error) {
	out, err := call[struct{ Groups []api.Group }](ctx, c, get("groups"))
	return out.Groups, err
}

// Group shows one group.
func (c *Client) Group(ctx context.Context, name string) (api.Group, error) {
	return call[api.Group](ctx, c, get("groups", name))
}

// Preflight looks in full whether a rollback to a version would work; 0 is all
// versions, the newest first. It may take long.
func (c *Client) Preflight(ctx context.Context, name string, version int) ([]api.VersionPreflight, error) {
	r := get("services", name, "preflight")
	if version > 0 {
		r.with("version", strconv.Itoa(version))
	}
	out, err := call[struct{ Preflights []api.VersionPreflight }](ctx, c, r)
	return out.Preflights, err
}

// Artifacts tells what the server keeps of versions' files.
func (c *Client) Artifacts(ctx context.Context) (api.Artifacts, error) {
	return call[api.Artifacts](ctx, c, get("artifacts"))
}

// Plan shows a service's update plan.
func (c *Client) Plan(ctx context.Context, name string) (api.Plan, error) {
	return call[api.Plan](ctx, c, get("services", name, "plan"))
}

// Replicas lists a service's replicas.
func (c *Client) Replicas(ctx context.Context, name string) ([]api.Replica, error) {
	out, err := call[struct{ Replicas []api.Replica }](ctx, c, get("services", name, "replicas"))
	return out.Replicas, err
}

// Replica shows one replica.
func (c *Client) Replica(ctx context.Context, name, id string) (api.Replica, error) {
	return call[api.Replica](ctx, c, get("services", name, "replicas", id))
}

// Events lists a service's events with a higher Seq than after, ascending; the
// newest limit of them, 0 for as many as the server gives (1000).
func (c *Client) Events(ctx context.Context, name string, after int64, limit int) ([]api.Event, error) {
	return c.FindEvents(ctx, name, after, limit, api.EventFilter{})
}

// FindEvents is Events of those that the filter takes.
func (c *Client) FindEvents(ctx context.Context, name string, after int64, limit int, f api.EventFilter) ([]api.Event, error) {
	r := get("services", name, "events")
	if after > 0 {
		r.with("after", strconv.FormatInt(after, 10))
	}
	if limit > 0 {
		r.with("limit", strconv.Itoa(limit))
	}
	if f.Version > 0 {
		r.with("version", strconv.Itoa(f.Version))
	}
	if !f.Since.IsZero() {
		r.with("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	for name, value := range map[string]string{"type": f.Type, "reason": f.Reason, "rollout": f.Rollout, "replica": f.Replica, "actor": f.Actor} {
		if value != "" {
			r.with(name, value)
		}
	}
	out, err := call[struct{ Events []api.Event }](ctx, c, r)
	return out.Events, err
}

// Series shows what was measured of a service over the last minutes, 1 to
// api.SeriesMost, by version; of one version alone unless it is 0.
func (c *Client) Series(ctx context.Context, name string, minutes, version int) (api.Series, error) {
	r := get("services", name, "series").with("minutes", strconv.Itoa(minutes))
	if version > 0 {
		r.with("version", strconv.Itoa(version))
	}
	return call[api.Series](ctx, c, r)
}

// LogOptions choose what Logs reads.
type LogOptions struct {
	Replica string // "" is all, and each line begins with the replica's id
	Tail    int    // the last that many lines; 0 is all that is kept
	Follow  bool   // go on until the context is done
}

// Logs reads what replicas wrote. The caller closes it.
func (c *Client) Logs(ctx context.Context, name string, o LogOptions) (io.ReadCloser, error) {
	r := get("services", name, "logs").with("tail", strconv.Itoa(o.Tail))
	if o.Replica != "" {
		r.with("replica", o.Replica)
	}
	if o.Follow {
		r.with("follow", "true")
	}
	resp, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
