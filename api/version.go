package api

import "encoding/json"

// Version is an immutable, numbered snapshot of a service's configuration.
type Version struct {
	Number    int             `json:"number"`
	Creator   string          `json:"creator" doc:"the authenticated identity that made it"`
	CreatedAt Time            `json:"created_at"`
	Message   string          `json:"message"`
	Current   bool            `json:"current"`
	Pinned    bool            `json:"pinned"`
	Completed bool            `json:"completed" doc:"a rollout to it has completed once"`
	Config    json.RawMessage `json:"config"`
	Digests   []Digest        `json:"digests" doc:"files the configuration refers to, as they were"`
	Preflight *Preflight      `json:"preflight" doc:"whether a rollback to it would work; null before it was looked at"`
}

// Digest is the state of one file, or of one folder's files taken together,
// when a version was made. Inode, size and times are known at once; SHA256 is
// filled in later.
type Digest struct {
	Path   string `json:"path"`
	Stat   string `json:"stat" doc:"a hash of inode, size and change times"`
	SHA256 string `json:"sha256,omitempty"`
}

// Preflight says whether everything a version needs still exists.
type Preflight struct {
	Verdict   string    `json:"verdict" enum:"ok,missing,changed,unknown"`
	Findings  []Finding `json:"findings"`
	CheckedAt Time      `json:"checked_at"`
}

// Finding is one thing a preflight looked at.
type Finding struct {
	Subject string `json:"subject"`
	Verdict string `json:"verdict" enum:"ok,missing,changed,unknown"`
	Reason  string `json:"reason"`
}

// Diff is the difference between two versions, field by field.
type Diff struct {
	From    int           `json:"from"`
	To      int           `json:"to"`
	Changes []FieldChange `json:"changes"`
}

// FieldChange is one field that differs; Path is written as --set takes it:
// containers[0].image.
type FieldChange struct {
	Path string          `json:"path"`
	Op   string          `json:"op" enum:"add,remove,replace"`
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}
