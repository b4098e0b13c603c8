package controller

import (
	"context"
	"fmt"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// Promote begins to make a canary's version that of other members; asked for
// again while it is in progress, it has updates that did not succeed made anew.
func (c *Controller) Promote(ctx context.Context, by By, name string, ch api.PromoteChange) (Outcome, error) {
	version := 0
	if err := c.read(name, func(s *service) error { version = s.state.Service.Current.Version; return nil }); err != nil {
		return Outcome{}, err
	}
	return c.intend(ctx, by, name, "PromotionBegan", func(g *group, r *store.Group) (string, []string, error) {
		is := g.core()
		p, err := canary.BeginPromotion(r.Promotion, name, version, ch, is, r.Shift, by.Actor, c.now())
		if err != nil {
			return "", nil, err
		}
		if r.Shift.Active() {
			s := canary.EndShift(*r.Shift, c.now())
			r.Shift = &s
		}
		r.Promotion = &p
		return fmt.Sprintf("version %d of %s is promoted into %v", version, name, p.Into), nil, nil
	})
}

// AbortPromotion ends a promotion where it stands; updates that it began go on.
func (c *Controller) AbortPromotion(ctx context.Context, by By, name string) (Outcome, error) {
	return c.intend(ctx, by, name, "PromotionAborted", func(g *group, r *store.Group) (string, []string, error) {
		if !r.Promotion.Active() || r.Promotion.Canary != name {
			return "", nil, &rollout.Refusal{Message: "no promotion of " + name + " is in progress"}
		}
		p := canary.AbortPromotion(*r.Promotion, "", c.now())
		r.Promotion = &p
		return "the promotion of " + name + " ends where it stands", nil, nil
	})
}

// Promotion shows the promotion of a service: the one in progress, or the last.
func (c *Controller) Promotion(_ context.Context, name string) (v api.Promotion, err error) {
	err = c.lookAtMember("promotion of", name, func(g *group) error {
		if g.record.Promotion == nil || g.record.Promotion.Canary != name {
			return &NotFoundError{Kind: "promotion of", Name: name, Hint: "`sluice promote " + name + "` begins one"}
		}
		v = *g.promotionView()
		return nil
	})
	return v, err
}

func (g *group) promotionView() *api.Promotion {
	v := g.record.Promotion.View(g.core(), g.c.now())
	if g.trouble != "" && v.WaitingFor != "" {
		v.WaitingFor += "; " + g.trouble
	}
	return v
}

// Abandon takes a canary out of its group's traffic at once, and with stop ends
// its replicas.
func (c *Controller) Abandon(ctx context.Context, by By, name string, stop bool) (Outcome, error) {
	out, err := c.intend(ctx, by, name, "Abandoned", func(g *group, r *store.Group) (string, []string, error) {
		a, err := canary.Abandon(g.core(), name, r.Shift, r.Promotion, c.now())
		if err != nil {
			return "", nil, err
		}
		put(r, &a.Set)
		if a.Shift != nil {
			r.Shift = a.Shift
		}
		if a.Promotion != nil {
			r.Promotion = a.Promotion
		}
		g.scale(a.Scale)
		return "service " + name + " gets no traffic of the group any more", a.Warnings, nil
	})
	if err != nil || !stop {
		return out, err
	}
	stopped, err := c.Stop(ctx, by, name)
	if err != nil {
		return out, err
	}
	stopped.Text, stopped.Warnings = out.Text+"; it stops", out.Warnings
	return stopped, nil
}

// update has a service updated to the configuration of the promotion's version,
// and writes down which version that made. Asked for again after a crash it finds
// nothing to change, and the version is the one there is.
func (g *group) update(name string) {
	if name == "" {
		return
	}
	p := *g.record.Promotion
	g.act(func(ctx context.Context, by By) error {
		version, err := g.c.updateFrom(ctx, by, name, p.Canary, p.Version)
		if err != nil {
			return err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.gone || !g.record.Promotion.Active() || g.record.Promotion.Canary != p.Canary {
			return nil
		}
		_, err = g.change(by, "PromotionGoesOn", fmt.Sprintf("service %s is updated to version %d", name, version), func(r *store.Group) error {
			next := canary.NoteUpdated(*r.Promotion, name, version)
			r.Promotion = &next
			return nil
		})
		return err
	})
}

// updateFrom updates a service to another's version: its whole configuration, but for
// name, scale, membership and rolling_strategy.
func (c *Controller) updateFrom(ctx context.Context, by By, name, from string, number int) (version int, err error) {
	var doc api.Document
	err = c.read(from, func(s *service) error {
		v := s.version(number)
		if v == nil {
			return s.noVersion(number)
		}
		doc = v.doc
		return nil
	})
	if err != nil {
		return 0, err
	}
	by.Message = fmt.Sprintf("version %d of %s is promoted", number, from)
	taken := func(s *service) (api.Document, error) {
		return api.Set(api.AsInForce(doc, s.current()), "metadata.name="+name)
	}
	var files prepared
	err = c.read(name, func(s *service) error { doc, err = taken(s); return err })
	if err == nil {
		files, err = c.prepareFiles(ctx, doc)
	}
	if err != nil {
		return 0, err
	}
	defer files.done(c)
	out, err := c.alter(ctx, by, name, "Updated", func(s *service, op *operation) error {
		next, err := taken(s)
		if err != nil {
			return err
		}
		return s.update(by, op, next, true, files)
	})
	if err != nil {
		return 0, err
	}
	c.retainLatest(ctx, name, out)
	return out.Service.CurrentVersion, nil
}
