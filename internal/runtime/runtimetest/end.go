package runtimetest

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/testserver"
)

func testTerminate(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-drain", "100ms"))
	h := s.ready(t, l)
	slow := make(chan string)
	go func() {
		slow <- testserver.Get(t, h.Address, "/slow?d=300ms")
	}()
	Eventually(t, func() bool { return testserver.GetState(t, h.Address).InFlight == 1 }, "the request to arrive")
	if err := s.rt.Terminate(t.Context(), l.Replica); err != nil {
		t.Fatal(err)
	}
	if got := <-slow; got != "done\n" {
		t.Errorf("the request in hand was answered %q", got)
	}
	e := s.events.Await(t, l.Replica, runtime.Exited, 1)
	if !e.Exit.Known || e.Exit.Code != 0 || e.Exit.Signal != "" {
		t.Errorf("exit %+v", e.Exit)
	}
	if strings.Contains(e.Reason, "foreground") {
		t.Errorf("reason %q of an end that was asked for", e.Reason)
	}
}

func testKill(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-ignore-sigterm"))
	h := s.ready(t, l)
	for range 2 {
		if err := s.rt.Terminate(t.Context(), l.Replica); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
	if !answers(h.Address) || len(s.events.Of(l.Replica, runtime.Exited)) != 0 {
		t.Fatal("a replica that ignores SIGTERM was ended by it")
	}
	for range 2 {
		if err := s.rt.Kill(t.Context(), l.Replica); err != nil {
			t.Fatal(err)
		}
	}
	e := s.events.Await(t, l.Replica, runtime.Exited, 1)
	if !e.Exit.Known || e.Exit.Signal != "killed" {
		t.Errorf("exit %+v", e.Exit)
	}
}

func testNothingRuns(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-never-listen", "-exit-after", "0s"))
	s.start(t, l)
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	for _, id := range []string{l.Replica, "sentiment-3-unknown"} {
		if err := s.rt.Terminate(t.Context(), id); err != nil {
			t.Errorf("Terminate %s: %v", id, err)
		}
		if err := s.rt.Kill(t.Context(), id); err != nil {
			t.Errorf("Kill %s: %v", id, err)
		}
		s.rt.Quiet(id)
		s.rt.Forget(id)
	}
	if n := len(s.events.Of(l.Replica, runtime.Exited)); n != 1 {
		t.Errorf("events %+v", s.events.Of(l.Replica))
	}
}

func (s *stage) logs(t *testing.T, id string, tail int) []string {
	t.Helper()
	r, err := s.rt.Logs(t.Context(), id, tail, false)
	if err != nil {
		t.Fatal("Logs:", err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal("Logs:", err)
	}
	return lines(string(text))
}

func testLogs(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-never-listen", "-print", "50", "-exit-after", "0s", "-exit-code", "1"))
	s.start(t, l)
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	if all := s.logs(t, l.Replica, 0); len(all) != 50 || all[0] != "line 1" || all[49] != "line 50" {
		t.Errorf("all lines: %q", all)
	}
	if last := s.logs(t, l.Replica, 2); strings.Join(last, ",") != "line 49,line 50" {
		t.Errorf("the last two lines: %q", last)
	}
	if more := s.logs(t, l.Replica, 1000); len(more) != 50 {
		t.Errorf("%d lines, asked for the last 1000 of 50", len(more))
	}
}

func testFollow(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec("-print", "5"))
	h := s.ready(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := s.rt.Logs(ctx, l.Replica, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(r)
		got <- string(text)
	}()
	testserver.Post(t, h.Address, "/print?n=3")
	testserver.Post(t, h.Address, "/crash?code=1")
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	l.Attempt = 2
	s.start(t, l)
	s.events.Await(t, l.Replica, runtime.Healthy, 2)
	time.Sleep(50 * time.Millisecond) // for what is on its way
	cancel()
	select {
	case text := <-got:
		all := lines(text)
		if len(all) != 10 || !strings.HasPrefix(all[0], "listening") || all[1] != "printed 1" || all[3] != "printed 3" || all[4] != "line 1" {
			t.Errorf("followed %q", all)
		}
	case <-time.After(Patience):
		t.Error("following goes on after its context is done")
	}
}

func testForget(t *testing.T, s *stage) {
	l := launch("sentiment-3-a", s.Spec())
	h := s.ready(t, l)
	s.rt.Forget(l.Replica)
	if !answers(h.Address) || len(s.logs(t, l.Replica, 0)) == 0 {
		t.Error("Forget touched a replica that runs")
	}
	if err := s.rt.Kill(t.Context(), l.Replica); err != nil {
		t.Fatal(err)
	}
	s.events.Await(t, l.Replica, runtime.Exited, 1)
	if len(s.logs(t, l.Replica, 0)) == 0 {
		t.Error("the log of an ended replica is gone before Forget")
	}
	s.rt.Forget(l.Replica)
	if r, err := s.rt.Logs(t.Context(), l.Replica, 0, false); err == nil {
		r.Close()
		t.Error("the log of a forgotten replica is still there")
	}
}
