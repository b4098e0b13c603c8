// Package servertest stands in for the controller in tests of its callers: the
// API server, the client and the command line. Memory keeps services in memory
// and starts no process; how its rollouts end is chosen by the test (Endings).
// Only tests import it; the real controller is tested with the real server end
// to end.
package servertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/rollout"
)

// Ending says how a rollout, a scale or a start goes.
type Ending string

// The endings. Each begins with one replica after the other becoming ready.
const (
	Completed  Ending = "completed"
	Failed     Ending = "failed"      // one replica is updated, the next one fails: paused
	Superseded Ending = "superseded"  // after one replica, somebody else updates
	RolledBack Ending = "rolled_back" // after one replica
	Stopped    Ending = "stopped"     // after one replica, somebody else stops the service
	Deleted    Ending = "deleted"     // after one replica, somebody else deletes it
	AtTarget   Ending = "at_target"   // one replica, which is the plan's target
	Hangs      Ending = "hangs"       // one replica, and no more
)

// Memory is server.Releases without replicas.
type Memory struct {
	// Pace is the time between two steps of a rollout.
	Pace time.Duration

	mu       sync.Mutex
	services map[string]*record
	groups   map[string]*api.Group
	events   []api.Event
	watchers map[chan controller.News]context.Context
	endings  []Ending // of the next rollouts; then all are Completed
	failure  error    // what every change is answered with, when set
	steps    sync.WaitGroup
	closed   chan struct{}
	follow   int // how many follow logs
}

// record is one service.
type record struct {
	api.Service
	doc    api.Document
	noted  string // the last rollout whose end is in its history
	plan   *rollout.Plan
	mirror *api.Mirror
	shift  *api.Shift

	promotion *api.Promotion
	versions  []api.Version // ascending
	rollouts  []api.Rollout // ascending; the last one is Service.Rollout
	replicas  []api.Replica
	run       int // counts what was begun, so that a step knows it is outdated
	serial    int
}

// New makes an empty Memory; Close ends what it does in the background.
func New() *Memory {
	return &Memory{
		Pace: 5 * time.Millisecond, services: map[string]*record{}, groups: map[string]*api.Group{},
		watchers: map[chan controller.News]context.Context{}, closed: make(chan struct{}),
	}
}

// Close waits until nothing moves any more.
func (m *Memory) Close() {
	close(m.closed)
	m.steps.Wait()
}

// Endings chooses how the next rollouts end, in this order.
func (m *Memory) Endings(endings ...Ending) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endings = append(m.endings, endings...)
}

// FailWith has every change fail, until it is called with nil.
func (m *Memory) FailWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

// Overrun tells every watcher that it missed something.
func (m *Memory) Overrun() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(controller.News{Missed: true})
}

// Watched is how many watch or follow logs.
func (m *Memory) Watched() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.watchers) + m.follow
}

func (m *Memory) find(name string) (*record, error) {
	if r := m.services[name]; r != nil {
		return r, nil
	}
	return nil, &controller.NotFoundError{Kind: "service", Name: name, Hint: "`sluice list` shows what there is"}
}

// event records and tells one event, and with it that the service changed.
func (m *Memory) event(r *record, kind, reason, actor, format string, args ...any) {
	e := api.Event{
		Seq: int64(len(m.events) + 1), Time: api.At(time.Now()), Service: r.Name, Type: kind, Reason: reason,
		Message: fmt.Sprintf(format, args...), Version: r.CurrentVersion, Actor: actor,
	}
	if reason == "ReplicaFailed" {
		e.Replica = fmt.Sprintf("%s-%d-9", r.Name, r.CurrentVersion)
	}
	if len(r.rollouts) > 0 && (r.active() || r.noted != r.last().ID) {
		m.note(r, &e)
	}
	m.events = append(m.events, e)
	m.tell(controller.News{Service: r.Name, Events: []api.Event{e}})
}

// note gives the event to the history of its rollout, as the controller does, with
// requests made up.
func (m *Memory) note(r *record, e *api.Event) {
	ro := r.last()
	e.Rollout = ro.ID
	l, _ := history.Ledger{Rollout: ro.ID, History: *ro.History}.Note([]api.Event{*e})
	fast, slow := 0.012, 0.25
	l.History.Traffic = []api.VersionTraffic{{Version: ro.ToVersion, Requests: 1200, Errors: 3, P50: &fast, P95: &fast, P99: &slow}}
	if expected := 2.5; ro.Kind == api.KindUpdate {
		l.History.Expected = &expected
	}
	ro.History = &l.History
	if ro.Phase.Ended() {
		r.noted = ro.ID
	}
}

func (m *Memory) tell(n controller.News) {
	for watcher, ctx := range m.watchers {
		select {
		case watcher <- n:
		case <-ctx.Done():
		}
	}
}

// Watch implements server.Releases. Unlike the real one it never loses news; its
// buffer is larger than any test needs.
func (m *Memory) Watch(ctx context.Context) <-chan controller.News {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := make(chan controller.News, 10000)
	m.watchers[news] = ctx
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, news)
	})
	return news
}

// List implements server.Releases.
func (m *Memory) List(context.Context) []api.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []api.Service
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		list = append(list, m.services[name].show())
	}
	return list
}

// Get implements server.Releases.
func (m *Memory) Get(_ context.Context, name string) (api.Service, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	if err != nil {
		return api.Service{}, err
	}
	return r.show(), nil
}

// show is the service as it is now; nothing in it changes afterwards.
func (r *record) show() api.Service {
	s := r.Service
	if n := len(r.rollouts); n > 0 {
		last := r.rollouts[n-1]
		last.History, last.Why = nil, ""
		s.Rollout = &last
	}
	s.Config = r.doc.JSON()
	s.Warnings = api.Warnings(r.doc)
	return s
}
