package api

import "time"

// EventFilter chooses events. Zero fields choose all; what is given must all be
// so.
type EventFilter struct {
	Type    string // normal, warning
	Reason  string
	Rollout string
	Version int
	Replica string
	Actor   string
	Since   time.Time // at that time or later, to the millisecond
}

// Takes tells whether an event is among those chosen.
func (f EventFilter) Takes(e Event) bool {
	return (f.Type == "" || f.Type == e.Type) && (f.Reason == "" || f.Reason == e.Reason) &&
		(f.Rollout == "" || f.Rollout == e.Rollout) && (f.Version == 0 || f.Version == e.Version) &&
		(f.Replica == "" || f.Replica == e.Replica) && (f.Actor == "" || f.Actor == e.Actor) &&
		(f.Since.IsZero() || e.Time.UnixMilli() >= f.Since.UnixMilli())
}

// ParseSince reads a time in the past as people write it: RFC 3339, or how long
// ago (90s, 15m, 2h). Field is named in the error, an *InvalidError.
func ParseSince(field, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, InvalidQuery(field, text, "it is neither a time such as 2026-12-27T08:00:00Z nor how long ago, such as 90s, 15m or 2h")
	}
	return at, nil
}

// InvalidQuery is the error of a parameter of a query.
func InvalidQuery(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the query", Problems: []FieldProblem{problem(path, value, format, args...)}}
}
