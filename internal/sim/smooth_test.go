package sim

import (
	"testing"
	"time"

	"sluice.dev/sluice/internal/store/memory"
)

// TestSmooth: ten replicas, two at a time, take five times as long as one.
func TestSmooth(t *testing.T) {
	took, err := Smooth{Seed: 1, Replicas: 10, Surge: 2, Startup: 20 * time.Second, Store: memory.New()}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if shortest := 5 * 20 * time.Second; took < shortest || took > shortest+shortest/100 {
		t.Errorf("took %s, the shortest possible is %s", took, shortest)
	}
}
