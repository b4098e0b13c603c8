package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

// TestUnstartableIsToldOnce: a replica that served and cannot be started again is
// tried for ever, every half minute; its reason is one event until it changes.
func TestUnstartableIsToldOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.create(t, 1)
		time.Sleep(time.Minute)
		count := func(reason string) (n int) {
			list, err := w.store.Events(context.Background(), store.EventQuery{Service: "s"})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if e.Reason == "ReplicaUnstartable" && strings.Contains(e.Message, reason) {
					n++
				}
			}
			return n
		}
		w.processes.refuseWith(&runtime.UnstartableError{Reason: "the model is another"})
		w.processes.end("s-1-1", "crash", 1)
		time.Sleep(10 * time.Minute)
		if calls := w.processes.called(); calls < 10 || count("the model is another") != 1 {
			t.Errorf("%d calls, and the reason is told %d times", calls, count("the model is another"))
		}
		w.processes.refuseWith(&runtime.UnstartableError{Reason: "the model is gone"})
		time.Sleep(10 * time.Minute)
		if n := count("the model is gone"); n != 1 {
			t.Errorf("the new reason is told %d times", n)
		}
		w.processes.refuseWith(nil)
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 1)
	})
}
