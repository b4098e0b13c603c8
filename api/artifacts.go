package api

// Hashing is how far the reading of a file or folder has come: to hash it, or
// to keep a copy.
type Hashing struct {
	Path  string `json:"path"`
	Done  int64  `json:"done" doc:"bytes read"`
	Total int64  `json:"total" doc:"bytes"`
}

// Artifacts is what is kept of versions' files, and what is being read of them.
type Artifacts struct {
	Bytes    int64 `json:"bytes" doc:"of different contents together; where blocks are shared with the originals, the disk holds less"`
	Contents int   `json:"contents" doc:"files and folders of which a copy is kept"`
	Limit    int64 `json:"limit" doc:"bytes that may be kept: history.artifacts_max_bytes in server.yaml"`
	Reflinks bool  `json:"reflinks" doc:"the data directory's file system shares blocks, so that a copy of a file on it takes no time and no space"`

	Hashing []Hashing `json:"hashing" nullable:"false" doc:"files and folders that are being read at this moment"`
}
