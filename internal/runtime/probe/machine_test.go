package probe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

// script is the outcome of the probes of one check, one letter each: "." for
// success, "x" for failure; the last one repeats.
type script string

func (s *script) next() error {
	c := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	if c == 'x' {
		return errors.New("refused")
	}
	return nil
}

// play runs a machine on a clock of its own until its age is until, probes
// taking no time, and writes down each report with its time: "healthy@0.02".
func play(m *Machine, scripts map[Kind]script, until time.Duration) (reports []string, probes map[Kind]int) {
	probes = map[Kind]int{}
	for {
		kind, _, due, ok := m.Next()
		if !ok || due.Sub(m.started) > until {
			return reports, probes
		}
		probes[kind]++
		s := scripts[kind]
		outcome := s.next()
		scripts[kind] = s
		for _, r := range m.Observe(kind, due, due, outcome) {
			reports = append(reports, fmt.Sprintf("%s@%v", r.Kind, due.Sub(m.started).Seconds()))
		}
	}
}

func tcp(change func(*api.Check)) *api.Check {
	c := &api.Check{TCP: &api.TCPCheck{}, Period: 5 * time.Second}
	if change != nil {
		change(c)
	}
	return c
}

func TestMachine(t *testing.T) {
	epoch := time.Unix(1000, 0)
	tests := []struct {
		name    string
		checks  Checks
		resume  bool
		scripts map[Kind]script
		until   time.Duration
		want    []string
	}{
		{
			name:    "ready at the first probe",
			checks:  Checks{Health: tcp(nil)},
			scripts: map[Kind]script{Health: "."},
			until:   time.Minute,
			want:    []string{"healthy@0"},
		},
		{
			name:    "failures before the first success count for nothing",
			checks:  Checks{Health: tcp(nil)},
			scripts: map[Kind]script{Health: "xxxxx."},
			until:   time.Minute,
			want:    []string{"healthy@0.1"},
		},
		{
			name:    "fails three times in a row, then recovers, at its period",
			checks:  Checks{Health: tcp(nil)},
			scripts: map[Kind]script{Health: ".xx.xxxx."},
			until:   time.Minute,
			want:    []string{"healthy@0", "unhealthy@30", "healthy@40"},
		},
		{
			name: "success_threshold counts in a row",
			checks: Checks{Health: tcp(func(c *api.Check) {
				c.SuccessThreshold, c.FailureThreshold = 2, 1
			})},
			scripts: map[Kind]script{Health: ".x..x.x.."},
			until:   time.Minute,
			want:    []string{"healthy@0.06", "unhealthy@5.06", "healthy@25.06"},
		},
		{
			name:    "the startup check holds back the others",
			checks:  Checks{Startup: tcp(nil), Health: tcp(nil), Liveness: tcp(nil)},
			scripts: map[Kind]script{Startup: "xx.", Health: ".", Liveness: "x"},
			until:   time.Minute,
			// The liveness check begins a period after the startup check.
			want: []string{"healthy@0.04", "not_live@15.04"},
		},
		{
			name: "startup success_threshold",
			checks: Checks{
				Startup: tcp(func(c *api.Check) { c.SuccessThreshold = 2 }),
				Health:  tcp(nil),
			},
			scripts: map[Kind]script{Startup: ".x..", Health: "."},
			until:   time.Minute,
			want:    []string{"healthy@0.06"},
		},
		{
			name:    "a liveness failure is reported once",
			checks:  Checks{Health: tcp(nil), Liveness: tcp(nil)},
			scripts: map[Kind]script{Health: ".", Liveness: ".xx.x"},
			until:   time.Hour,
			want:    []string{"healthy@0", "not_live@35"},
		},
		{
			name: "initial_delay delays the counting of liveness failures",
			checks: Checks{Health: tcp(nil), Liveness: tcp(func(c *api.Check) {
				c.InitialDelay, c.FailureThreshold = 30*time.Second, 1
			})},
			scripts: map[Kind]script{Health: ".", Liveness: "x"},
			until:   time.Hour,
			want:    []string{"healthy@0", "not_live@30"},
		},
		{
			name:    "initial_delay does not delay readiness",
			checks:  Checks{Health: tcp(func(c *api.Check) { c.InitialDelay = time.Minute })},
			scripts: map[Kind]script{Health: "."},
			until:   time.Minute,
			want:    []string{"healthy@0"},
		},
		{
			name: "initial_delay delays unhealthy",
			checks: Checks{Health: tcp(func(c *api.Check) {
				c.InitialDelay, c.FailureThreshold = 12*time.Second, 2
			})},
			scripts: map[Kind]script{Health: ".x"},
			until:   time.Minute,
			want:    []string{"healthy@0", "unhealthy@20"},
		},
		{
			name:    "an adopted healthy replica stays so without a report",
			checks:  Checks{Startup: tcp(nil), Health: tcp(nil)},
			resume:  true,
			scripts: map[Kind]script{Startup: "x", Health: "."},
			until:   time.Minute,
		},
		{
			name:    "an adopted healthy replica turns unhealthy",
			checks:  Checks{Startup: tcp(nil), Health: tcp(nil), Liveness: tcp(nil)},
			resume:  true,
			scripts: map[Kind]script{Startup: "x", Health: "x", Liveness: "x"},
			until:   time.Minute,
			want:    []string{"unhealthy@12.5", "not_live@12.5"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Begin(tt.checks, epoch)
			if tt.resume {
				m = Resume(tt.checks, epoch, epoch, 0.5)
			}
			got, _ := play(m, tt.scripts, tt.until)
			if !slices.Equal(got, tt.want) {
				t.Errorf("reports %v, want %v", got, tt.want)
			}
		})
	}
}

// TestReadySeenWithin100ms lets a replica become ready at any moment of its
// first ten seconds: no gap between probes may hide it for longer.
func TestReadySeenWithin100ms(t *testing.T) {
	for _, withStartup := range []bool{false, true} {
		checks := Checks{Health: tcp(func(c *api.Check) { c.Period = time.Hour })}
		if withStartup {
			checks.Startup = checks.Health
		}
		for at := time.Duration(0); at < 10*time.Second; at += 7 * time.Millisecond {
			if late := readyAt(checks, at) - at; late > 100*time.Millisecond {
				t.Fatalf("startup check %v: ready at %v, seen %v later", withStartup, at, late)
			}
		}
		if late := readyAt(checks, time.Minute) - time.Minute; late > slowed {
			t.Errorf("startup check %v: ready after a minute, seen %v later", withStartup, late)
		}
	}
}

func readyAt(checks Checks, at time.Duration) time.Duration {
	epoch := time.Unix(1000, 0)
	m := Begin(checks, epoch)
	for {
		kind, _, due, _ := m.Next()
		var outcome error
		if due.Sub(epoch) < at {
			outcome = errors.New("not yet")
		}
		for _, r := range m.Observe(kind, due, due, outcome) {
			if r.Kind == runtime.Healthy {
				return due.Sub(epoch)
			}
		}
	}
}

func TestSteadyProbingIsCheap(t *testing.T) {
	m := Begin(Checks{Health: tcp(nil), Liveness: tcp(nil)}, time.Unix(1000, 0))
	_, probes := play(m, map[Kind]script{Health: ".", Liveness: "."}, 100*time.Second)
	if probes[Health] != 21 || probes[Liveness] != 20 {
		t.Errorf("%v probes in 100 s at a period of 5 s", probes)
	}
}

func TestSlowProbeIsNotFollowedAtOnce(t *testing.T) {
	began := time.Unix(1000, 0)
	m := Begin(Checks{Health: tcp(nil)}, began)
	ended := began.Add(2 * time.Second)
	m.Observe(Health, began, ended, errors.New("no answer"))
	if _, _, due, _ := m.Next(); due.Before(ended.Add(fastest)) {
		t.Errorf("next probe %v after one that took 2 s", due.Sub(ended))
	}
}

func TestReasonNamesCheckAndCause(t *testing.T) {
	epoch := time.Unix(1000, 0)
	m := Resume(Checks{Health: tcp(nil)}, epoch, epoch, 0)
	var got []Report
	for range 3 {
		got = m.Observe(Health, epoch, epoch, errors.New("GET http://127.0.0.1:20001/ready: status 503"))
	}
	if len(got) != 1 || !strings.Contains(got[0].Reason, "health_check failed 3 times in a row: GET http://127.0.0.1:20001/ready: status 503") {
		t.Errorf("reported %v", got)
	}
}

// TestExecIsRare: a command costs a process, so that it is never run more than
// once a second, also by a new replica and whatever its period says.
func TestExecIsRare(t *testing.T) {
	exec := &api.Check{Exec: &api.ExecCheck{Command: []string{"x"}}, Period: 100 * time.Millisecond}
	for name, checks := range map[string]Checks{"startup": {Startup: exec}, "health": {Health: exec}, "liveness": {Liveness: exec}} {
		for _, outcome := range []script{"x", "."} {
			scripts := map[Kind]script{Startup: outcome, Health: outcome, Liveness: outcome}
			_, probes := play(Begin(checks, time.Unix(1000, 0)), scripts, 10*time.Second)
			for kind, n := range probes {
				if n > 11 {
					t.Errorf("%s, outcomes %s: %d probes of %s in 10 s", name, outcome, n, kind)
				}
			}
		}
	}
	slow := &api.Check{Exec: &api.ExecCheck{Command: []string{"x"}}, Period: time.Minute}
	if _, probes := play(Begin(Checks{Health: slow}, time.Unix(1000, 0)), map[Kind]script{Health: "xxx."}, 50*time.Second); probes[Health] != 4 {
		t.Errorf("%d probes of a new replica, want one a second until it is healthy, the fourth", probes[Health])
	}
}

// TestWarmUp: it comes after the checks and before the first report, is tried
// again once a second until it succeeds, and never again.
func TestWarmUp(t *testing.T) {
	epoch := time.Unix(1000, 0)
	checks := Checks{Startup: tcp(nil), Health: tcp(nil), WarmUp: &WarmUp{Requests: 7}}
	m := Begin(checks, epoch)
	scripts := map[Kind]script{Startup: "x.", Health: "x..", Warming: "xx."}
	got, probes := play(m, scripts, 30*time.Second)
	// 0: startup fails; 0.02: it passes, health fails; 0.04: health passes; 0.04, 1.04: the warm-up fails; 2.04: it succeeds, health passes
	want := []string{"not_yet@0.04", "not_yet@0.04", "healthy@2.04"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if probes[Warming] != 3 {
		t.Errorf("%d warm-ups, want 3", probes[Warming])
	}

	m = Begin(checks, epoch)
	if got, _ := play(m, map[Kind]script{Startup: ".", Health: ".x", Warming: "."}, 30*time.Second); slices.ContainsFunc(got, func(r string) bool { return strings.HasPrefix(r, "healthy") }) {
		t.Errorf("a replica that lost its health in the warm-up: %v", got)
	}

	m = Resume(checks, epoch, epoch, 0)
	if got, probes := play(m, map[Kind]script{Health: "xxx.", Warming: "."}, time.Minute); probes[Warming] != 0 || len(got) != 2 {
		t.Errorf("a replica that was healthy before: %d warm-ups, reports %v", probes[Warming], got)
	}
}

func TestWarmUpSaysWhy(t *testing.T) {
	epoch := time.Unix(1000, 0)
	m := Begin(Checks{Health: tcp(nil), WarmUp: &WarmUp{Requests: 7}}, epoch)
	if got := m.Observe(Health, epoch, epoch, nil); len(got) != 1 || !strings.Contains(got[0].Reason, "7 requests") {
		t.Errorf("%+v", got)
	}
	if got := m.Observe(Warming, epoch, epoch, errors.New("status 503")); len(got) != 1 || got[0].Reason != "warm-up failed: status 503" {
		t.Errorf("%+v", got)
	}
}
