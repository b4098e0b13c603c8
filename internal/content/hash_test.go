package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func hashed(t *testing.T, f *Files, d api.Digest) api.Digest {
	t.Helper()
	list, err := f.Hash(context.Background(), []api.Digest{d})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func stateOf(f *Files, path string) api.Digest {
	return f.Digests([]api.File{{Kind: api.FileModel, Path: path}})[0]
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestHashOfAFolder builds the list by hand, as the package comment says it.
func TestHashOfAFolder(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	write(t, filepath.Join(model, "b.bin"), "bee")
	write(t, filepath.Join(model, "a", "run"), "run")
	write(t, filepath.Join(dir, "blobs", "x"), "blob")
	write(t, filepath.Join(dir, "more", "y"), "y")
	for link, target := range map[string]string{
		"c.bin": "../blobs/x", "d": "../more", "loop": ".", "nowhere": "gone/file",
	} {
		if err := os.Symlink(target, filepath.Join(model, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(model, "hollow"), 0o755), os.Chmod(filepath.Join(model, "a", "run"), 0o755),
		syscall.Mkfifo(filepath.Join(model, "pipe"), 0o644)); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll("a/run|x|3|"+sha("run")+"||"+"b.bin|-|3|"+sha("bee")+"||"+"c.bin|-|4|"+sha("blob")+"||"+
		"d/y|-|1|"+sha("y")+"||"+"hollow|d|0|||"+"loop|l|0||.|"+"nowhere|l|0||gone/file|", "|", "\x00")
	f := New()
	d := hashed(t, f, stateOf(f, model))
	if d.SHA256 != sha(want) || d.Bytes != 11 {
		t.Errorf("%+v, want %s and 11 bytes", d, sha(want))
	}
	if now, why := f.Compare(context.Background(), d, false); now != history.Same || !strings.Contains(why, "2 links lead to no file, first loop -> .") {
		t.Errorf("%s: %s", now, why)
	}
	stat := d.Stat
	if err := os.WriteFile(filepath.Join(dir, "blobs", "x"), []byte("BLOB"), 0o644); err != nil {
		t.Fatal(err)
	}
	if stateOf(f, model).Stat == stat {
		t.Error("a write to what a link means is not seen")
	}
}

func TestHashIsAsSha256sumPrints(t *testing.T) {
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "big")
	write(t, path, strings.Repeat("0123456789", 3*bufferSize/10))
	out, err := exec.Command(program, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	f := New()
	if d := hashed(t, f, stateOf(f, path)); d.SHA256 != strings.Fields(string(out))[0] {
		t.Errorf("%s, and sha256sum: %s", d.SHA256, out)
	}
}

// growing appends to a file each time that a buffer of it was read.
type growing struct {
	t    *testing.T
	path string
}

func (g growing) Write(p []byte) (int, error) {
	f, err := os.OpenFile(g.path, os.O_WRONLY, 0)
	if err != nil {
		g.t.Error(err)
		return 0, err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte("!"), 0)
	return len(p), err
}

func TestFileThatChangesWhileItIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	write(t, path, strings.Repeat("x", 3*bufferSize))
	tree, err := look(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sumFile(context.Background(), path, tree.entries[0].id, growing{t, path}, &reading{})
	if !errors.Is(err, errChanged) {
		t.Errorf("written to: %v", err)
	}
	// A write while Hash reads leaves no hash, whatever moment it falls on.
	f := New()
	stop := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = growing{t, path}.Write(nil)
			}
		}
	}()
	for range 5 {
		if d := hashed(t, f, stateOf(f, path)); d.SHA256 != "" {
			t.Errorf("a file that is being written to has the hash %s", d.SHA256)
		}
	}
	close(stop)
	<-written
	if d := hashed(t, f, stateOf(f, path)); d.SHA256 != sha("!"+strings.Repeat("x", 3*bufferSize-1)) {
		t.Errorf("afterwards: %+v", d)
	}
}

func TestHashIsCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	write(t, path, "x")
	f := New()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Hash(ctx, []api.Digest{stateOf(f, path)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f.slot <- struct{}{} // another Hash runs
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := f.Hash(ctx, []api.Digest{stateOf(f, path)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	write(t, path, "12345")
	f := New()
	tree, err := look(path)
	if err != nil {
		t.Fatal(err)
	}
	r, end := f.desk.begin(tree)
	r.done.Add(3)
	if p := f.Progress(); len(p) != 1 || p[0] != (api.Hashing{Path: path, Done: 3, Total: 5}) {
		t.Errorf("%+v", p)
	}
	end()
	if p := f.Progress(); len(p) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model")
	again := func(text string, ago time.Duration) func(t *testing.T) {
		return func(t *testing.T) {
			write(t, path, text)
			at := time.Now().Add(-ago)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name      string
		change    func(t *testing.T)
		unhashed  bool
		now, full history.Condition
		why       string
	}{
		{name: "nothing", change: func(*testing.T) {}, now: history.Same, full: history.Same},
		{name: "touched", change: again("weights", time.Hour), now: history.Unsure, full: history.Same, why: ""},
		{name: "touched, never hashed", change: again("weights", time.Hour), unhashed: true, now: history.Changed, full: history.Changed, why: "another inode, size or times"},
		{name: "other content", change: again("WEIGHTS", time.Hour), now: history.Unsure, full: history.Changed, why: "its content is another one"},
		{name: "other size", change: again("more weights", time.Hour), now: history.Changed, full: history.Changed, why: "it has 12 bytes and had 7"},
		{name: "removed", change: func(*testing.T) { os.Remove(path) }, now: history.Missing, full: history.Missing, why: path + " does not exist"},
		{name: "dangling", change: func(t *testing.T) {
			if err := errors.Join(os.Remove(path), os.Symlink("not/here", path)); err != nil {
				t.Fatal(err)
			}
		}, now: history.Missing, full: history.Missing, why: path + " is a link to not/here, which does not exist"},
		{name: "a pipe", change: func(t *testing.T) {
			if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)); err != nil {
				t.Fatal(err)
			}
		}, now: history.Missing, full: history.Missing, why: "neither a file nor a folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(path)
			write(t, path, "weights")
			f := New()
			d := stateOf(f, path)
			if !c.unhashed {
				d = hashed(t, f, d)
			}
			c.change(t)
			if now, _ := f.Compare(context.Background(), d, false); now != c.now {
				t.Errorf("cheap: %s, want %s", now, c.now)
			}
			now, why := f.Compare(context.Background(), d, true)
			if now != c.full || !strings.Contains(why, c.why) || now != history.Same && why == "" {
				t.Errorf("full: %s, %q; want %s, %q", now, why, c.full, c.why)
			}
			if now, again := f.Compare(context.Background(), d, false); now != c.full || again != why {
				t.Errorf("cheap afterwards: %s, %q; want %s, %q", now, again, c.full, why)
			}
		})
	}
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	p := newPlace(t, Options{})
	for i := range 12 {
		p.write(fmt.Sprintf("v1/%02d.json", i), "text")
	}
	d := p.mustKeep(p.digest(api.FileModel, "v1"))[0]
	p.write("v1/03.json", "TEXT")
	p.write("v1/12.json", "text")
	os.Remove(p.path("v1/07.json"))
	now, why := p.Compare(context.Background(), d, true)
	if want := p.path("v1") + " changed since: 3 of 13 files differ, first 03.json"; now != history.Changed || why != want {
		t.Errorf("%s: %s, want %s", now, why, want)
	}
}

// TestManyFiles: 2,000 here, since making files takes long; BenchmarkManyFiles has 100,000.
func TestManyFiles(t *testing.T) {
	p := newPlace(t, Options{})
	many(t, p.files, 2_000)
	d := p.Digests([]api.File{{Kind: api.FileModel, Path: p.files}})[0]
	kept := p.mustKeep(d)[0]
	if u := p.Usage(); kept.Bytes != 2_000*6 || u.Bytes != 1000*6 {
		t.Errorf("%+v, %+v", kept, u)
	}
	if p.Kept(kept) == "" {
		t.Error("not kept")
	}
	if now, why := p.Compare(context.Background(), kept, true); now != history.Same {
		t.Errorf("%s: %s", now, why)
	}
}

// many makes files in folders of a thousand, of a thousand different contents.
func many(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		at := filepath.Join(dir, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(at, fmt.Sprintf("%06d", i)), fmt.Appendf(nil, "%06d", i%1000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkManyFiles(b *testing.B) {
	dir := b.TempDir()
	many(b, dir, 100_000)
	f := New()
	files := []api.File{{Kind: api.FileModel, Path: dir}}
	d := f.Digests(files)
	b.Run("state", func(b *testing.B) {
		for b.Loop() {
			f.Digests(files)
		}
	})
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			if h, err := New().Hash(context.Background(), d); err != nil || h[0].SHA256 == "" {
				b.Fatal(h, err)
			}
		}
	})
	b.Run("keep", func(b *testing.B) {
		for b.Loop() {
			a, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			kept, err := a.Keep(context.Background(), d)
			if err != nil {
				b.Fatal(err)
			}
			if a.Kept(kept[0]) == "" {
				b.Fatal("not kept")
			}
		}
	})
}
