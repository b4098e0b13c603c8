package api

import "time"

// Time is an instant, written as RFC 3339 with milliseconds in UTC.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// At makes a Time; the zero instant stays zero.
func At(t time.Time) Time { return Time{t} }

// AtPtr is At, or nil for the zero instant.
func AtPtr(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.UTC().Format(timeLayout)), nil }

// MarshalJSON writes a string.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format(timeLayout) + `"`), nil
}

// Event is something that happened to a service, in order of Seq.
type Event struct {
	Seq     int64  `json:"seq"`
	Time    Time   `json:"time"`
	Service string `json:"service"`
	Type    string `json:"type" enum:"normal,warning"`
	Reason  string `json:"reason" doc:"one CamelCase word, such as ReplicaReady"`
	Message string `json:"message"`
	Version int    `json:"version" doc:"0 when it is about none"`
	Replica string `json:"replica,omitempty"`
	Actor   string `json:"actor,omitempty" doc:"who asked for it; empty when Sluice decided it"`
	Rollout string `json:"rollout,omitempty" doc:"the rollout that was in progress, which it may have begun or ended"`
}
