package runtimetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/testserver"
)

func testStart(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec())
	before := time.Now()
	h := s.start(t, l)
	if h.Attempt != 1 || h.Pid == 0 || h.StartTime == 0 || h.BootID == "" || h.StartedAt.Before(before.Add(-time.Second)) {
		t.Errorf("handle %+v", h)
	}
	e := s.events.Await(t, l.Replica, runtime.Healthy, 1)
	if e.Attempt != 1 || e.At.IsZero() {
		t.Errorf("event %+v", e)
	}
	if again := s.start(t, l); again != h {
		t.Errorf("the repeat of a start returned %+v, want %+v", again, h)
	}

	state := testserver.GetState(t, h.Address)
	env := strings.Join(state.Env, "\n") + "\n"
	for _, want := range []string{"SLUICE_SERVICE=sentiment\n", "SLUICE_VERSION=3\n", "SLUICE_REPLICA=" + l.Replica + "\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("no %q in the environment:\n%s", want, env)
		}
	}

	other := s.ready(t, launch("sentiment-3-b", s.Spec()))
	if other.Address == h.Address || other.Pid == h.Pid {
		t.Errorf("two replicas are one: %+v, %+v", h, other)
	}
	if n := len(s.events.Of(l.Replica)); n != 1 {
		t.Errorf("events %+v, want one", s.events.Of(l.Replica))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.rt.Start(ctx, launch("sentiment-3-c", s.Spec())); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with a context that is done: %v", err)
	}
}

// testStartAtOnce repeats one start from many goroutines.
func testStartAtOnce(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec())
	handles := make([]runtime.Handle, 8)
	var all sync.WaitGroup
	for i := range handles {
		all.Go(func() {
			var err error
			if handles[i], err = s.rt.Start(t.Context(), l); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, h := range handles {
		if h != handles[0] {
			t.Fatalf("one start made two processes: %+v", handles)
		}
	}
}

func testUnstartable(t *testing.T, s *stage) {
	spec, word := s.Unstartable()
	_, err := s.rt.Start(t.Context(), launch("sentiment-3-a", spec))
	var unstartable *runtime.UnstartableError
	if !errors.As(err, &unstartable) || !strings.Contains(err.Error(), word) {
		t.Errorf("Start: %v, want an UnstartableError with %q in it", err, word)
	}
	if got := s.events.Of("sentiment-3-a"); len(got) != 0 {
		t.Errorf("events of a replica that never started: %+v", got)
	}
	// The way out: the same replica once what was missing is there.
	s.ready(t, launch("sentiment-3-a", s.Spec()))
}

func testExit(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-never-listen", "-print", "100", "-exit-after", "0s", "-exit-code", "3"))
	s.start(t, l)
	e := s.events.Await(t, l.Replica, runtime.Exited, 1)
	if e.Exit == nil || !e.Exit.Known || e.Exit.Code != 3 || e.Exit.Signal != "" || e.Exit.At.IsZero() || e.Attempt != 1 {
		t.Fatalf("event %+v, exit %+v", e, e.Exit)
	}
	if n := len(e.Exit.Lines); n == 0 || e.Exit.Lines[n-1] != "line 100" {
		t.Errorf("last lines %q", e.Exit.Lines)
	}
	if !strings.Contains(e.Reason, "3") {
		t.Errorf("reason %q", e.Reason)
	}
	time.Sleep(50 * time.Millisecond) // long enough for a second report of the same
	if got := s.events.Of(l.Replica); len(got) != 1 {
		t.Errorf("events %+v, want one", got)
	}
}

func testCrash(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec())
	h := s.ready(t, l)
	testserver.Post(t, h.Address, "/crash?code=7")
	if e := s.events.Await(t, l.Replica, runtime.Exited, 1); e.Exit.Code != 7 {
		t.Errorf("exit %+v", e.Exit)
	}
	Eventually(t, func() bool { return !answers(h.Address) }, "the port to be closed")
}

func testNextAttempt(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec())
	h := s.ready(t, l)
	l.Attempt = 2
	if _, err := s.rt.Start(t.Context(), l); err == nil {
		t.Error("attempt 2 was started beside attempt 1")
	}
	testserver.Post(t, h.Address, "/crash?code=1")
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	again := s.start(t, l)
	if again.Attempt != 2 || again.Pid == h.Pid && again.StartTime == h.StartTime {
		t.Errorf("attempt 2 is %+v, attempt 1 was %+v", again, h)
	}
	if e := s.events.Await(t, l.Replica, runtime.Healthy, 2); e.Attempt != 2 {
		t.Errorf("healthy: %+v", e)
	}
	// Only what attempt 2 wrote is its reason.
	testserver.Post(t, again.Address, "/print?n=1")
	testserver.Post(t, again.Address, "/crash?code=1")
	e := s.events.Await(t, l.Replica, runtime.Exited, 2)
	if len(e.Exit.Lines) != 2 || e.Exit.Lines[1] != "printed 1" {
		t.Errorf("last lines of attempt 2: %q", e.Exit.Lines)
	}
}
