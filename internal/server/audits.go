package server

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

const (
	jsonLines = "application/jsonl"
	// auditPage is how many entries an export holds at a time.
	auditPage = 500
)

type auditInput struct {
	Service string `query:"service" maxLength:"100" doc:"only what was about this service, or this group"`
	Actor   string `query:"actor" maxLength:"100" doc:"only what was asked for with the token of this name"`
	Outcome string `query:"outcome" enum:"done,unchanged,refused,failed" doc:"only what became this"`
	Since   string `query:"since" maxLength:"100" doc:"only from then on: a time (RFC 3339) or how long ago, such as 90s, 15m or 2h"`
	Until   string `query:"until" maxLength:"100" doc:"only before then, written likewise"`
	After   int64  `query:"after" minimum:"0" doc:"only entries with a higher seq"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" doc:"the newest that many; without it 1000, and as JSON lines all"`
	Format  string `query:"format" enum:"json,jsonl" doc:"jsonl is one JSON object a line; so is Accept: application/jsonl"`
	Accept  string `header:"Accept"`
}

// AuditList is the body of a list of entries.
type AuditList struct {
	Audit []api.AuditEntry `json:"audit" nullable:"false"`
}

func (s *server) routeAudit() {
	op := operation(http.MethodGet, prefix+"/audit", "list-audit", tokens, "Read the audit log",
		"Every change that was asked for, with who asked and what became of it, and every request that was turned away. Ascending by seq.")
	schemas := s.api.OpenAPI().Components.Schemas
	op.Responses = map[string]*huma.Response{"200": {Description: "Entries", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemas.Schema(reflect.TypeFor[AuditList](), true, "AuditList")},
		jsonLines:          {Schema: schemas.Schema(reflect.TypeFor[api.AuditEntry](), true, "AuditEntry")},
	}}}
	register(s, op, s.listAudit)
}

func (s *server) listAudit(ctx context.Context, in *auditInput) (*huma.StreamResponse, error) {
	if s.audit == nil {
		return nil, newProblem(http.StatusServiceUnavailable, codeUnavailable, "this server keeps no audit log", "")
	}
	now := time.Now()
	since, err := api.ParseSince("since", in.Since, now)
	if err != nil {
		return nil, err
	}
	until, err := api.ParseSince("until", in.Until, now)
	if err != nil {
		return nil, err
	}
	q := store.AuditQuery{After: in.After, Limit: in.Limit, AuditFilter: api.AuditFilter{
		Service: in.Service, Actor: in.Actor, Outcome: api.AuditOutcome(in.Outcome), Since: api.At(since), Until: api.At(until)}}
	lines := in.Format == "jsonl" || in.Format == "" && strings.Contains(in.Accept, jsonLines)
	if all := lines && q.Limit == 0; all {
		q.Limit, q.Oldest = auditPage, true
	}
	first, err := s.audit.log.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		if lines {
			s.exportAudit(hc, q, first)
			return
		}
		hc.SetHeader("Content-Type", "application/json")
		hc.SetStatus(http.StatusOK)
		_ = json.NewEncoder(hc.BodyWriter()).Encode(AuditList{orEmpty(first)}) // a caller who is gone hears nothing
	}}, nil
}

// exportAudit writes page after page, so that no log is too long for it.
func (s *server) exportAudit(hc huma.Context, q store.AuditQuery, page []api.AuditEntry) {
	hc.SetHeader("Content-Type", jsonLines)
	hc.SetStatus(http.StatusOK)
	out := newStream(hc)
	for {
		var text []byte
		for _, e := range page {
			line, _ := json.Marshal(e) // plain data: it cannot fail
			text = append(append(text, line...), '\n')
			q.After = e.Seq
		}
		if _, err := out.Write(text); err != nil || !q.Oldest || len(page) < q.Limit {
			return
		}
		var err error
		if page, err = s.audit.log.Audit(hc.Context(), q); err != nil {
			// The status has been sent: an answer that breaks off is all that can tell
			// the caller now.
			s.log.Warn("an export of the audit log broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}
