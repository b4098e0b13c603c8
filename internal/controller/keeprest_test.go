package controller

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/content"
)

// shelf is a folder of models and a store of copies, both real.
type shelf struct {
	*world
	dir, store string
}

// inShelf runs a test in a world that keeps copies as the options say.
func inShelf(t *testing.T, options content.Options, test func(t *testing.T, w *shelf)) {
	dir := t.TempDir()
	inWorld(t, func(t *testing.T, w *world) {
		s := &shelf{world: w, dir: filepath.Join(dir, "models"), store: filepath.Join(dir, "artifacts")}
		w.history = History{CheapBytes: 1 << 20}
		s.again(t, options)
		test(t, s)
	})
}

// again is another run of the control plane, with these options.
func (w *shelf) again(t *testing.T, options content.Options) {
	t.Helper()
	w.shut(t)
	store, err := content.Open(w.store, options)
	if err != nil {
		t.Fatal(err)
	}
	w.content = store
	w.open(t)
	time.Sleep(time.Minute) // what it does by itself is done
}

// model writes a model and has the service run it, as its next version.
func (w *shelf) model(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	doc := document(t, `{"model_path":"`+path+`"}`)
	if _, err := w.Update(context.Background(), ann, "s", doc, false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return path
}

// kept tells of which versions' models copies are kept, as "2 3".
func (w *shelf) kept(t *testing.T) string {
	t.Helper()
	list, err := w.Versions(context.Background(), "s", Page{})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, v := range list {
		for _, d := range v.Digests {
			if d.Kind == api.FileModel && w.content.Kept(d) != "" {
				numbers = append([]string{string(rune('0' + v.Number))}, numbers...)
			}
		}
	}
	return strings.Join(numbers, " ")
}

// stored counts the files of copies on the disk.
func (w *shelf) stored(t *testing.T) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(w.store, "objects"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCopiesGoWithTheirService: what a version names stays, also after a start;
// when the service is deleted its copies go, and none of another service.
func TestCopiesGoWithTheirService(t *testing.T) {
	inShelf(t, content.Options{}, func(t *testing.T, w *shelf) {
		w.create(t, 1)
		w.model(t, "a", "one")
		w.model(t, "b", "two")
		w.again(t, content.Options{})
		if got := w.kept(t); got != "2 3" || w.stored(t) != 2 {
			t.Fatalf("copies of versions %s are kept, in %d files", got, w.stored(t))
		}
		other := document(t, `{"metadata":{"name":"other"},"containers":[{"command":"./server"}],"model_path":"`+filepath.Join(w.dir, "a")+`"}`)
		if _, err := w.Create(context.Background(), ann, other); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Delete(context.Background(), ann, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if n := w.stored(t); n != 1 {
			t.Errorf("after the delete there are %d files, want that of the other service", n)
		}
	})
}

// TestCopiesAreMadeUpFor: versions for which there was no room have copies after
// a start with more room, if their files are as they were; no copy of another
// gives way to them.
func TestCopiesAreMadeUpFor(t *testing.T) {
	inShelf(t, content.Options{MaxBytes: 1500}, func(t *testing.T, w *shelf) {
		w.create(t, 1)
		gone := w.model(t, "a", strings.Repeat("1", 1000))
		w.model(t, "b", strings.Repeat("2", 1000))
		w.model(t, "c", strings.Repeat("3", 1000))
		if got := w.kept(t); got != "4" {
			t.Fatalf("copies of versions %s are kept", got)
		}
		w.again(t, content.Options{MaxBytes: 1500})
		if got := w.kept(t); got != "4" {
			t.Errorf("with no more room, copies of versions %s are kept", got)
		}
		if err := os.WriteFile(gone, []byte("another"), 0o644); err != nil {
			t.Fatal(err)
		}
		w.again(t, content.Options{})
		if got := w.kept(t); got != "3 4" {
			t.Errorf("with room, copies of versions %s are kept", got)
		}
	})
}

// TestImportKeeps: of the files of an export that are here with the content that
// was recorded copies are kept, though they are other files.
func TestImportKeeps(t *testing.T) {
	inShelf(t, content.Options{}, func(t *testing.T, w *shelf) {
		w.create(t, 1)
		a := w.model(t, "a", "one")
		b := w.model(t, "b", "two")
		e := w.carried(t, "s")
		if _, err := w.Delete(context.Background(), ann, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		for path, text := range map[string]string{a: "one", b: "owt"} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Import(context.Background(), ann, e, As{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := w.kept(t); got != "2" {
			t.Errorf("copies of versions %s are kept, want 2: the other is changed", got)
		}
	})
}

// TestOldestKeptVersion: nothing is said of what it changed, since what it was
// made from is gone; the event names the setting.
func TestOldestKeptVersion(t *testing.T) {
	inShelf(t, content.Options{}, func(t *testing.T, w *shelf) {
		w.history.KeepVersions = 2
		w.again(t, content.Options{})
		w.create(t, 1)
		w.model(t, "a", "one")
		w.model(t, "b", "two")
		w.model(t, "c", "three")
		list, err := w.Versions(context.Background(), "s", Page{})
		if err != nil || shownNumbers(list) != "4 3" || list[1].Summary != "the versions before it are no longer kept" {
			t.Fatalf("%s: %+v, %v", shownNumbers(list), list, err)
		}
		if !w.told(t, "VersionsCollected", "version 2 is no longer kept: history.keep_versions in server.yaml is 2") {
			t.Error("no event tells why")
		}
		if _, err := w.Rollback(context.Background(), ann, "s", api.Rollback{Version: 2}); err == nil || !strings.Contains(err.Error(), `version "2"`) {
			t.Errorf("a rollback to one that is gone: %v", err)
		}
		if n := w.stored(t); n != 2 {
			t.Errorf("%d files are stored", n)
		}
	})
}
