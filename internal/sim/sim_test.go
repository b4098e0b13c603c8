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
)

var (
	seed  = flag.Uint64("seed", 0, "make this one run, and tell its story")
	steps = flag.Int("steps", 4000, "things that happen in each run, before it settles")
	first = flag.Uint64("first", 0, "begin after this seed")
	total = flag.Int("total", 300_000, "things that happen in all runs together")
)

func run(seed uint64) Result {
	return Run(Config{Seed: seed, Steps: *steps, Store: memory.New()})
}

// TestSeeds makes runs, on every core, until enough has happened. A longer one:
//
//	go test ./internal/sim -run TestSeeds -total 10000000 -timeout 30m
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		t.Skip("one seed was asked for")
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
					t.Errorf("seed %d: %v\n%s\nreplay: go test ./internal/sim -run TestSeed$ -seed %d -steps %d", seed, r.Err, r.Story, seed, *steps)
				}
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	t.Logf("%d steps in %d runs, %s, %.0f a second", happened.Load(), runs.Load(), took.Round(time.Millisecond), float64(happened.Load())/took.Seconds())
}

// TestSeed makes one run again.
func TestSeed(t *testing.T) {
	if *seed == 0 {
		t.Skip("no seed was asked for")
	}
	if r := run(*seed); r.Err != nil {
		t.Fatalf("%v\n%s", r.Err, r.Story)
	}
}

// TestReplay: a run is a function of its seed.
func TestReplay(t *testing.T) {
	a, b := run(7), run(7)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("twice the same seed:\n%s\n---\n%s", a.Story, b.Story)
	}
}
