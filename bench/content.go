package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/content"
	quantiles "sluice.dev/sluice/internal/load"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
)

// contentBench measures the reading and the keeping of a large file beside
// cat, sha256sum and cp, each from a cold page cache, and what each of them does to
// turns of a controller: a decision for 1,000 replicas and a commit to a
// database on the same disk, in the process that hashes and keeps, ten
// milliseconds from each other.
type contentBench struct {
	size   int64 // MiB
	rounds int
	dir    string
}

func contentFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &contentBench{}
	f.Int64Var(&b.size, "mib", 1024, "size of the file")
	f.IntVar(&b.rounds, "rounds", 3, "times that each reads the file")
	f.StringVar(&b.dir, "dir", "", "folder on the disk to be measured, three times the size of the file free (default the one for temporary files)")
	return b.run
}

const (
	hashRatio = "hash / sha256sum: time"
	keepRatio = "keep / cp and sync: time"
)

func (b *contentBench) run(ctx context.Context, r *report) error {
	dir, err := os.MkdirTemp(b.dir, "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "model.bin")
	if err := fill(file, b.size<<20); err != nil {
		return err
	}
	turns, err := newTurns(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	defer turns.store.Close()
	for range b.rounds {
		if err := b.round(ctx, r, dir, file, turns); err != nil {
			return err
		}
	}
	return nil
}

func (b *contentBench) round(ctx context.Context, r *report, dir, file string, turns *turns) error {
	copied, artifacts := filepath.Join(dir, "copy.bin"), filepath.Join(dir, "artifacts")
	works := []struct {
		name string
		do   func() error
	}{
		{"idle", func() error { time.Sleep(2 * time.Second); return nil }},
		{"cat", func() error { return exec.CommandContext(ctx, "cat", file).Run() }}, // the speed of the disk
		{"sha256sum", func() error { return exec.CommandContext(ctx, "sha256sum", file).Run() }},
		{"hash", func() error { return hashFile(ctx, file) }},
		{"cp and sync", func() error {
			return errors.Join(exec.CommandContext(ctx, "cp", file, copied).Run(), exec.CommandContext(ctx, "sync", copied).Run())
		}},
		{"keep", func() error { return keepFile(ctx, file, artifacts, r) }},
	}
	took := map[string]float64{}
	for _, w := range works {
		if err := forget(file); err != nil {
			return err
		}
		began := time.Now()
		samples, err := turns.during(ctx, w.do)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		took[w.name] = time.Since(began).Seconds()
		if w.name != "idle" {
			r.add(w.name+": speed", "MiB/s", float64(b.size)/took[w.name])
		}
		r.add("turn during "+w.name+": p50", "ms", milliseconds(quantiles.Quantile(samples, 0.5)))
		r.add("turn during "+w.name+": p99", "ms", milliseconds(quantiles.Quantile(samples, 0.99)))
		r.add("turn during "+w.name+": longest", "ms", milliseconds(quantiles.Quantile(samples, 1)))
		if err := errors.Join(os.RemoveAll(copied), os.RemoveAll(artifacts)); err != nil {
			return err
		}
	}
	r.add("hash / cat: time", "", took["hash"]/took["cat"])
	r.add(hashRatio, "", took["hash"]/took["sha256sum"])
	r.add(keepRatio, "", took["keep"]/took["cp and sync"])
	r.add("keep / cp, sync and sha256sum: time", "", took["keep"]/(took["cp and sync"]+took["sha256sum"])) // keep does both
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func hashFile(ctx context.Context, file string) error {
	f := content.New()
	hashed, err := f.Hash(ctx, f.Digests([]api.File{{Kind: api.FileModel, Path: file}}))
	if err == nil && hashed[0].SHA256 == "" {
		err = errors.New("no hash")
	}
	return err
}

func keepFile(ctx context.Context, file, artifacts string, r *report) error {
	a, err := content.Open(artifacts, content.Options{MaxBytes: 1 << 50})
	if err != nil {
		return err
	}
	if a.Usage().Reflinks && r.find("keep: speed") == nil {
		r.note("this file system shares blocks: keep clones the file and then reads it, and cp clones it")
	}
	kept, err := a.Keep(ctx, a.Digests([]api.File{{Kind: api.FileModel, Path: file}}))
	if err == nil && a.Kept(kept[0]) == "" {
		err = errors.New("nothing was kept")
	}
	return err
}

// fill writes bytes that no file system can make fewer of.
func fill(file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	source := rand.NewChaCha8([32]byte{1})
	buffer := make([]byte, 1<<20)
	for ; size > 0 && err == nil; size -= int64(len(buffer)) {
		_, _ = source.Read(buffer)
		_, err = f.Write(buffer[:min(size, int64(len(buffer)))])
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// turns are what a controller does all the time.
type turns struct {
	store *sqlite.Store
	state *rollout.State
	n     int
}

func newTurns(ctx context.Context, data string) (*turns, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, data)
	if err != nil {
		return nil, err
	}
	return &turns{store: s, state: midway(1000, true)}, nil
}

// during takes turns until the work is done, and tells how long each took.
func (t *turns) during(ctx context.Context, work func() error) ([]time.Duration, error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	var samples []time.Duration
	for {
		select {
		case err := <-done:
			return samples, err
		case <-time.After(10 * time.Millisecond):
		}
		began := time.Now()
		rollout.Decide(t.state)
		t.n++
		_, err := t.store.Commit(ctx, store.Change{
			Name: "s", Service: &store.Service{Core: rollout.Service{Name: "s", Latest: t.n}},
			Events: []api.Event{{Reason: "Turn"}},
		})
		if err != nil {
			return nil, errors.Join(err, <-done)
		}
		samples = append(samples, time.Since(began))
	}
}
