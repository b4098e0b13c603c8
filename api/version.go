package api

import "encoding/json"

// Version is an immutable, numbered snapshot of a service's configuration.
type Version struct {
	Number    int             `json:"number"`
	Creator   string          `json:"creator" doc:"the authenticated identity that made it"`
	CreatedAt Time            `json:"created_at"`
	Message   string          `json:"message"`
	Summary   string          `json:"summary" doc:"what it changed against the version before it, in one line"`
	Current   bool            `json:"current"`
	Latest    bool            `json:"latest" doc:"it has the highest number"`
	Pinned    bool            `json:"pinned"`
	Serving   int             `json:"serving" doc:"live replicas that run it"`
	Completed bool            `json:"completed" doc:"a rollout to it has completed once"`
	Config    json.RawMessage `json:"config"`
	// Sections is filled in when one version is shown.
	Sections  []ConfigSection `json:"sections,omitempty" doc:"the configuration in groups, with the defaults it leaves in force; of one version only, not in lists"`
	Digests   []Digest        `json:"digests" doc:"files the configuration refers to, as they were"`
	Preflight *Preflight      `json:"preflight" doc:"whether a rollback to it would work; null before it was looked at"`
}

// Digest is the state of one file, or of one folder's files taken together,
// when a version was made. Inode, size and times are known at once; SHA256 is
// filled in later.
type Digest struct {
	Kind   FileKind `json:"kind,omitempty" enum:"model,warm_up,program,argument,image" doc:"what the version uses it for"`
	Path   string   `json:"path" doc:"or the image's reference"`
	Stat   string   `json:"stat" doc:"a hash of inode, size and change times; empty when it was not there"`
	SHA256 string   `json:"sha256,omitempty" doc:"of a file its content's, of a folder that of a list of its files' names, modes and contents, of an image its digest"`
	Bytes  int64    `json:"bytes,omitempty" doc:"size of the content"`
	System bool     `json:"system,omitempty" doc:"a program that the system brings, or a link to one: it is run as it is, and no copy is kept"`
	// Retained is filled in when a version is shown; it is never stored.
	Retained bool `json:"retained,omitempty" doc:"a copy of the content is kept, so that a rollback works though the original is gone"`
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
	Blocks  bool   `json:"blocks" doc:"a rollback would fail on it"`
}

// Rollback asks for a rollback.
type Rollback struct {
	Version int  `json:"version,omitempty" minimum:"0" doc:"0: the base of the rollout in progress, else the highest completed version below the current one"`
	Force   bool `json:"force,omitempty" doc:"although the preflight says that it would fail"`
	Planned bool `json:"planned,omitempty" doc:"led by the update plan, with its batches and gates; otherwise a rollback ignores it"`
}

// VersionPreflight is the preflight of one version.
type VersionPreflight struct {
	Version int `json:"version"`
	Preflight
}
