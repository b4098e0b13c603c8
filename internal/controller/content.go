package controller

import (
	"context"

	"sluice.dev/sluice/api"
)

// Content tells the state of the files that a version refers to.
type Content interface {
	// Digests looks at inode, size and times only, so that no rollout waits for
	// a hash (rule 26). A file of content that is not there has an empty Stat; of
	// arguments only regular files count (see api.Files).
	Digests(content, arguments []string) []api.Digest
	// Hash fills in SHA256. It may take long.
	Hash(ctx context.Context, digests []api.Digest) ([]api.Digest, error)
}
