package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store/memory"
)

// TestPreviewFromAnywhere previews updates at random moments of random runs, with
// faults, plans and too little room: each comes to an end, keeps the highest
// bound, and does not change the course of the run.
func TestPreviewFromAnywhere(t *testing.T) {
	ends := map[api.PreviewEnding]int{}
	for seed := range uint64(40) {
		if with, without := lookAhead(t, seed, ends), lookAhead(t, seed, nil); with != without {
			t.Fatalf("seed %d: the run with previews is another", seed)
		}
	}
	for _, end := range []api.PreviewEnding{api.PreviewCompleted, api.PreviewWaiting, api.PreviewPaused} {
		if ends[end] < 2 {
			t.Errorf("%d previews end %s: that is hardly tested; %v", ends[end], end, ends)
		}
	}
}

func lookAhead(t *testing.T, seed uint64, ends map[api.PreviewEnding]int) (story string) {
	t.Helper()
	w := newWorld(Config{Seed: seed, Store: memory.New()})
	w.room = newRoom(seed)
	w.boot()
	w.after(0, nil, w.disturb)
	for i := range 25 {
		w.proceed(40, epoch.Add(1e6*time.Hour))
		if w.fault != nil {
			t.Fatalf("seed %d: %v", seed, w.fault)
		}
		if w.controller == nil || ends == nil {
			continue
		}
		for _, name := range w.services {
			file := document(fmt.Sprintf(`{"metadata": {"instance": %d}, "containers": [{"command": "./good", "env": [{"name": "LOOK", "value": "%d"}]}]}`, 1+i%5, i))
			p, err := w.controller.Preview(context.Background(), name, file, false)
			var missing *controller.NotFoundError
			var refusal *rollout.Refusal
			var invalid *api.InvalidError
			switch {
			case errors.As(err, &missing), errors.As(err, &refusal), errors.As(err, &invalid):
				continue
			case err != nil:
				t.Fatalf("seed %d: %v", seed, err)
			}
			ends[p.End.Phase]++
			most := max(p.Now.Live, p.Bounds.Desired+p.Bounds.MaxSurge)
			if p.End.Phase == "" || p.End.Phase == api.PreviewUnfinished ||
				p.End.Phase == api.PreviewStuck && !known(p.End.Text) || p.HighestLive.Replicas > most {
				t.Fatalf("seed %d, look %d: ends %+v, highest %+v of %+v", seed, i, p.End, p.HighestLive, p.Bounds)
			}
		}
	}
	return w.log.String()
}

// known are the reasons for which a rollout does not go on by itself: no room,
// and an old replica that fails its checks as it does now.
func known(stuck string) bool {
	return strings.Contains(stuck, "room for replica") || strings.Contains(stuck, "to become ready again")
}
