package content

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func TestKeptOutlivesTheOriginal(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"overwritten in place": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("XXX"); err != nil {
				t.Fatal(err)
			}
			f.Close()
		},
		"truncated": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("Y"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, path string) { os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, Options{})
			p.write("model/weights.bin", "weights")
			p.write("model/sub/config.json", "{}")
			p.write("serve.sh", "serve")
			kept := p.mustKeep(p.digest(api.FileModel, "model"), p.digest(api.FileArgument, "serve.sh"))
			harm(t, p.path("model/weights.bin"))
			for range 2 { // also after a restart
				p.is(kept[0], map[string]string{"weights.bin": "weights", "sub/config.json": "{}"})
				p.is(kept[1], map[string]string{".": "serve"})
				p.open(Options{})
			}
			info, err := os.Stat(filepath.Join(p.Kept(kept[0]), "weights.bin"))
			if err != nil || info.Mode().Perm() != objectMode {
				t.Errorf("mode of a kept file: %v, %v", info.Mode(), err)
			}
			if u := p.Usage(); u.Bytes != 14 || u.Contents != 2 || u.Limit != DefaultMaxBytes {
				t.Errorf("usage: %+v", u)
			}
		})
	}
}

func TestKeptIsStoredOnce(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("a/one.bin", "same")
	p.write("a/two.bin", "same")
	p.write("b/one.bin", "same")
	p.write("b/two.bin", "same")
	p.write("other/name.bin", "same")
	d := []api.Digest{p.digest(api.FileModel, "a"), p.digest(api.FileModel, "b"), p.digest(api.FileWarmUp, "other/name.bin")}
	if cost := p.Cost(d[:1]); cost != 8 && !p.shares {
		t.Errorf("cost of two files of four bytes that nobody has read: %d", cost)
	}
	kept := p.mustKeep(d...)
	if u := p.Usage(); u.Bytes != 4 || u.Contents != 2 {
		t.Errorf("usage: %+v", u)
	}
	if kept[0].SHA256 != kept[1].SHA256 || kept[0].Bytes != 8 {
		t.Errorf("%+v", kept)
	}
	for _, k := range kept[:2] {
		p.is(k, map[string]string{"one.bin": "same", "two.bin": "same"})
	}
	p.is(kept[2], map[string]string{".": "same"})
	if cost := p.Cost(d); cost != 0 {
		t.Errorf("cost of what is kept: %d", cost)
	}
	before := names(t, p.store)
	p.mustKeep(kept...)
	if after := names(t, p.store); len(after) != len(before) {
		t.Errorf("kept again: %v, was %v", after, before)
	}
}

func TestKeepChoosesPrograms(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("server", "#!/bin/sh")
	if err := os.Chmod(p.path("server"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("server", p.path("python")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("PATH")+":"+p.path("bin"))
	p.write("bin/found-by-path", "#!/bin/sh")
	if err := os.Chmod(p.path("bin/found-by-path"), 0o700); err != nil {
		t.Fatal(err)
	}
	shell := p.Digests([]api.File{{Kind: api.FileProgram, Path: "sh"}})[0]
	for _, c := range []struct {
		d    api.Digest
		kept bool
	}{
		{p.digest(api.FileProgram, "server"), true},
		{p.digest(api.FileArgument, "server"), true},
		{p.digest(api.FileProgram, "python"), false},
		{p.digest(api.FileArgument, "python"), false},
		{p.digest(api.FileProgram, "bin/found-by-path"), false},
		{shell, false},
	} {
		got := p.mustKeep(c.d)[0]
		if path := p.Kept(got); (path != "") != c.kept || got.SHA256 == "" {
			t.Errorf("%s %s: kept at %q, hash %q", c.d.Kind, c.d.Path, path, got.SHA256)
		} else if c.kept {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != programMode {
				t.Errorf("%s: %v, %v", path, info, err)
			}
		}
	}
}

// TestKeptProgramWasAScript: the same content was kept first as what it is to a
// shell, then as a program.
func TestKeptProgramWasAScript(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("run.sh", "exit 0")
	script := p.mustKeep(p.digest(api.FileArgument, "run.sh"))[0]
	p.write("start.sh", "exit 0")
	if err := os.Chmod(p.path("start.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	program := p.mustKeep(p.digest(api.FileProgram, "start.sh"))[0]
	p.is(script, map[string]string{".": "exit 0"})
	p.is(program, map[string]string{".": "exit 0"})
	if info, err := os.Stat(p.Kept(program)); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestDamagedCopyIsNoCopy(t *testing.T) {
	p := newPlace(t, Options{})
	for name, harm := range map[string]func(path string) error{
		"file removed":  func(path string) error { return os.Remove(filepath.Join(path, "a")) },
		"file written":  func(path string) error { return os.WriteFile(filepath.Join(path, "a"), []byte("xyz"), 0o644) },
		"all removed":   os.RemoveAll,
		"store removed": func(string) error { return os.RemoveAll(filepath.Join(p.store, "objects")) },
	} {
		p.write(name+"/a", name)
		kept := p.mustKeep(p.digest(api.FileModel, name))[0]
		tree := p.Kept(kept)
		if strings.HasPrefix(name, "file written") {
			if err := os.Chmod(filepath.Join(tree, "a"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := harm(tree); err != nil {
			t.Fatal(name, err)
		}
		if name != "store removed" {
			waitFor(t, name, func() bool { return p.Kept(kept) == "" })
		}
		kept = p.mustKeep(kept)[0] // it is kept again, from the original
		p.is(kept, map[string]string{"a": name})
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1_000_000 {
		if is() {
			return
		}
	}
	t.Fatalf("%s: waited in vain", what)
}

func TestKeepRefusesWhatChanged(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("model", "one")
	d := p.digest(api.FileModel, "model")
	p.write("model", "other")
	if _, err := p.Keep(context.Background(), []api.Digest{d}); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("never hashed: %v", err)
	}
	d.SHA256 = strings.Repeat("0", 64)
	if _, err := p.Keep(context.Background(), []api.Digest{d}); err == nil || !strings.Contains(err.Error(), "another content") {
		t.Errorf("hashed: %v", err)
	}
	os.Remove(p.path("model"))
	if _, err := p.Keep(context.Background(), []api.Digest{d}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("gone: %v", err)
	}
	if found := names(t, p.store); len(found) != 0 {
		t.Errorf("left: %v", found)
	}
}

func TestKeepRefusesWhatDoesNotFit(t *testing.T) {
	p := newPlace(t, Options{MaxBytes: 100})
	p.write("a", strings.Repeat("a", 60))
	kept := p.mustKeep(p.digest(api.FileModel, "a"))
	p.write("b", strings.Repeat("b", 60))
	_, err := p.Keep(context.Background(), []api.Digest{p.digest(api.FileModel, "b")})
	var quota *history.QuotaError
	if !errors.As(err, &quota) || quota.Short != 20 || !strings.Contains(err.Error(), "60 B are needed, and 60 B of the 100 B that history.artifacts_max_bytes") {
		t.Errorf("quota: %v", err)
	}
	p.write("again", strings.Repeat("a", 60)) // the same content: there is room once it is read
	p.mustKeep(p.digest(api.FileModel, "again"))
	p.free = func() (int64, error) { return 10, nil }
	p.write("c", strings.Repeat("c", 30))
	_, err = p.Keep(context.Background(), []api.Digest{p.digest(api.FileModel, "c")})
	if !p.shares && (!errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "30 B are needed, and 10 B may be used")) {
		t.Errorf("space: %v", err)
	}
	p.is(kept[0], map[string]string{".": strings.Repeat("a", 60)})
}

func TestSweepKeepsWhatIsNeeded(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("a/shared", "shared")
	p.write("a/only", "only a")
	p.write("b/shared", "shared")
	kept := p.mustKeep(p.digest(api.FileModel, "a"), p.digest(api.FileModel, "b"))
	if err := p.Sweep(func(sha string) bool { return sha == kept[1].SHA256 }); err != nil {
		t.Fatal(err)
	}
	if p.Kept(kept[0]) != "" {
		t.Error("what nobody needs is kept")
	}
	p.is(kept[1], map[string]string{"shared": "shared"})
	if u := p.Usage(); u.Bytes != 6 || u.Contents != 1 {
		t.Errorf("usage: %+v", u)
	}
	if err := p.Sweep(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if found := names(t, p.store); len(found) != 0 || p.Usage().Bytes != 0 {
		t.Errorf("left: %v, %+v", found, p.Usage())
	}
}

// TestKeepAndSweepTogether has contents that share files come and go: what a
// Keep has given is whole until a Sweep was told that nobody needs it.
func TestKeepAndSweepTogether(t *testing.T) {
	p := newPlace(t, Options{})
	const models = 6
	want := make([]map[string]string, models)
	digests := make([]api.Digest, models)
	for i := range models {
		name := "m" + string(rune('0'+i))
		p.write(name+"/shared", "shared by all")
		p.write(name+"/own", name)
		want[i] = map[string]string{"shared": "shared by all", "own": name}
		digests[i] = p.mustKeep(p.digest(api.FileModel, name))[0]
	}
	var mu sync.Mutex
	needed := map[string]bool{}
	stop := make(chan struct{})
	var sweeper, keepers sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := p.Sweep(func(sha string) bool { mu.Lock(); defer mu.Unlock(); return needed[sha] }); err != nil {
				t.Error(err)
			}
		}
	})
	for g := range 2 {
		keepers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range 25 {
				i := random.IntN(models/2) + g*models/2
				mu.Lock()
				needed[digests[i].SHA256] = true
				mu.Unlock()
				kept, err := p.Keep(context.Background(), digests[i:i+1])
				if err != nil {
					t.Error(err)
					return
				}
				p.is(kept[0], want[i])
				mu.Lock()
				delete(needed, digests[i].SHA256)
				mu.Unlock()
			}
		})
	}
	keepers.Wait()
	close(stop)
	sweeper.Wait()
	if err := p.Sweep(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if found := names(t, p.store); len(found) != 0 {
		t.Errorf("left: %v", found)
	}
}

// TestSweepInTheMiddleOfAKeep: nobody needs yet what a running Keep has found
// to be kept already, or has just stored.
func TestSweepInTheMiddleOfAKeep(t *testing.T) {
	for _, moment := range []string{"take", "sync", "tree", "name", "last"} {
		p := newPlace(t, Options{})
		p.write("old/a", "a")
		p.write("new/a", "a")
		p.write("new/b", "b")
		old := p.mustKeep(p.digest(api.FileModel, "old"))[0]
		swept := 0
		p.step = func(name string) error {
			if name == moment && swept == 0 {
				swept++
				return p.Sweep(func(string) bool { return false })
			}
			return nil
		}
		kept := p.mustKeep(old, p.digest(api.FileModel, "new"))
		p.is(kept[0], map[string]string{"a": "a"})
		p.is(kept[1], map[string]string{"a": "a", "b": "b"})
		if swept != 1 {
			t.Errorf("%s: no such step", moment)
		}
	}
}

// TestOpenAmongLeftovers has the store opened with anything in it: it holds what
// is whole, and nothing else.
func TestOpenAmongLeftovers(t *testing.T) {
	p := newPlace(t, Options{})
	p.write("model/a", "a")
	d := p.mustKeep(p.digest(api.FileModel, "model"))[0]
	whole := names(t, p.store)
	other := strings.Repeat("ab", 32)
	for _, name := range []string{
		"tmp/7/x", "tmp/file", "objects/ab/" + other, "objects/zz", "objects/ca/x", "objects/ab/" + other + "x/deep",
		"trees/" + other + "/model/a", "trees/file", "manifests/" + other, "manifests/x/y", "manifests/.hidden",
	} {
		for _, text := range []string{"", "{}", `{"sha256":"` + other + `","folder":true,"items":[{"kind":45,"sha256":"../../x"}]}`} {
			write(t, filepath.Join(p.store, name), text)
			p.open(Options{})
			p.is(d, map[string]string{"a": "a"})
			if now := names(t, p.store); len(now) != len(whole) {
				t.Errorf("%s %q: left %v, want %v", name, text, now, whole)
			}
		}
	}
	if err := os.Truncate(filepath.Join(p.store, "manifests", d.SHA256), 10); err != nil {
		t.Fatal(err)
	}
	p.open(Options{})
	if len(p.Notes()) != 1 || p.Kept(d) != "" || p.Usage().Bytes != 0 {
		t.Errorf("damaged list: %v, %q, %+v", p.Notes(), p.Kept(d), p.Usage())
	}
}
