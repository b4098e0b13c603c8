package content

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/api"
)

// crashes are what is killed in the middle, with the contents that are kept
// before and those that shall be kept after.
func crashes(p *place) (before []api.Digest, do map[string]func() error, all []api.Digest) {
	p.write("old/shared", "shared")
	p.write("old/own", "old")
	p.write("new/shared", "shared")
	p.write("new/deep/own", "new")
	p.write("new/deep/more", "more")
	if err := os.MkdirAll(p.path("new/hollow"), 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.write("serve.sh", "serve")
	before = p.mustKeep(p.digest(api.FileModel, "old"))
	fresh := []api.Digest{p.digest(api.FileModel, "new"), p.digest(api.FileArgument, "serve.sh")}
	hashed, err := p.Hash(context.Background(), fresh)
	if err != nil {
		p.t.Fatal(err)
	}
	return before, map[string]func() error{
		"keep": func() error {
			_, err := p.Keep(context.Background(), fresh)
			return err
		},
		"sweep": func() error { return p.Sweep(func(string) bool { return false }) },
	}, append(hashed, before...)
}

var crashWant = map[string]map[string]string{
	"old":      {"shared": "shared", "own": "old"},
	"new":      {"shared": "shared", "deep/own": "new", "deep/more": "more"},
	"serve.sh": {".": "serve"},
}

// TestCrashLeavesWholeCopies stops the world before each step of a Keep and of a
// Sweep and opens what is there then.
func TestCrashLeavesWholeCopies(t *testing.T) {
	for _, act := range []string{"keep", "sweep"} {
		p := newPlace(t, Options{})
		before, do, all := crashes(p)
		var moments []string
		p.step = func(name string) error {
			dir := filepath.Join(t.TempDir(), fmt.Sprintf("%d-%s", len(moments), name))
			copyTree(t, p.store, dir)
			moments = append(moments, dir)
			return nil
		}
		if err := do[act](); err != nil {
			t.Fatal(err)
		}
		if len(moments) < 4 {
			t.Fatalf("%s: only %d steps", act, len(moments))
		}
		for _, moment := range moments {
			after := &place{t: t, files: p.files, store: moment}
			after.open(Options{})
			wholeOrNothing(after, act+" "+filepath.Base(moment), all)
			if act == "keep" && after.Kept(before[0]) == "" {
				t.Errorf("%s: what was kept before is not any more", moment)
			}
			again, err := after.Keep(context.Background(), all)
			if err != nil {
				t.Fatal(moment, err)
			}
			for _, d := range again {
				after.is(d, crashWant[filepath.Base(d.Path)])
			}
			if err := after.Sweep(func(string) bool { return false }); err != nil {
				t.Fatal(moment, err)
			}
			if found := names(t, moment); len(found) != 0 || after.Usage().Bytes != 0 {
				t.Errorf("%s: left %v, %+v", moment, found, after.Usage())
			}
		}
	}
}

// wholeOrNothing fails if a copy is there in part, or anything that no copy needs.
func wholeOrNothing(p *place, when string, all []api.Digest) {
	p.t.Helper()
	files := int64(0)
	seen := map[string]bool{}
	for _, d := range all {
		path := p.Kept(d)
		if path == "" {
			continue
		}
		want := crashWant[filepath.Base(d.Path)]
		if got := contents(p.t, path); !maps.Equal(got, want) {
			p.t.Errorf("%s: %s: %v", when, d.Path, got)
		}
		for _, text := range want {
			if !seen[text] {
				seen[text] = true
				files++
			}
		}
	}
	objects, err := filepath.Glob(filepath.Join(p.store, "objects", "*", "*"))
	if err != nil || int64(len(objects)) != files {
		p.t.Errorf("%s: %d objects for %d files", when, len(objects), files)
	}
	if left, _ := filepath.Glob(filepath.Join(p.store, "tmp", "*")); len(left) != 0 {
		p.t.Errorf("%s: left %v", when, left)
	}
}

// TestFailureLeavesNoMore has each step of a Keep fail once.
func TestFailureLeavesNoMore(t *testing.T) {
	for fail := 0; ; fail++ {
		p := newPlace(t, Options{})
		before, do, _ := crashes(p)
		was, used := names(t, p.store), p.Usage()
		n := 0
		p.step = func(string) error {
			if n++; n == fail+1 {
				return errInjected
			}
			return nil
		}
		err := do["keep"]()
		if err == nil {
			if fail < 8 {
				t.Fatalf("only %d steps", fail)
			}
			return
		}
		if !errors.Is(err, errInjected) {
			t.Fatal(err)
		}
		if now := names(t, p.store); !maps.Equal(now, was) || p.Usage().Bytes != used.Bytes || p.Usage().Contents != used.Contents {
			t.Errorf("step %d: %v, was %v; %+v, was %+v", fail, now, was, p.Usage(), used)
		}
		p.is(before[0], crashWant["old"])
	}
}
