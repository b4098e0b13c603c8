package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store/sqlite"
	"sluice.dev/sluice/internal/traffic"
)

// fleet is a simulated runtime and a simulated gateway: a replica passes its
// checks as soon as it is started and ends as soon as it is told; a table is
// acknowledged as soon as it is published. What takes time is the control plane.
type fleet struct {
	controller *controller.Controller
	tables     atomic.Uint64
	started    atomic.Int64

	mu      sync.Mutex
	running map[string]int // the attempt, by replica
	routes  map[string]traffic.Route
	// watched is told of orders for a service, by name.
	watched map[string]chan order
}

// order is something that the controller had done.
type order struct {
	at      time.Time
	version int // that was started; 0 for a route
	ready   int // endpoints of the route
}

func newFleet() *fleet {
	return &fleet{running: map[string]int{}, routes: map[string]traffic.Route{}, watched: map[string]chan order{}}
}

// openFleet runs a controller on a database in dir, with a fleet as its world.
func openFleet(ctx context.Context, dir string) (f *fleet, end func(), err error) {
	st, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	f = newFleet()
	f.controller = controller.New(controller.Config{Store: st, Runtime: f, Gateways: f, Content: controller.NoContent{}, Log: slog.New(slog.DiscardHandler)})
	end = func() {
		f.controller.Close()
		st.Close()
	}
	if err := f.controller.Run(ctx); err != nil {
		end()
		return nil, nil, err
	}
	return f, end, nil
}

// watch has the orders for a service sent to the channel that it returns, as
// far as somebody takes them.
func (f *fleet) watch(service string) (orders <-chan order, stop func()) {
	c := make(chan order, 1000)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched[service] = c
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watched, service)
	}
}

// tell sends an order on; the lock is held.
func (f *fleet) tell(service string, o order) {
	if c := f.watched[service]; c != nil {
		select {
		case c <- o:
		default:
		}
	}
}

func (f *fleet) Start(_ context.Context, l runtime.Launch) (runtime.Handle, error) {
	at := time.Now()
	f.mu.Lock()
	f.running[l.Replica] = l.Attempt
	f.tell(l.Service, order{at: at, version: l.Version})
	f.mu.Unlock()
	f.started.Add(1)
	f.controller.Observe(runtime.Event{Replica: l.Replica, Attempt: l.Attempt, Kind: runtime.Healthy, At: at})
	return runtime.Handle{Attempt: l.Attempt, Address: "127.0.0.1:1", Pid: 1, StartedAt: at}, nil
}

func (f *fleet) Terminate(ctx context.Context, replica string) error { return f.Kill(ctx, replica) }

func (f *fleet) Kill(_ context.Context, replica string) error {
	f.mu.Lock()
	attempt, runs := f.running[replica]
	delete(f.running, replica)
	f.mu.Unlock()
	if runs {
		now := time.Now()
		f.controller.Observe(runtime.Event{Replica: replica, Attempt: attempt, Kind: runtime.Exited, At: now, Exit: &runtime.Exit{Known: true, At: now}})
	}
	return nil
}

func (f *fleet) Quiet(string)  {}
func (f *fleet) Forget(string) {}

func (f *fleet) Adopt(context.Context, []runtime.Adoption) ([]runtime.Adopted, error) {
	return nil, nil
}

func (f *fleet) Logs(context.Context, string, int, bool) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}

func (f *fleet) Publish(r traffic.Route) uint64 {
	f.mu.Lock()
	old, had := f.routes[r.Service]
	same := had && old.Unavailable == r.Unavailable && slices.Equal(old.Endpoints, r.Endpoints)
	if !same {
		f.routes[r.Service] = r
		f.tell(r.Service, order{at: time.Now(), ready: len(r.Endpoints)})
	}
	f.mu.Unlock()
	if same { // the controller publishes in every turn; no news, no turn
		return f.tables.Load()
	}
	return f.acknowledged(r.Service)
}

func (f *fleet) Withdraw(service string) uint64 { return f.acknowledged(service) }

// acknowledged makes the next table and has the controller look again once its
// present turn is over.
func (f *fleet) acknowledged(service string) uint64 {
	go f.controller.GatewaysChanged([]string{service})
	return f.tables.Add(1)
}

func (f *fleet) Acked() uint64                           { return f.tables.Load() }
func (f *fleet) WaitAcked(context.Context, uint64) error { return nil }
func (f *fleet) Open()                                   {}
func (f *fleet) Address(service string) string           { return "http://gateway/" + service }

func (f *fleet) PublishGroup(traffic.Group) uint64 { return 0 }

func (f *fleet) WithdrawGroup(string) uint64 { return 0 }

func (f *fleet) Given(string) map[string]uint64 { return nil }

func (f *fleet) Measured(string) (map[int]gate.Counts, []float64) { return nil, nil }

func (f *fleet) InHand(string) controller.InHand {
	return controller.InHand{Known: true, IdleSince: time.Now().Add(-time.Minute)}
}

// serviceFile is a service of so many replicas.
func serviceFile(name string, instance int) api.Document {
	return document(`{"metadata": {"name": %q, "instance": %d, "rolling_strategy": {"max_surge": 1, "max_unavailable": 0},
		"eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}},
		"containers": [{"command": "./model-server", "port": 8000, "env": [{"name": "LOG_LEVEL", "value": "info"}]}]}`, name, instance)
}

func document(format string, args ...any) api.Document {
	doc, err := api.ParseDocument(fmt.Appendf(nil, format, args...))
	if err != nil {
		panic("bench: " + err.Error()) // the text is ours
	}
	return doc
}
