package content

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// place is a folder of an operator's files and a store beside it.
type place struct {
	t     *testing.T
	files string
	store string
	*Artifacts
}

func newPlace(t *testing.T, options Options) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, files: filepath.Join(dir, "files"), store: filepath.Join(dir, "artifacts")}
	p.open(options)
	return p
}

func (p *place) open(options Options) {
	p.t.Helper()
	a, err := Open(p.store, options)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Artifacts = a
}

func (p *place) path(name string) string { return filepath.Join(p.files, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	write(p.t, p.path(name), text)
}

// digest is the state of a file as a version records it.
func (p *place) digest(kind api.FileKind, name string) api.Digest {
	p.t.Helper()
	d := p.Digests([]api.File{{Kind: kind, Path: p.path(name)}})
	if len(d) != 1 || d[0].Stat == "" {
		p.t.Fatalf("%s: %+v", name, d)
	}
	return d[0]
}

func (p *place) mustKeep(list ...api.Digest) []api.Digest {
	p.t.Helper()
	kept, err := p.Keep(context.Background(), list)
	if err != nil {
		p.t.Fatal(err)
	}
	return kept
}

// is fails unless the kept copy has these files.
func (p *place) is(d api.Digest, want map[string]string) {
	p.t.Helper()
	path := p.Kept(d)
	if path == "" || filepath.Base(path) != filepath.Base(d.Path) {
		p.t.Fatalf("kept copy of %s: %q", d.Path, path)
	}
	if got := contents(p.t, path); !maps.Equal(got, want) {
		p.t.Errorf("kept copy of %s: %v, want %v", d.Path, got, want)
	}
}

// contents are the texts of files at and below a path, by name.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(path, name)
		found[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// names are all that is at and below a folder, the parts of the store that are
// always there left out.
func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		parts := filepath.Dir(rel)
		if err == nil && !(d.IsDir() && (parts == "." || parts == "objects")) {
			found[rel] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var errInjected = errors.New("injected")

// copyTree copies files with their times, as a crash leaves them.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, name)
		at := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(at, 0o755)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			target, err := os.Readlink(name)
			return errors.Join(err, os.Symlink(target, at))
		}
		text, err := os.ReadFile(name)
		return errors.Join(err, os.WriteFile(at, text, 0o644), os.Chtimes(at, time.Time{}, info.ModTime()))
	})
	if err != nil {
		t.Fatal(err)
	}
}
