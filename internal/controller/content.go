package controller

import (
	"context"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// Content tells the state of the files that a version refers to, and keeps
// copies of them.
type Content interface {
	// Digests looks at inode, size and times only, so that no rollout waits for
	// a hash (rule 26). A file that is not there has an empty Stat; of arguments
	// only regular files count (see api.Files). An image has neither Stat nor
	// SHA256 before it was hashed.
	Digests(files []api.File) []api.Digest
	// Hash fills in SHA256 and Bytes, of an image from its registry. It may take
	// long. What cannot be hashed, or changed meanwhile, keeps an empty SHA256.
	Hash(ctx context.Context, digests []api.Digest) ([]api.Digest, error)
	// Compare tells how recorded content stands now; why may say something of
	// content that is Same, too. Without full nothing is read: other inode or times
	// make a file of known SHA256 Unsure, unless its size or an earlier reading
	// tells. With full its content is read, and an image's registry asked. What is
	// not there is Missing, also when it was not there before.
	Compare(ctx context.Context, d api.Digest, full bool) (now history.Condition, why string)
	// Cost is how many bytes Keep would have to write: 0 where blocks are shared or
	// a copy is kept already.
	Cost(digests []api.Digest) int64
	// Keep hashes the content, images left out, and keeps a copy of what may be kept, until Sweep
	// is told that nobody needs it. All are kept, or the error says why not and
	// nothing more is kept than before.
	Keep(ctx context.Context, digests []api.Digest) ([]api.Digest, error)
	// Kept is the path of a whole copy, "" for none. Its base name is the
	// original's.
	Kept(d api.Digest) string
	// Sweep lets go of the copies of contents that are not needed.
	Sweep(needed func(sha256 string) bool) error
}

// NoContent looks at no files and keeps none: for a controller whose replicas
// are not made of files of this machine.
type NoContent struct{}

func (NoContent) Digests([]api.File) []api.Digest { return nil }

func (NoContent) Hash(_ context.Context, d []api.Digest) ([]api.Digest, error) { return d, nil }

func (NoContent) Compare(context.Context, api.Digest, bool) (history.Condition, string) {
	return history.Unsure, "files are not looked at here"
}

func (NoContent) Cost([]api.Digest) int64 { return 0 }

func (NoContent) Keep(_ context.Context, d []api.Digest) ([]api.Digest, error) { return d, nil }

func (NoContent) Kept(api.Digest) string { return "" }

func (NoContent) Sweep(func(string) bool) error { return nil }
