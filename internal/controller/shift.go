package controller

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

const (
	// ackAgain is how soon is looked whether every gateway has the weights.
	ackAgain = 50 * time.Millisecond
	// actAgain is how soon a scale or an update that failed is tried again.
	actAgain = 5 * time.Second
)

// core is the group as the core of canary releases sees it.
func (g *group) core() canary.Group {
	return canary.Group{Mode: g.record.Mode, Members: g.members(), InForce: g.c.cfg.Gateways.Acked() >= g.revision}
}

// busy tells whether a shift or a promotion is in progress.
func (g *group) busy() bool { return g.record.Shift.Active() || g.record.Promotion.Active() }

// kick asks for a turn of the group.
func (g *group) kick() {
	if g.c.running.Load() && !g.asked.Swap(true) {
		g.c.schedule.Go(g.turn)
	}
}

// turn decides what the shift and the promotion do next, records it, and only
// then does it.
func (g *group) turn() {
	g.asked.Store(false)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone || g.c.ctx.Err() != nil || !g.busy() {
		return
	}
	wake := actAgain
	if err := g.decide(&wake); err != nil {
		g.c.log.Error("what a group's shift or promotion decided cannot be recorded, so nothing is done", "group", g.name, "error", err)
	}
	g.watchShift()
	if g.stopAlarm != nil {
		g.stopAlarm()
	}
	g.stopAlarm = g.c.schedule.After(wake, g.kick)
}

// decide takes steps until there is nothing more to decide at this instant.
func (g *group) decide(wake *time.Duration) error {
	const most = 100 // steps in one turn: each changes something, so there are few
	for range most {
		moved, err := g.decideOnce(wake)
		if err != nil || !moved {
			return err
		}
	}
	return nil
}

func (g *group) decideOnce(wake *time.Duration) (moved bool, err error) {
	now, is := g.c.now(), g.core()
	if !is.InForce {
		*wake = ackAgain
	}
	if g.record.Shift.Active() {
		d := canary.DecideShift(*g.record.Shift, is, now)
		if !d.Wake.IsZero() {
			*wake = min(*wake, max(time.Millisecond, d.Wake.Sub(now)))
		}
		if d.Set != nil || !sameShift(*g.record.Shift, d.Shift) {
			return true, g.recordShift(d)
		}
		g.scale(d.Scale)
	}
	if g.record.Promotion.Active() {
		d := canary.DecidePromotion(*g.record.Promotion, is, now)
		if d.Set != nil || !samePromotion(*g.record.Promotion, d.Promotion) {
			return true, g.recordPromotion(d)
		}
		g.scale(d.Scale)
		g.update(d.Update)
	}
	return false, nil
}

// sameShift compares what a decision may change.
func sameShift(a, b canary.Shift) bool {
	return a.Phase == b.Phase && a.Reason == b.Reason && a.Message == b.Message && a.Percent == b.Percent && a.ReachedAt.Equal(b.ReachedAt) &&
		a.GateAction == b.GateAction && a.Begun == b.Begun && a.Rejoin == b.Rejoin && a.Scaled == b.Scaled && a.Reference == b.Reference
}

func samePromotion(a, b canary.Promotion) bool {
	return a.Phase == b.Phase && a.Message == b.Message && len(a.Into) == len(b.Into) && (a.Moving == nil) == (b.Moving == nil)
}

func (g *group) recordShift(d canary.ShiftDecision) error {
	was, is := g.record.Shift, d.Shift
	text := fmt.Sprintf("the shift to %s has %d%% of the traffic", is.To, is.Percent)
	reason := "ShiftGoesOn"
	switch {
	case is.Phase != was.Phase:
		reason = map[api.ShiftPhase]string{api.ShiftCompleted: "ShiftCompleted", api.ShiftAborted: "ShiftAborted", api.ShiftPaused: "ShiftPaused"}[is.Phase]
		text = fmt.Sprintf("the shift to %s is %s at %d%%: %s", is.To, is.Phase, is.Percent, is.Message)
	case is.Percent != was.Percent:
		reason, text = "ShiftStep", fmt.Sprintf("%d%% of the traffic goes to %s", is.Percent, is.To)
	}
	_, err := g.change(By{Actor: "sluice"}, reason, text, func(r *store.Group) error {
		r.Shift = &is
		put(r, d.Set)
		return nil
	})
	g.scale(d.Scale)
	return err
}

func (g *group) recordPromotion(d canary.PromotionDecision) error {
	is := d.Promotion
	reason, text := "PromotionGoesOn", "the promotion of "+is.Canary+" goes on: "+d.WaitingFor
	switch is.Phase {
	case api.PromotionCompleted:
		reason, text = "PromotionCompleted", is.Message
	case api.PromotionAborted:
		reason, text = "PromotionAborted", is.Message
	}
	_, err := g.change(By{Actor: "sluice"}, reason, text, func(r *store.Group) error {
		r.Promotion = &is
		put(r, d.Set)
		return nil
	})
	g.scale(d.Scale)
	return err
}

// put writes a split into the record.
func put(r *store.Group, sp *canary.Split) {
	if sp == nil {
		return
	}
	r.Mode = sp.Mode
	for name, weight := range sp.Weights {
		if m, member := r.Members[name]; member {
			m.Weight = weight
			r.Members[name] = m
		}
	}
	for name, state := range sp.States {
		if m, member := r.Members[name]; member {
			m.State = state
			r.Members[name] = m
		}
	}
}

// scale has a member scaled; it is asked for again as long as it is not.
func (g *group) scale(to *canary.Scale) {
	if to == nil || g.standings[to.Service].desired == to.To {
		return
	}
	g.act(func(ctx context.Context, by By) error {
		_, err := g.c.Scale(ctx, by, to.Service, to.To)
		return err
	})
}

// act does something to a service, outside the lock, one thing at a time.
func (g *group) act(do func(ctx context.Context, by By) error) {
	now := g.c.now()
	if g.acting || now.Before(g.actNext) {
		return
	}
	g.acting = true
	by := By{Actor: "sluice", Message: "group " + g.name}
	g.c.schedule.Go(func() {
		err := do(g.c.ctx, by)
		g.mu.Lock()
		g.acting, g.trouble = false, ""
		if err != nil {
			g.trouble, g.actNext = err.Error(), g.c.now().Add(actAgain)
		}
		g.mu.Unlock()
		g.kick()
	})
}

// Shift shows the shift to a service: the one in progress, or the last one.
func (c *Controller) Shift(_ context.Context, name string) (v api.Shift, err error) {
	err = c.lookAtMember("shift to", name, func(g *group) error {
		if g.record.Shift == nil || g.record.Shift.To != name {
			return &NotFoundError{Kind: "shift to", Name: name, Hint: "`sluice shift " + name + "` begins one"}
		}
		v = *g.record.Shift.View(g.core(), c.now())
		return nil
	})
	return v, err
}

// lookAtMember is ofMember for somebody who only looks: what a service without a
// group cannot have is not found, while changing it is refused.
func (c *Controller) lookAtMember(kind, name string, do func(*group) error) error {
	err := c.ofMember(name, do)
	var refusal *rollout.Refusal
	if errors.As(err, &refusal) {
		return &NotFoundError{Kind: kind, Name: name, Hint: refusal.Message + "; " + refusal.Hint}
	}
	return err
}

// ofMember does something to the group of a service, with the group's lock held.
func (c *Controller) ofMember(name string, do func(*group) error) error {
	group := ""
	if err := c.read(name, func(s *service) error { group = s.record.Group; return nil }); err != nil {
		return err
	}
	if group == "" {
		return &rollout.Refusal{Message: "service " + name + " is in no group, so it has no share of its traffic",
			Hint: "`sluice update " + name + " --set metadata.group=NAME` puts it into one"}
	}
	g, err := c.findGroup(group)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return do(g)
}

// intend changes a group's shift or promotion on somebody's behalf, and takes the
// first decision on it.
func (c *Controller) intend(ctx context.Context, by By, name, reason string, do func(g *group, r *store.Group) (text string, warnings []string, err error)) (Outcome, error) {
	var wait uint64
	var text string
	var warnings []string
	changed := true
	err := c.ofMember(name, func(g *group) (err error) {
		if err := refuseFrozen(g.record.Frozen, "group", g.name, reason, c.now()); err != nil {
			return err
		}
		next := g.clone()
		if text, warnings, err = do(g, &next); err != nil {
			return refused(err)
		}
		if reflect.DeepEqual(next, g.clone()) { // nothing to record, and nobody to tell
			changed, wait, text = false, g.revision, "nothing to change: "+text
			return nil
		}
		if wait, err = g.change(by, reason, text, func(r *store.Group) error { *r = next; return nil }); err != nil {
			return err
		}
		g.kick()
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	service, err := c.Get(ctx, name)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Service: service, Changed: changed, Text: text, Warnings: warnings}, c.reached(ctx, wait)
}

// refused is a refusal of the canary core as one of the rollout's, which the API
// knows.
func refused(err error) error {
	var r *canary.Refusal
	if errors.As(err, &r) {
		return &rollout.Refusal{Message: r.Message, Hint: r.Hint}
	}
	return err
}

// ChangeShift begins a gradual shift to a service, or changes the one in progress.
func (c *Controller) ChangeShift(ctx context.Context, by By, name string, ch api.ShiftChange) (Outcome, error) {
	if ch.To == "" {
		ch.To = name
	}
	if err := c.checkGates(ctx, name, ch.Gates); err != nil {
		return Outcome{}, err
	}
	return c.intend(ctx, by, name, "ShiftChanged", func(g *group, r *store.Group) (string, []string, error) {
		if r.Promotion.Active() {
			return "", nil, &rollout.Refusal{Message: "a promotion is in progress in the group", Hint: "wait for its end, or abort it"}
		}
		s, err := canary.ChangeShift(r.Shift, ch, g.core(), by.Actor, c.now())
		if err != nil {
			return "", nil, err
		}
		r.Shift = &s
		return fmt.Sprintf("a shift to %s, steps %v, %s apart: %s", s.To, s.Steps, api.Interval(s.Interval), s.Phase), nil, nil
	})
}

// AbortShift goes back to the split before the shift.
func (c *Controller) AbortShift(ctx context.Context, by By, name string) (Outcome, error) {
	return c.intend(ctx, by, name, "ShiftAborted", func(g *group, r *store.Group) (string, []string, error) {
		if !r.Shift.Active() || r.Shift.To != name {
			return "", nil, &rollout.Refusal{Message: "no shift to " + name + " is in progress"}
		}
		d := canary.AbortShift(*r.Shift, g.core(), canary.ByUser, "", c.now())
		r.Shift = &d.Shift
		put(r, d.Set)
		g.scale(d.Scale)
		return "the shift to " + name + " is aborted; the group has the split from before it", nil, nil
	})
}
