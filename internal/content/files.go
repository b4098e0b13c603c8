package content

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/content/image"
)

// Files tells the state of files and images, and reads them to hash them. What
// it read it remembers by device, inode, size and times.
type Files struct {
	cache  cache
	desk   desk
	slot   chan struct{}     // one Hash at a time reads
	images *image.Registries // nil: none is asked
	// listed is what is in a kept content, for reasons that name what differs.
	listed func(sha256 string) *manifest
}

// New remembers nothing yet.
func New() *Files {
	return &Files{slot: make(chan struct{}, 1), images: image.New(), listed: func(string) *manifest { return nil }}
}

// Digests looks at inode, size and times. A name without a slash is a program
// and looked for in PATH. Content that is not there has an empty Stat; an
// argument counts only if it is a regular file. System is what keepable is not.
func (f *Files) Digests(files []api.File) []api.Digest {
	digests := make([]api.Digest, 0, len(files))
	for _, file := range files {
		if file.Kind == api.FileImage {
			digests = append(digests, api.Digest{Kind: file.Kind, Path: file.Path})
			continue
		}
		if file.Kind == api.FileArgument {
			if info, err := os.Stat(file.Path); err != nil || !info.Mode().IsRegular() {
				continue
			}
		}
		d := api.Digest{Kind: file.Kind, Path: located(file.Path)}
		if t, err := look(d.Path); err == nil {
			d.Stat = t.stat()
		}
		d.System = !keepable(d)
		digests = append(digests, d)
	}
	return digests
}

func located(name string) string {
	if !strings.ContainsRune(name, filepath.Separator) {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return name
}

// Hash fills in SHA256 and Bytes, one file or folder at a time however many
// call it. The error is the context's; what cannot be hashed, or is not what
// was looked at, keeps an empty SHA256.
func (f *Files) Hash(ctx context.Context, digests []api.Digest) ([]api.Digest, error) {
	hashed := make([]api.Digest, len(digests))
	for i, d := range digests {
		var err error
		if hashed[i], err = f.hash(ctx, d); err != nil {
			return nil, err
		}
	}
	return hashed, nil
}

func (f *Files) hash(ctx context.Context, d api.Digest) (api.Digest, error) {
	if d.Kind == api.FileImage && f.images == nil {
		return d, nil
	}
	if d.Kind == api.FileImage {
		if sha, err := f.images.Digest(ctx, d.Path); err == nil {
			d.SHA256 = sha
		}
		return d, ctx.Err()
	}
	if d.Stat == "" {
		return d, nil
	}
	if err := acquire(ctx, f.slot); err != nil {
		return d, err
	}
	defer release(f.slot)
	return f.hashAtOnce(ctx, d)
}

func (f *Files) hashAtOnce(ctx context.Context, d api.Digest) (api.Digest, error) {
	t, err := look(d.Path)
	if err != nil || t.stat() != d.Stat {
		return d, nil
	}
	if sha, _, err := f.read(ctx, t); err == nil {
		d.SHA256, d.Bytes = sha, t.bytes
	}
	return d, ctx.Err()
}

func acquire(ctx context.Context, slot chan struct{}) error {
	select {
	case slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func release(slot chan struct{}) { <-slot }
