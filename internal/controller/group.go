package controller

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

// group is a group under control: its record, and how its members stand.
//
// A service's turn tells it how the service stands (note); it never asks a
// service, so that its lock may be taken under a service's and never the other
// way round. Which services are members is what their own records say; the
// group's record adds how.
type group struct {
	c    *Controller
	name string

	mu        sync.Mutex
	record    store.Group
	standings map[string]standing
	samples   []sample // ascending
	sampling  bool
	revision  uint64 // of the routing table that holds the present split
	asked     atomic.Bool
	working   atomic.Bool // a shift or a promotion is in progress
	stopAlarm func()
	acting    bool      // a member is being scaled or updated
	actNext   time.Time // not before
	trouble   string    // why that failed last
	gates     shiftGates
	gone      bool
}

// standing is what the split asks of a service.
type standing struct {
	ready, desired int
	stopped        bool
	update         canary.Update
}

func (c *Controller) newGroup(record store.Group) *group {
	g := &group{c: c, name: record.Name, record: record, standings: map[string]standing{}}
	g.working.Store(g.busy())
	return g
}

// findGroup finds a group by name.
func (c *Controller) findGroup(name string) (*group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.groups[name]; g != nil {
		return g, nil
	}
	return nil, &NotFoundError{Kind: "group", Name: name, Hint: "`sluice groups` shows what there is"}
}

func (c *Controller) sortedGroups() []*group {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*group, 0, len(c.groups))
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		list = append(list, c.groups[name])
	}
	return list
}

// openGroup gives a group with its lock held; it makes one where there is none.
// Services and groups share one namespace.
func (c *Controller) openGroup(name string) (*group, error) {
	for {
		c.mu.Lock()
		if c.services[name] != nil {
			c.mu.Unlock()
			return nil, &rollout.Refusal{Message: "there is a service of the name " + name, Hint: "services and groups share one namespace; choose another name for the group"}
		}
		g := c.groups[name]
		made := g == nil
		if made {
			at := c.now()
			g = c.newGroup(store.Group{Name: name, Mode: api.ModeAuto, Members: map[string]store.Member{}, CreatedAt: at, UpdatedAt: at})
			g.mu.Lock()
			c.groups[name] = g
		}
		c.mu.Unlock()
		if made {
			return g, nil
		}
		g.mu.Lock()
		if !g.gone {
			return g, nil
		}
		g.mu.Unlock() // its last member left meanwhile
	}
}

// change commits a changed record, with what tells of it, and puts it in force;
// wait is the revision of the routing table that holds it. For who holds mu.
func (g *group) change(by By, reason, text string, do func(*store.Group) error) (wait uint64, err error) {
	next := g.clone()
	if err := do(&next); err != nil {
		return 0, err
	}
	next.Revision++
	next.UpdatedAt = g.c.now()
	message := text
	if by.Message != "" {
		message += " (" + by.Message + ")"
	}
	ch := store.Change{Name: g.name, Events: []api.Event{{
		Time: api.At(next.UpdatedAt), Service: g.name, Type: "normal", Reason: reason, Message: message, Actor: by.Actor,
	}}}
	empty := len(next.Members) == 0 && !next.Explicit
	if empty {
		ch.DropGroup = true
	} else {
		ch.Group = &next
	}
	events, err := g.c.cfg.Store.Commit(g.c.ctx, ch)
	if err != nil {
		return 0, err
	}
	g.record = next
	g.working.Store(g.busy())
	g.c.news.tell(News{Service: g.name, Events: events, Deleted: empty})
	if empty {
		return g.end(), nil
	}
	return g.publish(), nil
}

// clone is the record for changing it.
func (g *group) clone() store.Group {
	next := g.record
	next.Members = maps.Clone(g.record.Members)
	next.Rules = slices.Clone(g.record.Rules)
	return next
}

// end lets go of the group. For who holds mu.
func (g *group) end() uint64 {
	g.gone = true
	g.c.mu.Lock()
	delete(g.c.groups, g.name)
	g.c.mu.Unlock()
	return g.c.cfg.Gateways.WithdrawGroup(g.name)
}

// abandon takes back a group that was made and could not be recorded.
func (g *group) abandon() {
	if g.record.Revision == 0 {
		g.end()
	}
}

// note is told how a member stands after its turn.
func (g *group) note(service string, s standing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if was, known := g.standings[service]; g.gone || known && was == s {
		return
	}
	g.standings[service] = s
	g.publish()
	if g.busy() {
		g.kick()
	}
}

// publish puts the present split in force and gives the revision that holds it.
func (g *group) publish() (revision uint64) {
	g.keepSampling()
	g.revision = g.c.cfg.Gateways.PublishGroup(g.make())
	return g.revision
}

func (g *group) make() traffic.Group {
	route := traffic.Group{Name: g.name, Token: g.c.openToken(g.record.Token)}
	members := g.members()
	weights := canary.Weights(g.record.Mode, members)
	for i, m := range members {
		route.Members = append(route.Members, traffic.Member{Service: m.Service, Weight: weights[i]})
	}
	for _, r := range g.record.Rules {
		route.Rules = append(route.Rules, traffic.Rule{
			Service: r.Service, Header: r.Header, Cookie: r.Cookie, Query: r.Query, Equals: r.Equals, Matches: r.Matches, Percent: r.Percent,
		})
	}
	return route
}

// members are the members by name, as the core sees them.
func (g *group) members() []canary.Member {
	var list []canary.Member
	for _, name := range slices.Sorted(maps.Keys(g.record.Members)) {
		m, s := g.record.Members[name], g.standings[name]
		list = append(list, canary.Member{Service: name, State: m.State, Weight: m.Weight, Ready: s.ready, Desired: s.desired,
			Stopped: s.stopped, Update: s.update})
	}
	return list
}

// Groups shows every group, by name.
func (c *Controller) Groups(context.Context) []api.Group {
	list := []api.Group{}
	for _, g := range c.sortedGroups() {
		g.mu.Lock()
		if !g.gone {
			list = append(list, g.view())
		}
		g.mu.Unlock()
	}
	return list
}

// Group shows one group.
func (c *Controller) Group(_ context.Context, name string) (api.Group, error) {
	g, err := c.findGroup(name)
	if err != nil {
		return api.Group{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view(), nil
}

func (g *group) view() api.Group {
	v := api.Group{
		Name: g.name, Endpoint: g.c.cfg.Gateways.Address(g.name), TrafficMode: g.record.Mode, Explicit: g.record.Explicit, Private: g.record.Token != "",
		Members: []api.GroupMember{}, Rules: g.record.Rules, Frozen: inForce(g.record.Frozen, g.c.now()), Revision: g.record.Revision,
		CreatedAt: api.At(g.record.CreatedAt), UpdatedAt: api.At(g.record.UpdatedAt),
	}
	members := g.members()
	shares := canary.Shares(g.record.Mode, members)
	now := g.sample()
	parts := measured(g.since(now.at, now.at.Add(-measuredOver)), now)
	for i, m := range members {
		member := api.GroupMember{
			Service: m.Service, State: m.State, Weight: m.Weight, Share: shares[i], Ready: m.Ready, Desired: m.Desired,
		}
		if part, ok := parts[m.Service]; ok {
			member.Measured = &part
		}
		v.Members = append(v.Members, member)
	}
	if g.record.Shift != nil {
		v.Shift = g.record.Shift.View(g.core(), now.at)
	}
	if g.record.Promotion != nil {
		v.Promotion = g.promotionView()
	}
	if v.Rules == nil {
		v.Rules = []api.TrafficRule{}
	}
	return v
}
