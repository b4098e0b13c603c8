// Package runtimetest is the suite that every runtime passes: the sentences of
// package runtime as tests, with real replicas (package testserver).
package runtimetest

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

// Place is an implementation and the place (a data directory, a namespace)
// where it runs replicas. Each test has one of its own.
type Place struct {
	// New makes a runtime on this place, as a start of the control plane does. It
	// is called again after Abandon. Adopt has not been called yet.
	New func(t *testing.T, events func(runtime.Event)) runtime.Runtime
	// Abandon drops a runtime as the death of the control plane does: its
	// replicas go on.
	Abandon func(runtime.Runtime)
	// Spec is a service whose replicas run testserver with these flags.
	Spec func(flags ...string) *api.Spec
	// Unstartable is a service whose replicas can never start, and a word that
	// the reason has to contain.
	Unstartable func() (*api.Spec, string)
}

// Run runs the suite. setup makes a fresh place.
func Run(t *testing.T, setup func(t *testing.T) Place) {
	for name, test := range map[string]func(*testing.T, *stage){
		"start":         testStart,
		"start at once": testStartAtOnce,
		"unstartable":   testUnstartable,
		"exit":          testExit,
		"crash":         testCrash,
		"next attempt":  testNextAttempt,
		"checks":        testChecks,
		"check by exec": testExecCheck,
		"check by grpc": testGRPCCheck,
		"warm-up":       testWarmUp,
		"bad warm-up":   testBadWarmUp,
		"not live":      testNotLive,
		"quiet":         testQuiet,
		"terminate":     testTerminate,
		"kill":          testKill,
		"nothing runs":  testNothingRuns,
		"logs":          testLogs,
		"follow":        testFollow,
		"forget":        testForget,
		"adopt":         testAdopt,
		"adopt ended":   testAdoptEnded,
		"adopt strays":  testAdoptStrays,
		"adopt checks":  testAdoptChecks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStage(t, setup(t)))
		})
	}
}

// Patience is how long a test waits for something that has to happen. It is
// only ever used up by a failure.
const Patience = 30 * time.Second

// Events records what a runtime reports.
type Events struct {
	mu   sync.Mutex
	list []runtime.Event
}

// Add is the function to give to the runtime's constructor.
func (e *Events) Add(event runtime.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// Of returns what was reported of a replica so far, of these kinds (all when
// none is named).
func (e *Events) Of(replica string, kinds ...runtime.EventKind) []runtime.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []runtime.Event
	for _, event := range e.list {
		match := len(kinds) == 0
		for _, k := range kinds {
			match = match || event.Kind == k
		}
		if match && event.Replica == replica {
			found = append(found, event)
		}
	}
	return found
}

// Await waits until n events of a kind were reported of a replica and returns
// the last of them.
func (e *Events) Await(t *testing.T, replica string, kind runtime.EventKind, n int) runtime.Event {
	t.Helper()
	Eventually(t, func() bool { return len(e.Of(replica, kind)) >= n },
		"event %d of kind %s of replica %s; there are %+v", n, kind, replica, Lazy(func() any { return e.Of(replica) }))
	return e.Of(replica, kind)[n-1]
}

// Lazy is an argument of Eventually that is worked out when it is printed.
type Lazy func() any

// Eventually waits for a condition and fails the test when it does not come.
func Eventually(t *testing.T, condition func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			for i, a := range args {
				if lazy, ok := a.(Lazy); ok {
					args[i] = lazy()
				}
			}
			t.Fatalf("waited in vain for "+format, args...)
		}
	}
}

// stage is a place with a runtime on it and a record of what it reports.
type stage struct {
	Place
	events *Events
	rt     runtime.Runtime
}

func newStage(t *testing.T, p Place) *stage {
	s := &stage{Place: p, events: &Events{}}
	s.rt = s.New(t, s.events.Add)
	s.adopt(t)
	t.Cleanup(func() { s.endAll(t) })
	return s
}

func (s *stage) adopt(t *testing.T, list ...runtime.Adoption) []runtime.Adopted {
	t.Helper()
	adopted, err := s.rt.Adopt(t.Context(), list)
	if err != nil {
		t.Fatal("Adopt:", err)
	}
	if len(adopted) != len(list) {
		t.Fatalf("%d answers for %d adoptions", len(adopted), len(list))
	}
	for i, a := range adopted {
		if a.Replica != list[i].Launch.Replica {
			t.Fatalf("answer %d is of replica %s, want %s", i, a.Replica, list[i].Launch.Replica)
		}
	}
	return adopted
}

// restart is the death of the control plane and its next start.
func (s *stage) restart(t *testing.T) {
	s.Abandon(s.rt)
	s.events = &Events{}
	s.rt = s.New(t, s.events.Add)
}

// endAll leaves nothing behind: an adoption of nothing ends everything.
func (s *stage) endAll(t *testing.T) {
	s.Abandon(s.rt)
	rt := s.New(t, func(runtime.Event) {})
	if _, err := rt.Adopt(context.Background(), nil); err != nil {
		t.Error("the last Adopt:", err)
	}
	s.Abandon(rt)
}

func launch(id string, spec *api.Spec) runtime.Launch {
	return runtime.Launch{Replica: id, Attempt: 1, Service: "sentiment", Version: 3, Generation: 1, Spec: spec}
}

func (s *stage) start(t *testing.T, l runtime.Launch) runtime.Handle {
	t.Helper()
	h, err := s.rt.Start(t.Context(), l)
	if err != nil {
		t.Fatalf("Start %s: %v", l.Replica, err)
	}
	return h
}

// ready starts a replica and waits until it is healthy.
func (s *stage) ready(t *testing.T, l runtime.Launch) runtime.Handle {
	t.Helper()
	h := s.start(t, l)
	s.events.Await(t, l.Replica, runtime.Healthy, 1)
	return h
}

// answers tells whether something listens there.
func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// httpCheck asks for a path often.
func httpCheck(path string, change ...func(*api.Check)) *api.Check {
	c := &api.Check{
		HTTP: &api.HTTPCheck{Path: path}, Period: 20 * time.Millisecond, Timeout: 10 * time.Second,
		SuccessThreshold: 1, FailureThreshold: 2,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
