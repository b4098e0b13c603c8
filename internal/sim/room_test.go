package sim

import (
	"testing"

	"sluice.dev/sluice/internal/store/memory"
)

// TestRoomIsScarceAtTimes: the schedules make replicas wait for room; without it
// the promises about resource groups would be checked by nobody.
func TestRoomIsScarceAtTimes(t *testing.T) {
	worlds, pending := 0, 0
	for seed := uint64(1); worlds < 5; seed++ {
		if newRoom(seed) == nil {
			continue
		}
		worlds++
		r := Run(Config{Seed: seed, Steps: 2000, Store: memory.New()})
		if r.Err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, r.Err, r.Story)
		}
		pending += r.Pending
	}
	if pending < worlds {
		t.Errorf("%d replicas had to wait in %d worlds", pending, worlds)
	}
}
