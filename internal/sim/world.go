package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

// Config says which run to make.
type Config struct {
	Seed  uint64
	Steps int         // things that happen, before everything is left to settle
	Store store.Store // empty
}

// World is one run.
type World struct {
	clock
	rand *rand.Rand
	log  story

	store     *faultyStore
	processes *processes
	gateways  *gateways
	services  []string
	room      *room // nil: there are no resource groups

	life       *life // of the control plane; nil while there is none
	controller *controller.Controller

	steps int  // that happened
	calm  bool // no more faults: everything settles
	beats int  // heartbeats and probes that had no news: they are no steps
	fault error

	pending int // replicas that had to wait for room in the resource group

	// What follows is random where it is 0.
	startup time.Duration // of every process that comes up
	exit    time.Duration // of every process that is told to end
	inHand  time.Duration // how long requests are in hand of what leaves a table
}

// killed is thrown where the control plane is killed in the middle of an
// action.
type killed struct{}

func newWorld(cfg Config) *World {
	w := &World{clock: clock{now: epoch}, rand: rand.New(rand.NewPCG(cfg.Seed, 0x5105ce))}
	w.store = &faultyStore{Store: cfg.Store, w: w, states: map[string]*state{}, ends: map[string]ending{}}
	w.processes = &processes{w: w, all: map[string]*process{}}
	w.gateways = newGateways(w, 1+w.rand.IntN(2))
	for i := range 1 + w.rand.IntN(2) {
		w.services = append(w.services, fmt.Sprintf("s%d", i))
	}
	return w
}

// chance is true once in n times, and never once all is calm.
func (w *World) chance(n int) bool { return !w.calm && w.rand.IntN(n) == 0 }

// upTo is a random duration below d.
func (w *World) upTo(d time.Duration) time.Duration { return time.Duration(w.rand.Int64N(int64(d))) }

// fail ends the run: something that was promised did not hold.
func (w *World) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf(format, args...)
		w.say("BROKEN: %v", w.fault)
	}
}

// boot starts a control plane.
func (w *World) boot() {
	w.life = &life{}
	w.gateways.boot(w.life)
	c := controller.New(controller.Config{
		Store: w.store, Runtime: w.processes, Gateways: w.gateways, Probe: probe{w}, Content: controller.NoContent{},
		Resources: w.room.groups(),
		Log:       slog.New(slog.DiscardHandler), Schedule: schedule{w, w.life},
	})
	w.controller = c
	w.say("the control plane starts")
	w.guarded(func() {
		if err := c.Run(context.Background()); err != nil {
			w.fail("the control plane does not start: %v", err)
		}
	})
}

// kill ends the control plane as kill -9 does; another starts later.
func (w *World) kill() {
	if w.life == nil {
		return
	}
	w.life.dead = true
	w.life, w.controller = nil, nil
	w.gateways.lost()
	w.say("the control plane is killed")
	w.after(w.upTo(15*time.Second), nil, w.boot)
}

// guarded runs something of the control plane, which may be killed in it.
func (w *World) guarded(what func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			w.kill()
		}
	}()
	what()
}

// observe tells the control plane, if there is one, what happened to a process.
func (w *World) observe(e runtime.Event) {
	if w.controller != nil {
		w.controller.Observe(e)
	}
}
