package runtimetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/testserver"
)

func testChecks(t *testing.T, s *stage) {
	spec := s.Spec("-unready")
	spec.Container.Startup = httpCheck("/live")
	spec.Container.Health = httpCheck("/ready")
	l := launch("sentiment-3-a", spec)
	h := s.start(t, l)
	Eventually(t, func() bool { return answers(h.Address) }, "the port to open")
	time.Sleep(100 * time.Millisecond) // long enough for wrong reports
	if got := s.events.Of(l.Replica); len(got) != 0 {
		t.Errorf("events before the check passed for the first time: %+v", got)
	}
	testserver.Post(t, h.Address, "/ready")
	s.events.Await(t, l.Replica, runtime.Healthy, 1)
	testserver.Post(t, h.Address, "/unready")
	e := s.events.Await(t, l.Replica, runtime.Unhealthy, 1)
	if !strings.Contains(e.Reason, "503") || !strings.Contains(e.Reason, "health_check") {
		t.Errorf("unhealthy because %q", e.Reason)
	}
	testserver.Post(t, h.Address, "/ready")
	s.events.Await(t, l.Replica, runtime.Healthy, 2)
	if got := s.events.Of(l.Replica); len(got) != 3 {
		t.Errorf("events %+v, want healthy, unhealthy, healthy", got)
	}
}

// testExecCheck: the command runs where the replica does, and knows its port.
func testExecCheck(t *testing.T, s *stage) {
	spec := s.Spec("-unready")
	spec.Container.Health = httpCheck("/", func(c *api.Check) {
		c.HTTP, c.FailureThreshold = nil, 1
		c.Exec = &api.ExecCheck{Command: []string{"sh", "-c", `test -n "$PORT" && test -e ready || { echo no file for "$SLUICE_REPLICA"; exit 7; }`}}
	})
	l := launch("sentiment-3-a", spec)
	s.start(t, l)
	e := s.events.Await(t, l.Replica, runtime.NotYet, 1)
	for _, part := range []string{"health_check", "exit code 7", "no file for sentiment-3-a"} {
		if !strings.Contains(e.Reason, part) {
			t.Errorf("%q does not say %q", e.Reason, part)
		}
	}
	ready := filepath.Join(spec.Container.WorkingDir, "ready")
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.events.Await(t, l.Replica, runtime.Healthy, 1)
	if err := os.Remove(ready); err != nil {
		t.Fatal(err)
	}
	s.events.Await(t, l.Replica, runtime.Unhealthy, 1)
}

// testGRPCCheck: the port is the replica's, and SERVING is success.
func testGRPCCheck(t *testing.T, s *stage) {
	spec := s.Spec("-unready", "-grpc")
	spec.Container.Health = httpCheck("/", func(c *api.Check) { c.HTTP, c.GRPC = nil, &api.GRPCCheck{Service: "model"} })
	l := launch("sentiment-3-a", spec)
	h := s.start(t, l)
	if e := s.events.Await(t, l.Replica, runtime.NotYet, 1); !strings.Contains(e.Reason, "health_check failed: grpc") {
		t.Errorf("not healthy because %q", e.Reason)
	}
	Eventually(t, func() bool { return answers(h.Address) }, "the port to open")
	testserver.Post(t, h.Address, "/ready")
	s.events.Await(t, l.Replica, runtime.Healthy, 1)
	testserver.Post(t, h.Address, "/unready")
	if e := s.events.Await(t, l.Replica, runtime.Unhealthy, 1); !strings.Contains(e.Reason, "NOT_SERVING") {
		t.Errorf("unhealthy because %q", e.Reason)
	}
}

func testNotLive(t *testing.T, s *stage) {
	spec := s.Spec("-unready")
	spec.Container.Liveness = httpCheck("/ready")
	l := launch("sentiment-3-a", spec)
	s.start(t, l)
	if e := s.events.Await(t, l.Replica, runtime.NotLive, 1); !strings.Contains(e.Reason, "liveness_check") {
		t.Errorf("not live because %q", e.Reason)
	}
	time.Sleep(100 * time.Millisecond) // long enough for a second report
	if got := s.events.Of(l.Replica, runtime.NotLive); len(got) != 1 {
		t.Errorf("reported %d times", len(got))
	}
	if got := s.events.Of(l.Replica, runtime.Exited); len(got) != 0 {
		t.Error("the runtime ended it by itself")
	}
}

func testQuiet(t *testing.T, s *stage) {
	spec := s.Spec()
	spec.Container.Startup = httpCheck("/ready") // or liveness would fail before the port opens
	spec.Container.Health = httpCheck("/ready")
	spec.Container.Liveness = httpCheck("/ready")
	l := launch("sentiment-3-a", spec)
	h := s.ready(t, l)
	s.rt.Quiet(l.Replica)
	testserver.Post(t, h.Address, "/unready")
	time.Sleep(200 * time.Millisecond) // ten periods
	if got := s.events.Of(l.Replica, runtime.Unhealthy, runtime.NotLive); len(got) != 0 {
		t.Errorf("a quiet replica was reported: %+v", got)
	}
	if err := s.rt.Kill(t.Context(), l.Replica); err != nil {
		t.Error(err)
	}
	s.events.Await(t, l.Replica, runtime.Exited, 1) // its end still is
}
