package rollout

import (
	"fmt"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// BenchmarkDecide is one decision in the middle of an update.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld()
			w.Service.Strategy.MaxSurge = api.Count{Value: 2, Percent: true}
			w.Begun("s", n, w.Service.Strategy, w.target(behaviour{startup: time.Second}), "ann")
			w.run(2 * time.Second)
			w.Update(w.target(behaviour{startup: time.Second}), "ann")
			w.run(2 * time.Second)
			b.ReportAllocs()
			for b.Loop() {
				Decide(&w.State)
			}
		})
	}
}
