package api

// AuditOutcome is what became of a request that asked for a change.
type AuditOutcome string

const (
	AuditDone      AuditOutcome = "done"
	AuditUnchanged AuditOutcome = "unchanged" // it was so already
	AuditRefused   AuditOutcome = "refused"   // nothing was changed: not allowed, not found, invalid, in conflict
	AuditFailed    AuditOutcome = "failed"    // Sluice could not do it, or cannot say whether it did
)

// AuditOutcomes are all of them.
var AuditOutcomes = []AuditOutcome{AuditDone, AuditUnchanged, AuditRefused, AuditFailed}

// AuditEntry is one request that asked for a change, or was turned away. What it
// sent is not in it, as that may hold secrets.
type AuditEntry struct {
	Seq       int64        `json:"seq" doc:"counts the entries; none is ever changed or removed"`
	Time      Time         `json:"time" doc:"when it was answered"`
	Actor     string       `json:"actor" doc:"the name of its token; empty when it had none that is known"`
	Role      Role         `json:"role" doc:"of that token; empty likewise"`
	Remote    string       `json:"remote" doc:"the address that it came from"`
	Operation string       `json:"operation" doc:"the operation as openapi.json names it; empty for a path that the API does not have"`
	Method    string       `json:"method"`
	Path      string       `json:"path"`
	Service   string       `json:"service,omitempty" doc:"the service that it was about"`
	Group     string       `json:"group,omitempty" doc:"the group that it was about"`
	TokenName string       `json:"token_name,omitempty" doc:"the name of the token that it made or revoked"`
	Outcome   AuditOutcome `json:"outcome" enum:"done,unchanged,refused,failed"`
	Status    int          `json:"status" doc:"the HTTP status of the answer"`
	Code      string       `json:"code,omitempty" doc:"of the problem that it was answered with"`
	Detail    string       `json:"detail,omitempty" doc:"what was wrong; of an invalid request only the fields"`
	Text      string       `json:"text,omitempty" doc:"what was done, as it was answered"`
	Revision  uint64       `json:"revision,omitempty" doc:"of the service or group, afterwards"`
	Message   string       `json:"message,omitempty" doc:"why, as given with the change"`
	Request   string       `json:"request,omitempty" doc:"X-Request-Id, where the caller sent one"`
	Times     int          `json:"times" doc:"1; more: so many requests that were turned away, or could not be recorded, counted in one entry"`
}

// AuditFilter chooses entries. Zero fields choose all; what is given must all be
// so.
type AuditFilter struct {
	Service string // or group
	Actor   string
	Outcome AuditOutcome
	Since   Time // at that time or later, to the millisecond
	Until   Time // before that time
}

// Takes tells whether an entry is among those chosen.
func (f AuditFilter) Takes(e AuditEntry) bool {
	at := e.Time.UnixMilli()
	return (f.Service == "" || f.Service == e.Service || f.Service == e.Group) && (f.Actor == "" || f.Actor == e.Actor) &&
		(f.Outcome == "" || f.Outcome == e.Outcome) &&
		(f.Since.IsZero() || at >= f.Since.UnixMilli()) && (f.Until.IsZero() || at < f.Until.UnixMilli())
}
