package content

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/api"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDigestsSeeEveryChange(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	write(t, filepath.Join(model, "a.bin"), "one")
	write(t, filepath.Join(model, "sub", "b.bin"), "two")
	stat := func() string { return New().Digests([]api.File{{Kind: api.FileModel, Path: model}})[0].Stat }
	was := stat()
	if was == "" || stat() != was {
		t.Fatalf("unchanged files: %q, then %q", was, stat())
	}
	changes := map[string]func(){
		"content":  func() { write(t, filepath.Join(model, "sub", "b.bin"), "three") },
		"new file": func() { write(t, filepath.Join(model, "c.bin"), "") },
		"replaced": func() {
			write(t, filepath.Join(dir, "new"), "one")
			if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(model, "a.bin")); err != nil {
				t.Fatal(err)
			}
		},
		"removed": func() { os.RemoveAll(filepath.Join(model, "sub")) },
	}
	for name, change := range changes {
		before := stat()
		change()
		if stat() == before {
			t.Errorf("%s: not seen", name)
		}
	}
	os.RemoveAll(model)
	if stat() != "" {
		t.Error("a missing folder has a state")
	}
}

func TestDigestsFindsPrograms(t *testing.T) {
	if d := New().Digests([]api.File{{Kind: api.FileProgram, Path: "sh"}})[0]; d.Stat == "" || !filepath.IsAbs(d.Path) {
		t.Errorf("sh: %+v", d)
	}
}

func TestHashIsOfTheContent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.bin")
	write(t, path, "weights")
	digests := New().Digests([]api.File{{Kind: api.FileModel, Path: path}, {Kind: api.FileProgram, Path: filepath.Join(dir, "missing")}, {Kind: api.FileArgument, Path: dir}})
	hashed, err := New().Hash(context.Background(), digests)
	if err != nil {
		t.Fatal(err)
	}
	const want = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
	if len(hashed) != 2 || hashed[0].SHA256 != want || hashed[1].SHA256 != "" {
		t.Errorf("hashed: %+v", hashed)
	}
	write(t, path, "other weights")
	if again, _ := New().Hash(context.Background(), digests); again[0].SHA256 != "" {
		t.Error("a file that changed since it was looked at got a hash")
	}
}
