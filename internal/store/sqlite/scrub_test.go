package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// holds tells whether any file of a folder has the text in it.
func holds(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && bytes.Contains(content, []byte(text)) {
			found = append(found, filepath.Base(file))
		}
	}
	return found
}

// What was overwritten or deleted is found in the files until they are scrubbed,
// and what is overwritten afterwards is not found again.
func TestScrub(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	const clear = "in-clear-4711"
	put := func(name, token string) {
		t.Helper()
		if _, err := s.Commit(t.Context(), store.Change{Name: name, Service: &store.Service{
			Core: rollout.Service{Name: name}, Token: token, Config: []byte(`"` + strings.Repeat(token, 1000) + `"`)}}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", clear)
	put("b", clear)
	put("c", clear)
	if err := s.Close(); err != nil { // into the database itself
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	put("a", "x")
	if _, err := s.Commit(t.Context(), store.Change{Name: "b", Delete: true}); err != nil {
		t.Fatal(err)
	}
	if len(holds(t, dir, clear)) == 0 {
		t.Fatal("nothing is left in the files anyway: this test shows nothing")
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	put("c", "x")
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := holds(t, dir, clear); found != nil {
		t.Errorf("still in %v", found)
	}
	put("d", clear)
	put("d", "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if found := holds(t, dir, clear); found != nil {
		t.Errorf("after a change behind it, in %v", found)
	}
}

// A server that is killed between the commit and the second scrub has nothing in
// clear left when the next one has opened the database.
func TestKilledBetweenCommitAndScrub(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s := mustOpen(t, dir)
	defer s.Close()
	const clear = "in-clear-4711"
	for _, token := range []string{clear, "sealed"} {
		if err := s.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), store.Change{Name: "a", Service: &store.Service{
			Core: rollout.Service{Name: "a"}, Config: []byte(`"` + strings.Repeat(token, 2000) + `"`)}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sluice.db", "sluice.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(crashed, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(holds(t, crashed, clear)) == 0 {
		t.Fatal("nothing is left in the files anyway: this test shows nothing")
	}
	next := mustOpen(t, crashed)
	defer next.Close()
	if found := holds(t, crashed, clear); found != nil {
		t.Errorf("still in %v", found)
	}
}
