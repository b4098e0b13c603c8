package client

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"sluice.dev/sluice/api"
)

func auditRequest(after int64, limit int, f api.AuditFilter) *request {
	r := get("audit")
	if after > 0 {
		r.with("after", strconv.FormatInt(after, 10))
	}
	if limit > 0 {
		r.with("limit", strconv.Itoa(limit))
	}
	for name, value := range map[string]string{"service": f.Service, "actor": f.Actor, "outcome": string(f.Outcome)} {
		if value != "" {
			r.with(name, value)
		}
	}
	for name, at := range map[string]api.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			r.with(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return r
}

// Audit lists entries of the audit log with a higher Seq than after, ascending;
// the newest limit of them, 0 for as many as the server gives (1000). It needs the
// role admin.
func (c *Client) Audit(ctx context.Context, after int64, limit int, f api.AuditFilter) ([]api.AuditEntry, error) {
	out, err := call[struct{ Audit []api.AuditEntry }](ctx, c, auditRequest(after, limit, f))
	return out.Audit, err
}

// ExportAudit reads all that the filter takes, one JSON object a line. The caller
// closes it.
func (c *Client) ExportAudit(ctx context.Context, after int64, f api.AuditFilter) (io.ReadCloser, error) {
	r := auditRequest(after, 0, f).with("format", "jsonl")
	r.header = http.Header{"Accept": {"application/jsonl"}}
	resp, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
