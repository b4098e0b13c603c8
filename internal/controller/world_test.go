package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/secret"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
	"sluice.dev/sluice/internal/traffic"
)

// The store in these tests is the real one. Processes and gateways are modelled
// at their interfaces, so that time can be virtual and faults exact; the real
// ones are tested in their own packages and together in test/e2e.

// processes is a model of replicas' processes: they start at once, pass their
// checks after startup, and end when told.
type processes struct {
	mu      sync.Mutex
	watcher atomic.Pointer[Controller] // the one that runs now
	startup time.Duration
	refuse  error
	live    map[string]runtime.Launch
	calls   []string
}

// events tells the controller that runs.
func (p *processes) events(e runtime.Event) { p.watcher.Load().Observe(e) }

func (p *processes) note(format string, args ...any) {
	p.calls = append(p.calls, fmt.Sprintf(format, args...))
}

func (p *processes) Start(_ context.Context, l runtime.Launch) (runtime.Handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note("start %s/%d", l.Replica, l.Attempt)
	if p.refuse != nil {
		return runtime.Handle{}, p.refuse
	}
	p.live[l.Replica] = l
	p.probe(l)
	return runtime.Handle{Attempt: l.Attempt, Address: "127.0.0.1:1", Pid: len(p.calls), StartedAt: time.Now()}, nil
}

func (p *processes) probe(l runtime.Launch) {
	time.AfterFunc(p.startup, func() {
		p.events(runtime.Event{Replica: l.Replica, Attempt: l.Attempt, Kind: runtime.Healthy, At: time.Now()})
	})
}

func (p *processes) end(id, how string, code int) {
	p.mu.Lock()
	l, ok := p.live[id]
	delete(p.live, id)
	p.note("%s %s", how, id)
	p.mu.Unlock()
	if ok {
		p.events(runtime.Event{Replica: id, Attempt: l.Attempt, Kind: runtime.Exited, At: time.Now(),
			Exit: &runtime.Exit{Known: true, Code: code, Lines: []string{"last words"}, At: time.Now()}})
	}
}

func (p *processes) Terminate(_ context.Context, id string) error {
	p.end(id, "terminate", 0)
	return nil
}
func (p *processes) Kill(_ context.Context, id string) error { p.end(id, "kill", 137); return nil }
func (p *processes) Quiet(string)                            {}
func (p *processes) Forget(id string)                        {}

func (p *processes) Adopt(_ context.Context, list []runtime.Adoption) ([]runtime.Adopted, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var adopted []runtime.Adopted
	for _, a := range list {
		p.note("adopt %s", a.Launch.Replica)
		answer := runtime.Adopted{Replica: a.Launch.Replica}
		switch _, lives := p.live[a.Launch.Replica]; {
		case lives && a.Handle != nil:
			answer.Handle = a.Handle
		case lives:
			answer.Handle = &runtime.Handle{Attempt: a.Launch.Attempt, Address: "127.0.0.1:1", Pid: 1, StartedAt: time.Now()}
		case a.Handle != nil:
			answer.Exit = &runtime.Exit{At: time.Now()}
		}
		if answer.Handle != nil && !a.Healthy {
			p.probe(a.Launch)
		}
		adopted = append(adopted, answer)
	}
	return adopted, nil
}

func (p *processes) Logs(context.Context, string, int, bool) (io.ReadCloser, error) {
	return nil, errors.New("no logs here")
}

func (p *processes) did(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.calls, what)
}

func (p *processes) refuseWith(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = err
}

func (p *processes) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live)
}

func (p *processes) called() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// die ends a process so that nobody hears of it.
func (p *processes) die(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, id)
}

// plane is a model of the gateways: it acknowledges after a moment.
type plane struct {
	mu       sync.Mutex
	revision uint64
	acked    uint64
	silent   bool // acknowledges nothing any more
	delay    time.Duration
	routes   map[string]traffic.Route
	watcher  atomic.Pointer[Controller] // the one that runs now
	history  []int                      // endpoints per revision
	groups   map[string]traffic.Group
	given    map[string]uint64 // requests of groups\' addresses, by member
	counts   func() map[int]gate.Counts
}

func (g *plane) Publish(r traffic.Route) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if old, ok := g.routes[r.Service]; ok && slices.Equal(old.Endpoints, r.Endpoints) && old.Unavailable == r.Unavailable && old.Limits == r.Limits && old.Token == r.Token {
		return g.revision
	}
	g.routes[r.Service] = r
	g.revision++
	g.history = append(g.history, len(r.Endpoints))
	revision := g.revision
	time.AfterFunc(g.delay, func() {
		g.mu.Lock()
		if !g.silent {
			g.acked = max(g.acked, revision)
		}
		g.mu.Unlock()
		g.watcher.Load().GatewaysChanged(nil)
	})
	return revision
}

// limits are those of a service in the routing table.
func (g *plane) limits(service string) api.Limits {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.routes[service].Limits
}

// sizes are the numbers of replicas in each routing table so far.
func (g *plane) sizes() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.history)
}

func (g *plane) Withdraw(service string) uint64 { return 0 }

func (g *plane) Acked() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.acked
}

func (g *plane) WaitAcked(context.Context, uint64) error { return nil }

func (g *plane) PublishGroup(r traffic.Group) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == nil {
		g.groups = map[string]traffic.Group{}
	}
	g.groups[r.Name] = r
	return 0
}

func (g *plane) WithdrawGroup(name string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, name)
	return 0
}

// split is a group in the routing table, as "a 2, b 0"; "" when there is none.
func (g *plane) split(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var words []string
	for _, m := range g.groups[name].Members {
		words = append(words, fmt.Sprintf("%s %d", m.Service, m.Weight))
	}
	return strings.Join(words, ", ")
}

func (g *plane) Given(string) map[string]uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.given)
}

func (g *plane) Measured(string) (map[int]gate.Counts, []float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.counts == nil {
		return nil, nil
	}
	return g.counts(), []float64{0.001, 0.01, 0.1}
}

// measure has the gateways count as told.
func (g *plane) measure(counts func() map[int]gate.Counts) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts = counts
}

func (g *plane) InHand(string) InHand {
	return InHand{Known: true, IdleSince: time.Now().Add(-time.Hour).UTC().Round(0)}
}
func (g *plane) Open()                         {}
func (g *plane) Address(service string) string { return "http://gateway/" + service }

// failing is a store whose commits fail while told to.
type failing struct {
	store.Store
	mu  sync.Mutex
	err error
}

func (f *failing) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) Commit(ctx context.Context, changes ...store.Change) ([]api.Event, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.Store.Commit(ctx, changes...)
}

type world struct {
	*Controller
	store     *failing
	processes *processes
	plane     *plane
	resources map[string]Group
	data      string
	foretell  bool
	fleet     Fleet                              // nil: no series are kept
	outside   func(GateSubject) gate.Measurement // what gates find outside
	sealing   bool                               // secrets are sealed, with a key in data
	giveUp    bool                               // secrets whose key is lost
	content   Content                            // none is NoContent
	history   History
}

// Check and Measure implement Probe.
func (w *world) Check(context.Context, api.GateRule, GateSubject) error { return nil }

func (w *world) Measure(_ context.Context, _ api.GateRule, about GateSubject) gate.Measurement {
	return w.outside(about)
}

// inWorld runs a test on virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{data: dir, processes: &processes{startup: time.Second, live: map[string]runtime.Launch{}},
			plane: &plane{delay: 10 * time.Millisecond, routes: map[string]traffic.Route{}, acked: 0}}
		w.open(t)
		defer func() { w.shut(t) }()
		test(t, w)
	})
}

func (w *world) open(t *testing.T) {
	t.Helper()
	if err := w.start(t); err != nil {
		t.Fatal(err)
	}
}

// start is a start that may fail.
func (w *world) start(t *testing.T) error {
	t.Helper()
	st, err := sqlite.Open(context.Background(), w.data)
	if err != nil {
		t.Fatal(err)
	}
	w.store = &failing{Store: st}
	cfg := Config{Store: w.store, Runtime: w.processes, Gateways: w.plane, Fleet: w.fleet, Probe: w, Content: w.content, History: w.history, Resources: w.resources, Foretell: w.foretell,
		GiveUpSecrets: w.giveUp, Log: slog.New(slog.DiscardHandler)}
	if w.content == nil {
		cfg.Content = NoContent{}
	}
	if w.sealing {
		if cfg.Secrets, err = secret.Open(secret.File(w.data)); err != nil {
			t.Fatal(err)
		}
	}
	w.Controller = New(cfg)
	w.processes.watcher.Store(w.Controller)
	w.plane.watcher.Store(w.Controller)
	return w.Run(context.Background())
}

func (w *world) shut(t *testing.T) {
	t.Helper()
	w.Close()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
}

func document(t *testing.T, text string) api.Document {
	t.Helper()
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func (w *world) create(t *testing.T, n int) {
	t.Helper()
	doc := document(t, fmt.Sprintf(`{"metadata":{"name":"s","instance":%d,"rpc":{"enable_sigterm":true}},
		"containers":[{"command":"./server"}]}`, n))
	if _, err := w.Create(context.Background(), By{Actor: "ann"}, doc); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	w.want(t, api.StatusRunning, n)
}

func (w *world) update(t *testing.T, env string) {
	t.Helper()
	doc := document(t, `{"containers":[{"command":"./server","env":[{"name":"A","value":"`+env+`"}]}]}`)
	if _, err := w.Update(context.Background(), By{Actor: "ann"}, "s", doc, false); err != nil {
		t.Fatal(err)
	}
}

func (w *world) get(t *testing.T) api.Service {
	t.Helper()
	s, err := w.Get(context.Background(), "s")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) want(t *testing.T, status api.Status, updated int) {
	t.Helper()
	if s := w.get(t); s.Status != status || s.Replicas.Updated != updated {
		t.Fatalf("%s with %d updated, want %s with %d: %s; %+v", s.Status, s.Replicas.Updated, status, updated, s.Message, s.Rollout)
	}
}
