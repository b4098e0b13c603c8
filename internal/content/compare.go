package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// Compare tells how recorded content stands now. The reason may say something of
// content that is the same, too: links that lead nowhere, a tag that means
// another image by now.
//
// Without full nothing is read: what has another inode or other times is Same or
// Changed if that is known from an earlier reading or by its size, else Unsure;
// of an image the last answer of its registry counts, else it is Unsure. With
// full it is read, and the registry is asked. Content that was never hashed and
// has another state is Changed. What is not there is Missing, also when it was
// not there before.
func (f *Files) Compare(ctx context.Context, d api.Digest, full bool) (history.Condition, string) {
	if d.Kind == api.FileImage && f.images == nil {
		return history.Unsure, "registries are not asked (history.ask_registries in server.yaml)"
	}
	if d.Kind == api.FileImage {
		return f.images.Compare(ctx, d.Path, d.SHA256, full)
	}
	t, err := look(d.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return history.Missing, err.Error()
	case err != nil:
		return history.Unsure, err.Error()
	}
	stat := t.stat()
	switch {
	case stat == d.Stat:
		return history.Same, t.note()
	case d.Stat == "":
		return history.Changed, d.Path + " did not exist when the version was made"
	case d.SHA256 == "":
		return history.Changed, d.Path + " has another inode, size or times than when the version was made"
	}
	if sha := f.cache.fact(stat); sha == d.SHA256 {
		return history.Same, t.note()
	} else if sha != "" {
		return history.Changed, f.difference(t, d, nil)
	}
	if d.Bytes != 0 && t.bytes != d.Bytes {
		return history.Changed, f.difference(t, d, nil)
	}
	if !full {
		return history.Unsure, d.Path + " has another inode or other times than when the version was made; only reading it tells whether its content changed"
	}
	return f.compareRead(ctx, t, d)
}

func (f *Files) compareRead(ctx context.Context, t *tree, d api.Digest) (history.Condition, string) {
	sha, sums, err := f.read(ctx, t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return history.Missing, err.Error()
	case err != nil:
		return history.Unsure, fmt.Sprintf("whether %s changed is not known: %v", d.Path, err)
	case sha == d.SHA256:
		return history.Same, t.note()
	}
	return history.Changed, f.difference(t, d, sums)
}

// difference names what differs: sums are those of the entries now, nil where
// they are not known.
func (f *Files) difference(t *tree, d api.Digest, sums []string) string {
	if m := f.listed(d.SHA256); m != nil && m.Folder && t.folder {
		if n, of, first := m.differing(t, func(i int) string {
			if sums != nil {
				return sums[i]
			}
			return f.cache.sum(t.entries[i].id)
		}); n > 0 {
			return fmt.Sprintf("%s changed since: %d of %d files differ, first %s", d.Path, n, of, first)
		}
	}
	if d.Bytes != 0 && t.bytes != d.Bytes {
		return fmt.Sprintf("%s changed since: it has %d bytes and had %d", d.Path, t.bytes, d.Bytes)
	}
	return d.Path + " changed since: its content is another one"
}
