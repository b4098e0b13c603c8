package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
)

// TestSlowest: the highest bucket over all gateways and versions, rounded up.
func TestSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1, Known: []store.Gateway{{ID: "g1", Pid: 1}, {ID: "g2", Pid: 1}}})
		defer h.Close()
		took := func(d time.Duration) [][2]uint64 { return [][2]uint64{{uint64(wire.Bucket(d)), 1}} }
		dial(t, h, "g1", 1).report(wire.Report{All: true, Tallies: []wire.Tally{
			{Service: "a", Version: 1, Latency: took(10 * time.Millisecond)},
			{Service: "a", Version: 2, Latency: took(12 * time.Second)},
			{Service: "a", Version: 0, Latency: took(time.Minute)}, // reached no replica
			{Service: "b", Version: 1, Latency: took(time.Hour)},
		}})
		dial(t, h, "g2", 1).report(wire.Report{All: true, Tallies: []wire.Tally{{Service: "a", Version: 1, Latency: took(time.Second)}}})
		if d := h.Slowest("a"); d < 12*time.Second || d > 13*time.Second {
			t.Errorf("a: %s", d)
		}
		if d := h.Slowest("b"); d < 530*time.Second || d > 540*time.Second {
			t.Errorf("beyond the last bound: %s", d)
		}
		if d := h.Slowest("c"); d != 0 {
			t.Errorf("nothing was counted: %s", d)
		}
	})
}
