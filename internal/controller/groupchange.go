package controller

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// CreateGroup makes a group that stays though it has no members.
func (c *Controller) CreateGroup(ctx context.Context, by By, name string, ch api.GroupChange) (api.Group, error) {
	g, err := c.openGroup(name)
	if err != nil {
		return api.Group{}, err
	}
	v, wait, err := g.begin(by, ch)
	g.mu.Unlock()
	if err != nil {
		return api.Group{}, err
	}
	return v, c.reached(ctx, wait)
}

// begin records a group that was just opened. For who holds mu.
func (g *group) begin(by By, ch api.GroupChange) (v api.Group, wait uint64, err error) {
	if g.record.Revision > 0 {
		return v, 0, &rollout.Refusal{Message: "group " + g.name + " exists already", Hint: "`sluice group set " + g.name + "` changes it"}
	}
	wait, err = g.change(by, "GroupCreated", "the group is made", func(r *store.Group) error {
		r.Explicit = true
		return g.apply(r, ch)
	})
	if err != nil {
		g.abandon()
		return v, 0, err
	}
	return g.view(), wait, nil
}

// ChangeGroup changes a group's traffic mode or its rules.
func (c *Controller) ChangeGroup(ctx context.Context, by By, name string, ch api.GroupChange) (api.Group, error) {
	g, err := c.findGroup(name)
	if err != nil {
		return api.Group{}, err
	}
	v, wait, err := g.alter(by, "GroupChanged", changeText(ch), func(r *store.Group) error { return g.apply(r, ch) })
	if err != nil {
		return api.Group{}, err
	}
	return v, c.reached(ctx, wait)
}

// alter changes a group that somebody may have seen another revision of.
func (g *group) alter(by By, reason, text string, do func(*store.Group) error) (v api.Group, wait uint64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.gone:
		return v, 0, &NotFoundError{Kind: "group", Name: g.name}
	case by.IfRevision != 0 && by.IfRevision != g.record.Revision:
		return v, 0, &StaleError{Want: by.IfRevision, Is: g.record.Revision}
	}
	if err := refuseFrozen(g.record.Frozen, "group", g.name, reason, g.c.now()); err != nil {
		return v, 0, err
	}
	next := g.clone()
	if err := do(&next); err != nil {
		return v, 0, err
	}
	if reflect.DeepEqual(next, g.clone()) {
		return g.view(), g.revision, nil
	}
	if wait, err = g.change(by, reason, text, func(r *store.Group) error { *r = next; return nil }); err != nil {
		return v, 0, err
	}
	return g.view(), wait, nil
}

func changeText(ch api.GroupChange) string {
	var words []string
	if ch.TrafficMode != nil {
		words = append(words, fmt.Sprintf("traffic mode %s", *ch.TrafficMode))
	}
	if ch.Rules != nil {
		words = append(words, fmt.Sprintf("%d rules", len(*ch.Rules)))
	}
	if ch.Token != nil {
		words = append(words, "another token")
	}
	return strings.Join(words, ", ")
}

// apply makes a change of a group. A switch to customized writes the weights that
// are in force, so that it moves no traffic (rule 20).
func (g *group) apply(r *store.Group, ch api.GroupChange) error {
	if ch.Rules != nil {
		for i, rule := range *ch.Rules {
			if _, member := r.Members[rule.Service]; !member {
				return api.InvalidGroup(fmt.Sprintf("rules[%d].service", i), rule.Service, "the group %s has no such member", g.name)
			}
		}
		r.Rules = *ch.Rules
	}
	if ch.Token != nil {
		var err error
		if r.Token, err = g.c.sealToken(r.Token, *ch.Token); err != nil {
			return err
		}
	}
	if ch.TrafficMode == nil || *ch.TrafficMode == r.Mode {
		return nil
	}
	if err := g.held("traffic mode"); err != nil {
		return err
	}
	if *ch.TrafficMode == api.ModeCustomized {
		for name, weight := range canary.Convert(g.members()) {
			m := r.Members[name]
			m.Weight = weight
			r.Members[name] = m
		}
	}
	r.Mode = *ch.TrafficMode
	return nil
}

// DeleteGroup removes a group's address. Its members go on by themselves, or,
// with cascade, are deleted with it.
func (c *Controller) DeleteGroup(ctx context.Context, by By, name string, cascade bool) error {
	g, err := c.findGroup(name)
	if err != nil {
		return err
	}
	g.mu.Lock()
	var members []string
	for _, m := range g.members() {
		members = append(members, m.Service)
	}
	g.mu.Unlock()
	for _, member := range members {
		if err := c.part(ctx, by, member, name, cascade); err != nil {
			return err
		}
	}
	_, wait, err := g.alter(by, "GroupDeleted", "the group is deleted", func(r *store.Group) error {
		r.Explicit = false
		clear(r.Members)
		return nil
	})
	var gone *NotFoundError
	switch {
	case errors.As(err, &gone): // with its last member
		return nil
	case err != nil:
		return err
	}
	return c.reached(ctx, wait)
}

// part takes a service out of a group that is being deleted.
func (c *Controller) part(ctx context.Context, by By, member, group string, cascade bool) error {
	doc, err := api.ParseDocument([]byte(`{"metadata": {"group": null}}`))
	if err != nil {
		return err
	}
	by.IfRevision = 0
	by.Message = "group " + group + " is deleted"
	if _, err := c.Update(ctx, by, member, doc, false); err != nil {
		return err
	}
	if cascade {
		_, err = c.Delete(ctx, by, member)
	}
	return err
}

// Release sets a member's weight and traffic state; both are in force at every
// gateway when it is answered.
func (c *Controller) Release(ctx context.Context, by By, name string, ch api.Release) (Outcome, error) {
	s, err := c.find(name)
	if err != nil {
		return Outcome{}, err
	}
	s.mu.Lock()
	out, wait, err := s.releaseTraffic(by, ch)
	s.mu.Unlock()
	if err != nil {
		return Outcome{}, err
	}
	return out, c.reached(ctx, wait)
}

func (s *service) releaseTraffic(by By, ch api.Release) (out Outcome, wait uint64, err error) {
	sv := &s.state.Service
	switch {
	case s.closed.Load():
		return out, 0, &NotFoundError{Kind: "service", Name: s.name()}
	case by.IfRevision != 0 && by.IfRevision != sv.Revision:
		return out, 0, &StaleError{Want: by.IfRevision, Is: sv.Revision}
	case s.record.Group == "":
		return out, 0, &rollout.Refusal{Message: "service " + s.name() + " is in no group, so it has no weight and no traffic state",
			Hint: "`sluice update " + s.name() + " --set metadata.group=NAME` puts it into one"}
	case sv.Deleting:
		return out, 0, &rollout.Refusal{Message: "service " + s.name() + " is being deleted"}
	}
	if err := s.frozen("MemberReleased"); err != nil {
		return out, 0, err
	}
	g, err := s.c.openGroup(s.record.Group)
	if err != nil {
		return out, 0, err
	}
	defer g.mu.Unlock()
	was := g.record.Members[s.name()]
	is := was
	if ch.Weight != nil {
		is.Weight = *ch.Weight
	}
	if ch.TrafficState != nil {
		is.State = *ch.TrafficState
	}
	if is.Weight != was.Weight {
		if err := g.held("weight"); err != nil {
			return out, 0, err
		}
	}
	if is == was {
		return Outcome{Service: s.in(g, s.alone()), Text: "nothing to change"}, g.publish(), nil
	}
	text := fmt.Sprintf("service %s is %s with weight %d", s.name(), is.State, is.Weight)
	wait, err = g.change(by, "MemberReleased", text, func(r *store.Group) error {
		r.Members[s.name()] = is
		return nil
	})
	out = Outcome{Service: s.in(g, s.alone()), Changed: true, Text: text, Warnings: g.crowding()}
	return out, wait, err
}

// held refuses a change by hand of what a shift or a promotion in progress sets.
func (g *group) held(what string) error {
	switch sh, p := g.record.Shift, g.record.Promotion; {
	case sh.Active() && sh.Phase == api.ShiftRunning:
		return &rollout.Refusal{Message: "a shift to " + sh.To + " is in progress, which sets the " + what,
			Hint: "`sluice shift pause " + sh.To + "` holds it, `sluice shift abort " + sh.To + "` goes back"}
	case p.Active():
		return &rollout.Refusal{Message: "a promotion of " + p.Canary + " is in progress, which sets the " + what,
			Hint: "wait for its end, or `sluice promote " + p.Canary + " --abort`"}
	}
	return nil
}

// crowding warns of members whose share is more than their ready replicas'
// part of it all by a quarter and more (rule 23: weights set by hand are not
// held back).
func (g *group) crowding() (warnings []string) {
	members := g.members()
	shares := canary.Shares(g.record.Mode, members)
	ready := 0
	for i, m := range members {
		if shares[i] > 0 {
			ready += m.Ready
		}
	}
	for i, m := range members {
		if load := shares[i] * float64(ready); shares[i] > 0 && load > 1.25*float64(m.Ready) {
			warnings = append(warnings, fmt.Sprintf("%.0f%% of the traffic of %d ready replicas goes to the %d of %s", 100*shares[i], ready, m.Ready, m.Service))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// reached waits until every live gateway has a routing table.
func (c *Controller) reached(ctx context.Context, wait uint64) error {
	if wait == 0 {
		return nil
	}
	return c.cfg.Gateways.WaitAcked(ctx, wait)
}
