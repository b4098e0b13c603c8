package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"time"

	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/runtime"
)

// scaleBench runs the controller on SQLite with many services in a simulated
// runtime (fleet.go): what it costs when nothing happens, and how soon it
// decides when something does.
type scaleBench struct {
	services, replicas int
	changes            int
	idle               time.Duration
}

func scaleFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &scaleBench{}
	f.IntVar(&b.services, "services", 1000, "services")
	f.IntVar(&b.replicas, "replicas", 100, "replicas of each")
	f.IntVar(&b.changes, "changes", 50, "changes of each kind, one after the other")
	f.DurationVar(&b.idle, "idle", 10*time.Second, "how long to look at it doing nothing")
	return b.run
}

func (b *scaleBench) run(ctx context.Context, r *report) error {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	world, closeFleet, err := openFleet(ctx, dir)
	if err != nil {
		return err
	}
	defer closeFleet()
	c := world.controller
	began := time.Now()
	if err := b.create(ctx, c); err != nil {
		return err
	}
	r.add("creating all of them", "s", time.Since(began).Seconds())
	if err := b.rest(ctx, r); err != nil {
		return err
	}
	for i := range b.changes {
		name := b.name(i * 7 % b.services)
		if err := b.update(ctx, r, c, world, name, i); err != nil {
			return err
		}
		if err := b.unwell(ctx, r, c, world, b.name((i*7+3)%b.services)); err != nil {
			return err
		}
	}
	b.bars(r)
	return nil
}

func (b *scaleBench) name(i int) string { return fmt.Sprintf("s%04d", i) }

const (
	idleCPU   = "idle CPU"
	rss       = "RSS"
	updated   = "update asked for -> first replica ordered"
	routedOut = "replica unwell -> route without it"
)

func (b *scaleBench) bars(r *report) {
	r.bar(idleCPU, "median", 1)
	r.bar(rss, "median", 1536)
	r.bar(updated, "max", 10)
	r.bar(routedOut, "max", 10)
}

// create makes all services, several at a time as several people would, and
// waits until all their replicas are ready.
func (b *scaleBench) create(ctx context.Context, c *controller.Controller) error {
	var all sync.WaitGroup
	const atOnce = 4
	errs := make([]error, atOnce)
	for k := range atOnce {
		all.Go(func() {
			for i := k; i < b.services && ctx.Err() == nil; i += atOnce {
				if _, err := c.Create(ctx, controller.By{Actor: "bench"}, serviceFile(b.name(i), b.replicas)); err != nil {
					errs[k] = err
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range b.services {
		if err := b.settled(ctx, c, b.name(i)); err != nil {
			return err
		}
	}
	return nil
}

// settled waits until a service is as it is meant to be, with nothing draining.
func (b *scaleBench) settled(ctx context.Context, c *controller.Controller, name string) error {
	for ctx.Err() == nil {
		s, err := c.Get(ctx, name)
		if err != nil {
			return err
		}
		if n := s.Replicas; n.Ready == b.replicas && n.Live == b.replicas && n.Draining == 0 && s.Rollout.Phase.Ended() {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return ctx.Err()
}

// rest looks at the control plane doing nothing.
func (b *scaleBench) rest(ctx context.Context, r *report) error {
	debug.FreeOSMemory() // what the creation needed is not what it costs to have them
	self := os.Getpid()
	before, err := cpu(self)
	if err != nil {
		return err
	}
	select {
	case <-time.After(b.idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := cpu(self)
	if err != nil {
		return err
	}
	size, err := resident(self)
	if err != nil {
		return err
	}
	var heap goruntime.MemStats
	goruntime.ReadMemStats(&heap)
	r.add(idleCPU, "% of a core", 100*float64(after-before)/float64(b.idle))
	r.add(rss, "MiB", size)
	r.add("heap in use", "MiB", float64(heap.HeapInuse)/(1<<20))
	return nil
}

// update asks for a new version and waits until the first replica of it is
// ordered: the change is committed, decided, and the decision committed by then.
func (b *scaleBench) update(ctx context.Context, r *report, c *controller.Controller, world *fleet, name string, i int) error {
	orders, stop := world.watch(name)
	defer stop()
	before, err := c.Get(ctx, name)
	if err != nil {
		return err
	}
	asked := time.Now()
	file := document(`{"containers": [{"command": "./model-server", "port": 8000, "env": [{"name": "CHANGE", "value": "%d"}]}]}`, i)
	if _, err := c.Update(ctx, controller.By{Actor: "bench"}, name, file, false); err != nil {
		return err
	}
	o, err := first(ctx, orders, func(o order) bool { return o.version > before.CurrentVersion })
	if err != nil {
		return err
	}
	r.add(updated, "ms", micros(o.at.Sub(asked))/1000)
	return b.settled(ctx, c, name)
}

// unwell has a replica fail its check, and waits for the route that leaves it
// out.
func (b *scaleBench) unwell(ctx context.Context, r *report, c *controller.Controller, world *fleet, name string) error {
	list, err := c.Replicas(ctx, name)
	if err != nil {
		return err
	}
	orders, stop := world.watch(name)
	defer stop()
	e := runtime.Event{Replica: list[0].ID, Attempt: 1, Kind: runtime.Unhealthy, At: time.Now(), Reason: "GET /ready: 503"}
	c.Observe(e)
	o, err := first(ctx, orders, func(o order) bool { return o.version == 0 && o.ready == b.replicas-1 })
	if err != nil {
		return err
	}
	r.add(routedOut, "ms", micros(o.at.Sub(e.At))/1000)
	e.Kind, e.At = runtime.Healthy, time.Now()
	c.Observe(e)
	return b.settled(ctx, c, name)
}

func first(ctx context.Context, orders <-chan order, wanted func(order) bool) (order, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		select {
		case o := <-orders:
			if wanted(o) {
				return o, nil
			}
		case <-ctx.Done():
			return order{}, fmt.Errorf("what was asked for is not ordered: %w", ctx.Err())
		}
	}
}
