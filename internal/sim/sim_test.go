package sim

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/store/memory"
	"sluice.dev/sluice/internal/store/sqlite"
)

var (
	seed   = flag.Uint64("seed", 0, "make this one run, and tell its story")
	steps  = flag.Int("steps", 4000, "things that happen in each run, before it settles")
	onDisk = flag.Int("disk", 3000, "things that happen in all runs on SQLite together")
	first  = flag.Uint64("first", 0, "begin after this seed")
	total  = flag.Int("total", 150_000, "things that happen in all runs together")
)

func run(seed uint64) Result {
	return Run(Config{Seed: seed, Steps: *steps, Store: memory.New()})
}

// TestSeeds makes runs, on every core, until enough has happened. A longer one:
//
//	go test ./internal/sim -run TestSeeds -total 10000000 -timeout 30m
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		r := run(*seed)
		t.Logf("%d steps\n%s", r.Steps, r.Story)
		if r.Err != nil {
			t.Error(r.Err)
		}
		return
	}
	began := time.Now()
	var happened, runs atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for happened.Load() < int64(*total) && !t.Failed() {
				seed := uint64(runs.Add(1)) + *first
				r := run(seed)
				happened.Add(int64(r.Steps))
				if r.Err != nil {
					t.Errorf("seed %d: %v\n%s\nreplay: go test ./internal/sim -run TestSeeds -v -seed %d -steps %d", seed, r.Err, r.Story, seed, *steps)
				}
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	t.Logf("%d steps in %d runs, %s, %.0f a second", happened.Load(), runs.Load(), took.Round(time.Millisecond), float64(happened.Load())/took.Seconds())
}

// TestOnSQLite makes runs on the store of production.
func TestOnSQLite(t *testing.T) {
	happened := 0
	for seed := uint64(1); happened < *onDisk; seed++ {
		st, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		r := Run(Config{Seed: seed, Steps: min(*steps, *onDisk), Store: st})
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		happened += r.Steps
		if r.Err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, r.Err, r.Story)
		}
	}
}

// TestReplay: a run is a function of its seed.
func TestReplay(t *testing.T) {
	a, b := run(7), run(7)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("twice the same seed:\n%s\n---\n%s", a.Story, b.Story)
	}
}
