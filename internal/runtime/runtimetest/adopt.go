package runtimetest

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/testserver"
)

// testAdopt: what runs goes on untouched, and is under the same care as before.
func testAdopt(t *testing.T, s *stage) {
	recorded := launch("sentiment-3-a", s.Spec("-drain", "50ms"))
	unrecorded := launch("sentiment-3-b", s.Spec())
	h := s.ready(t, recorded)
	other := s.ready(t, unrecorded)
	s.restart(t)
	got := s.adopt(t,
		runtime.Adoption{Launch: recorded, Handle: &h, Healthy: true},
		runtime.Adoption{Launch: unrecorded})
	if got[0].Exit != nil || got[0].Handle == nil || *got[0].Handle != h {
		t.Errorf("adopted %+v, want %+v", got[0].Handle, h)
	}
	if found := got[1].Handle; got[1].Exit != nil || found == nil ||
		found.Pid != other.Pid || found.Address != other.Address || found.StartTime != other.StartTime ||
		found.BootID != other.BootID || found.Attempt != other.Attempt || found.StartedAt.Sub(other.StartedAt).Abs() > 5*time.Second {
		t.Errorf("found %+v, want %+v", found, other)
	}
	for _, l := range []runtime.Launch{recorded, unrecorded} {
		want := h
		if l.Replica == unrecorded.Replica {
			want = *got[1].Handle
		}
		if again := s.start(t, l); again != want {
			t.Errorf("the repeat of a start after adoption is %+v, want %+v", again, want)
		}
	}
	if testserver.GetState(t, h.Address).Pid != h.Pid {
		t.Error("another process serves at the address of an adopted replica")
	}
	// Its port is its own.
	if third := s.ready(t, launch("sentiment-3-c", s.Spec())); third.Address == h.Address || third.Address == other.Address {
		t.Errorf("a new replica got the address %s of an adopted one", third.Address)
	}
	// Terminate and Kill reach it, its end is reported.
	if err := s.rt.Terminate(t.Context(), recorded.Replica); err != nil {
		t.Error(err)
	}
	if err := s.rt.Kill(t.Context(), unrecorded.Replica); err != nil {
		t.Error(err)
	}
	for _, id := range []string{recorded.Replica, unrecorded.Replica} {
		if e := s.events.Await(t, id, runtime.Exited, 1); e.Attempt != 1 || e.Exit == nil {
			t.Errorf("event %+v", e)
		}
	}
}

func testAdoptEnded(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-print", "3", "-exit-after", "0s", "-exit-code", "1", "-never-listen"))
	h := s.start(t, l)
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	rebooted := h
	rebooted.BootID = "another boot"
	s.restart(t)
	never := launch("sentiment-3-never", s.Spec())
	before := launch("sentiment-3-before", s.Spec())
	got := s.adopt(t,
		runtime.Adoption{Launch: l, Handle: &h, Healthy: true},
		runtime.Adoption{Launch: never},
		runtime.Adoption{Launch: before, Handle: &rebooted})
	if got[0].Handle != nil || got[0].Exit == nil || got[0].Exit.Known || got[0].Exit.At.IsZero() {
		t.Errorf("ended: %+v, exit %+v", got[0], got[0].Exit)
	} else if !strings.Contains(strings.Join(got[0].Exit.Lines, "\n"), "line 3") {
		t.Errorf("last lines %q", got[0].Exit.Lines)
	}
	if got[1].Handle != nil || got[1].Exit != nil {
		t.Errorf("never started: %+v", got[1])
	}
	if got[2].Handle != nil || got[2].Exit == nil {
		t.Errorf("of another boot: %+v", got[2])
	}
	// All three can be started now.
	for _, l := range []runtime.Launch{l, never, before} {
		l.Attempt, l.Spec = 2, s.Spec()
		s.ready(t, l)
	}
}

// testAdoptStrays: what no adoption names ends.
func testAdoptStrays(t *testing.T, s *stage) {
	kept, stray := launch("sentiment-3-a", s.Spec()), launch("sentiment-3-b", s.Spec())
	h := s.ready(t, kept)
	gone := s.ready(t, stray)
	s.restart(t)
	s.adopt(t, runtime.Adoption{Launch: kept, Handle: &h, Healthy: true})
	Eventually(t, func() bool { return !answers(gone.Address) }, "the unnamed replica to end")
	if !answers(h.Address) {
		t.Error("the named replica ended")
	}
}

// testAdoptChecks: health goes on from what was recorded.
func testAdoptChecks(t *testing.T, s *stage) {
	spec := s.Spec()
	spec.Container.Health = httpCheck("/ready")
	healthy, unhealthy := launch("sentiment-3-a", spec), launch("sentiment-3-b", spec)
	h, u := s.ready(t, healthy), s.ready(t, unhealthy)
	s.restart(t)
	s.adopt(t,
		runtime.Adoption{Launch: healthy, Handle: &h, Healthy: true},
		runtime.Adoption{Launch: unhealthy, Handle: &u})
	s.events.Await(t, unhealthy.Replica, runtime.Healthy, 1)
	time.Sleep(100 * time.Millisecond) // five periods
	if got := s.events.Of(healthy.Replica); len(got) != 0 {
		t.Errorf("nothing changed, yet %+v", got)
	}
	testserver.Post(t, h.Address, "/unready")
	s.events.Await(t, healthy.Replica, runtime.Unhealthy, 1)
}
