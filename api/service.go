package api

import "encoding/json"

// Status is the one word for how a service is; design.md 2b gives the order in
// which they are chosen.
type Status string

const (
	StatusDeleting Status = "deleting"
	StatusStopping Status = "stopping"
	StatusStopped  Status = "stopped"
	StatusFailed   Status = "failed" // a first create that failed
	StatusCreating Status = "creating"
	StatusPaused   Status = "paused"
	StatusUpdating Status = "updating"
	StatusScaling  Status = "scaling"
	StatusDegraded Status = "degraded" // fewer ready than desired
	StatusRunning  Status = "running"
)

// Service is a service as GET /api/v1/services/{name} shows it.
type Service struct {
	Name           string          `json:"name"`
	Group          string          `json:"group" doc:"the group it shares an address with, empty for none"`
	Status         Status          `json:"status" enum:"deleting,stopping,stopped,failed,creating,paused,updating,scaling,degraded,running"`
	Reason         string          `json:"reason" doc:"one word for why it is paused, failed or degraded; empty when there is nothing to explain"`
	Message        string          `json:"message" doc:"one sentence for a person"`
	CurrentVersion int             `json:"current_version" doc:"the version the service is meant to run"`
	LatestVersion  int             `json:"latest_version" doc:"the highest version number"`
	Endpoint       string          `json:"endpoint" doc:"the address callers use"`
	Replicas       ReplicaCounts   `json:"replicas"`
	Rollout        *Rollout        `json:"rollout" doc:"the rollout in progress, or the last one after its end"`
	Plan           *Plan           `json:"plan" doc:"null without an update plan"`
	Traffic        Traffic         `json:"traffic"`
	Config         json.RawMessage `json:"config" doc:"the service file in force, spellings normalised"`
	Revision       uint64          `json:"revision" doc:"counts changes of intent; send it as If-Match to change only what you have seen"`
	CreatedAt      Time            `json:"created_at"`
	UpdatedAt      Time            `json:"updated_at"`
	Frozen         *Freeze         `json:"frozen,omitempty" doc:"changes of it are refused; absent when they are allowed"`
	Mirror         *Mirror         `json:"mirror,omitempty" doc:"where requests are copied to; absent without a mirror"`
	Warnings       []string        `json:"warnings,omitempty" doc:"keys of the service file that have no effect here, each with its reason"`
}

// ReplicaCounts are the counts of one snapshot (design.md 2b): live = pending +
// starting + ready + unready; draining and failed are outside it; updated and
// kept divide ready.
type ReplicaCounts struct {
	Desired  int `json:"desired"`
	Live     int `json:"live"`
	Ready    int `json:"ready"`
	Updated  int `json:"updated" doc:"ready replicas of current_version"`
	Kept     int `json:"kept" doc:"ready replicas of any other version"`
	Draining int `json:"draining"`
	Failed   int `json:"failed"`
}

// Traffic is a service's part in its group.
type Traffic struct {
	State  TrafficState `json:"state" enum:"standalone,grouping"`
	Weight int          `json:"weight" doc:"0 to 1000; -1 when none is set"`
	Share  float64      `json:"share" doc:"the part of the group's requests it is given, 0 to 1"`
}
