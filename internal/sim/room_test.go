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

// TestFoundSeeds makes the runs that once found a mistake.
func TestFoundSeeds(t *testing.T) {
	for seed, found := range map[uint64]string{
		21067: "a kill, decided while the replica was live, was judged by its later end",
		21266: "a start that had found no room took room when a later control plane loaded its record",
		21957: "a signal that was sent again was judged by a gateway that was out when it was decided",
		50221: "a gateway counted as caught up before it had the table decided in its absence",
	} {
		if r := Run(Config{Seed: seed, Steps: 4000, Store: memory.New()}); r.Err != nil {
			t.Errorf("seed %d (%s): %v\n%s", seed, found, r.Err, r.Story)
		}
	}
}
