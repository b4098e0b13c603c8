// Package store is the interface to what Sluice remembers: services, their
// replicas, versions, rollouts and events. Implementations are in the folders
// below it. A Change is one transaction, so that a record never appears without
// the event that tells of it; what has been committed survives a power cut.
//
// Only one control plane uses a store at a time; the controller keeps its own
// copy of services and replicas and reads them back only when it starts.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/preview"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/series"
)

// ErrNotFound is returned for a service, version or rollout that is not there.
var ErrNotFound = errors.New("not found")

// Service is the record of one service.
type Service struct {
	Core      rollout.Service `json:"core"`
	Config    json.RawMessage `json:"config"` // the service file in force, normalised
	Group     string          `json:"group"`
	Token     string          `json:"token"`
	Warnings  []string        `json:"warnings"`
	Frozen    *api.Freeze     `json:"frozen"`
	Mirror    *api.Mirror     `json:"mirror"`
	Seen      preview.Seen    `json:"seen"` // how long its replicas took lately; written with the next change of the rest
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

// Replica is the record of one replica.
type Replica struct {
	Core   rollout.Replica `json:"core"`
	Handle *runtime.Handle `json:"handle"` // nil before its first start is recorded
}

// Version is the record of one version. Revision is the digest that makes
// versions with equal replica keys one (see rollout.Target).
type Version struct {
	api.Version
	Revision string `json:"revision"`
}

// Rollout is the record of one rollout. Accounts is what its requests are counted
// from while it lasts (see history.Account); what is shown of them is in History.
type Rollout struct {
	api.Rollout
	Accounts []history.Account `json:"accounts,omitempty"`
}

// Snapshot is one service with its replicas, in the order they were made.
type Snapshot struct {
	Service  Service
	Replicas []Replica
	Versions []Version // ascending
}

// Change is what one transaction writes about one service, or about one group:
// they share a namespace.
type Change struct {
	Name         string
	Service      *Service  // nil leaves it as it is
	Delete       bool      // the service with all it has, but not its events
	Versions     []Version // inserted, or replaced by number
	DropVersions []int     // by number; one that is not there is no error
	Rollouts     []Rollout // inserted, or replaced by id
	PutReplicas  []Replica // inserted, or replaced by id
	DropReplicas []string
	Group        *Group      // of the name Name, which then is a group's; inserted, or replaced
	DropGroup    bool        // the group Name; one that is not there is no error
	Events       []api.Event // Seq is given by the store
}

// EventQuery selects events. Zero fields select all.
type EventQuery struct {
	Service string
	After   int64 // only those with a higher Seq
	Limit   int   // the newest that many; 0 is 1000
	api.EventFilter
}

// Gateway is a gateway process that has been told of, so that a control plane
// that comes back knows whom to wait for.
type Gateway struct {
	ID        string    `json:"id"`
	Pid       int       `json:"pid"`
	StartTime uint64    `json:"start_time"`
	Listen    string    `json:"listen"`
	SeenAt    time.Time `json:"seen_at"`
}

// Token is the record of one API token. The token itself is nowhere: SHA256 is
// the hex digest by which it is known again.
type Token struct {
	Name       string    `json:"name"`
	Role       api.Role  `json:"role"`
	SHA256     string    `json:"sha256"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by"`
	LastUsedAt time.Time `json:"last_used_at"` // zero: never
}

// Store remembers.
type Store interface {
	// Load reads every service, by name.
	Load(ctx context.Context) ([]Snapshot, error)
	// Commit writes the changes in one transaction and returns their events
	// with Seq filled in.
	Commit(ctx context.Context, changes ...Change) ([]api.Event, error)
	// Rollouts lists a service's rollouts, newest first.
	Rollouts(ctx context.Context, service string) ([]Rollout, error)
	// Rollout reads one of them.
	Rollout(ctx context.Context, service, id string) (Rollout, error)
	// Events lists the selected events in ascending order of Seq. Events of a deleted service
	// stay readable.
	Events(ctx context.Context, q EventQuery) ([]api.Event, error)
	// Groups lists the groups by name.
	Groups(ctx context.Context) ([]Group, error)
	// Gateways lists the recorded gateways.
	Gateways(ctx context.Context) ([]Gateway, error)
	PutGateway(ctx context.Context, g Gateway) error
	DropGateway(ctx context.Context, id string) error
	// Tokens lists the API tokens by name.
	Tokens(ctx context.Context) ([]Token, error)
	PutToken(ctx context.Context, t Token) error
	// DropToken forgets a token; one that is not there is no error.
	DropToken(ctx context.Context, name string) error
	// AppendAudit adds an entry to the audit log, which only grows; its Seq is
	// given by the store.
	AppendAudit(ctx context.Context, e api.AuditEntry) error
	// Audit lists the selected entries in ascending order of Seq.
	Audit(ctx context.Context, q AuditQuery) ([]api.AuditEntry, error)
	// PutSeries writes hours, inserted or replaced by service and number, and forgets
	// all hours before a number, in one transaction. Those of a service that is not
	// there are left out.
	PutSeries(ctx context.Context, hours []series.Hour, before int64) error
	// Series reads the hours of a service, or of all for "", from a number on,
	// ascending by number and service. A deleted service has none.
	Series(ctx context.Context, service string, from int64) ([]series.Hour, error)
	// NextEpoch counts the starts of the control plane: each call returns one
	// more than the call before, for ever. Routing table revisions begin with it.
	NextEpoch(ctx context.Context) (uint64, error)
	// Scrub leaves nothing in the store's files of what records held before: not in
	// free space, not in a log.
	Scrub(ctx context.Context) error
	Close() error
}
