package sim

import (
	"context"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/traffic"
)

// lease is how long a gateway counts after it was last heard (rule 8).
const lease = 10 * time.Second

// gateway is one gateway process. It routes by its table whatever becomes of
// the control plane.
type gateway struct {
	id     int
	alive  bool
	deaf   time.Time // until then it neither takes tables nor says anything
	heard  time.Time // when the control plane last heard it
	out    bool      // its lease ran out; until it has acknowledged missed nobody relies on it
	missed uint64    // the newest revision that was not waited for because it was out
	joined bool      // it has acknowledged something in this incarnation
	acked  uint64
	table  map[string][]traffic.Endpoint
	busy   map[string]time.Time // replicas with requests in hand, until when
	left   map[string]time.Time // when a replica left the table
	newest uint64
}

// gateways is a model of the data plane and of the hub in front of it.
type gateways struct {
	w        *World
	all      []*gateway
	routes   map[string]traffic.Route
	revision uint64
	epoch    uint64
	open     bool
	booted   time.Time
}

func newGateways(w *World, n int) *gateways {
	g := &gateways{w: w}
	for i := range n {
		g.all = append(g.all, newGateway(i))
	}
	return g
}

func newGateway(id int) *gateway {
	return &gateway{id: id, alive: true, table: map[string][]traffic.Endpoint{},
		busy: map[string]time.Time{}, left: map[string]time.Time{}}
}

// boot begins anew for another incarnation of the control plane: every gateway
// has a full lease to come back.
func (g *gateways) boot(owner *life) {
	g.epoch++
	g.revision, g.routes, g.open, g.booted = g.epoch<<32, map[string]traffic.Route{}, false, g.w.now
	for _, gw := range g.all {
		gw.joined, gw.acked, gw.heard, gw.newest = false, 0, g.w.now, 0
	}
	var beat func()
	beat = func() {
		g.beat()
		g.w.after(time.Second, owner, beat)
	}
	g.w.after(g.w.upTo(time.Second), owner, beat)
}

func (g *gateways) lost() { g.open = false }

// beat is what gateways say by themselves once a second. One that died has been
// replaced by then.
func (g *gateways) beat() {
	g.w.beats++
	for i, gw := range g.all {
		switch {
		case !gw.alive:
			// It counts from its first word on, before it has any table.
			g.all[i] = newGateway(gw.id)
			g.all[i].heard = g.w.now
			g.w.say("gateway %d is started again", gw.id)
			g.w.tellGateways()
		case g.w.now.Before(gw.deaf):
		default:
			gw.heard = g.w.now
			if g.open && gw.acked < g.revision {
				g.send(gw)
			}
		}
	}
	g.w.tellGateways() // a lease may have run out
}

func (w *World) tellGateways() {
	if w.controller != nil {
		w.controller.GatewaysChanged(nil)
	}
}

func (g *gateways) Publish(r traffic.Route) uint64 {
	old, had := g.routes[r.Service]
	if had && old.Unavailable == r.Unavailable && slices.Equal(old.Endpoints, r.Endpoints) {
		return g.revision
	}
	g.routes[r.Service] = r
	return g.changed()
}

func (g *gateways) Withdraw(service string) uint64 {
	delete(g.routes, service)
	return g.changed()
}

func (g *gateways) changed() uint64 {
	g.revision++
	if g.open {
		for _, gw := range g.all {
			g.send(gw)
		}
	}
	return g.revision
}

// send brings the present table to a gateway, a moment later.
func (g *gateways) send(gw *gateway) {
	w, revision, owner := g.w, g.revision, g.w.life
	routes := make(map[string]traffic.Route, len(g.routes))
	for name, r := range g.routes {
		routes[name] = r
	}
	w.after(w.upTo(20*time.Millisecond), owner, func() {
		if !gw.alive || w.now.Before(gw.deaf) || revision < gw.newest {
			return
		}
		gw.newest = revision
		gw.apply(w, routes)
		w.after(w.upTo(20*time.Millisecond), owner, func() {
			if gw.alive && !w.now.Before(gw.deaf) {
				gw.acked, gw.joined, gw.heard = max(gw.acked, revision), true, w.now
				gw.out = gw.out && gw.acked < gw.missed
				w.tellGateways()
			}
		})
	})
}

// apply puts a table in force. What leaves it may still have requests in hand.
func (gw *gateway) apply(w *World, routes map[string]traffic.Route) {
	next := make(map[string][]traffic.Endpoint, len(routes))
	for name, r := range routes {
		next[name] = r.Endpoints
	}
	for _, name := range w.services { // in a fixed order, since each draws from the dice
		for _, e := range gw.table[name] {
			if !slices.Contains(next[name], e) {
				gw.leave(w, e.Address)
			}
		}
	}
	gw.table = next
}

func (gw *gateway) leave(w *World, address string) {
	if gw.out {
		return
	}
	gw.left[address] = w.now
	length := w.inHand
	if length == 0 {
		if w.rand.IntN(3) > 0 {
			return
		}
		length = w.upTo(10 * time.Second)
		if w.chance(10) {
			length = w.upTo(2 * time.Minute)
		}
	}
	gw.busy[address] = w.now.Add(length)
	w.after(length, nil, w.tellGateways)
}

// counts tells whether the control plane waits for the gateway.
func (g *gateways) counts(gw *gateway) bool {
	if !gw.alive {
		return false
	}
	if !g.w.now.Before(gw.heard.Add(lease)) {
		gw.out, gw.missed = true, g.revision
		return false
	}
	return true
}

func (g *gateways) Acked() uint64 {
	lowest := uint64(math.MaxUint64)
	for _, gw := range g.all {
		if g.counts(gw) {
			lowest = min(lowest, gw.acked)
		}
	}
	return lowest
}

func (g *gateways) WaitAcked(context.Context, uint64) error { return nil }

// PublishGroup and WithdrawGroup implement controller.Gateways. What the split
// does with requests is tested at the gateway.
func (g *gateways) PublishGroup(traffic.Group) uint64 { return g.revision }

// WithdrawGroup is described with PublishGroup.
func (g *gateways) WithdrawGroup(string) uint64 { return g.revision }

// Given implements controller.Gateways.
func (g *gateways) Given(string) map[string]uint64 { return nil }

// Measured implements controller.Gateways. Gates of the simulation ask outside.
func (g *gateways) Measured(string) (map[int]gate.Counts, []float64) { return nil, nil }

func (g *gateways) InHand(replica string) controller.InHand {
	h := controller.InHand{Known: true}
	address := g.w.processes.addressOf(replica)
	for _, gw := range g.all {
		if !g.counts(gw) {
			continue
		}
		if !gw.joined {
			h.Known = false
		}
		if gw.holds(address) {
			h.LastPicked, h.InFlight = g.w.now, h.InFlight+1
		}
		if left := gw.left[address]; left.After(h.LastPicked) {
			h.LastPicked = left
		}
		idle := gw.left[address]
		if until := gw.busy[address]; until.After(g.w.now) {
			h.InFlight++
		} else if until.After(idle) {
			idle = until
		}
		if idle.After(h.IdleSince) {
			h.IdleSince = idle
		}
	}
	if h.InFlight > 0 {
		h.IdleSince = time.Time{}
	} else if h.IdleSince.IsZero() {
		h.IdleSince = g.booted
	}
	return h
}

// holds tells whether the gateway routes to the address.
func (gw *gateway) holds(address string) bool {
	for _, endpoints := range gw.table {
		for _, e := range endpoints {
			if e.Address == address {
				return true
			}
		}
	}
	return false
}

func (g *gateways) Open() {
	g.open = true
	for _, gw := range g.all {
		g.send(gw)
	}
}

func (g *gateways) Address(service string) string { return "http://gateway/" + service }

// hurt kills a gateway, or makes it deaf for a while, longer than a lease or
// not.
func (g *gateways) hurt() {
	gw := g.all[g.w.rand.IntN(len(g.all))]
	if g.w.rand.IntN(2) == 0 {
		gw.alive = false
		g.w.say("gateway %d dies", gw.id)
		g.w.tellGateways()
		return
	}
	d := g.w.upTo(30 * time.Second)
	gw.deaf = g.w.now.Add(d)
	g.w.say("gateway %d is deaf for %s", gw.id, d)
}
