package api

import "encoding/json"

// ExportFormat names the format of Export. Another one is another format.
const ExportFormat = "sluice.dev/export/1"

// Export is a service with its versions and its history as one file, to be
// imported into another server. No secret is in it, and neither is what only has
// a meaning beside other services: its place in a group and its mirror are told,
// and left out by an import.
type Export struct {
	Format     string            `json:"format" enum:"sluice.dev/export/1"`
	ExportedAt Time              `json:"exported_at"`
	From       ExportSource      `json:"from"`
	Service    ExportedService   `json:"service"`
	Plan       *PlanChange       `json:"plan" doc:"the update plan, as it is set; null without one"`
	Versions   []ExportedVersion `json:"versions" doc:"ascending"`
	Rollouts   []Rollout         `json:"rollouts" doc:"in the order they began"`
	Events     []Event           `json:"events" doc:"the newest 10000, in order"`
}

// ExportSource says what made an export.
type ExportSource struct {
	Version string `json:"version" doc:"of the server"`
}

// ExportedService is the service by itself.
type ExportedService struct {
	Name           string          `json:"name"`
	Config         json.RawMessage `json:"config" doc:"the service file in force, without group, weight, traffic state and token"`
	CurrentVersion int             `json:"current_version"`
	LatestVersion  int             `json:"latest_version"`
	BaseVersion    int             `json:"base_version" doc:"the last completed version, 0 for none"`
	Sequence       int             `json:"sequence" doc:"the next number of a replica's or a rollout's id"`
	CreatedAt      Time            `json:"created_at"`
	Group          string          `json:"group,omitempty" doc:"it was a member; not imported"`
	Token          bool            `json:"token,omitempty" doc:"its callers had to send a token; not in the file"`
	Mirror         *Mirror         `json:"mirror,omitempty" doc:"not imported"`
	Frozen         *Freeze         `json:"frozen,omitempty" doc:"not imported"`
}

// ExportedVersion is what is recorded of a version.
type ExportedVersion struct {
	Number    int             `json:"number"`
	Creator   string          `json:"creator"`
	CreatedAt Time            `json:"created_at"`
	Message   string          `json:"message"`
	Pinned    bool            `json:"pinned"`
	Completed bool            `json:"completed"`
	Config    json.RawMessage `json:"config"`
	Digests   []Digest        `json:"digests"`
}
