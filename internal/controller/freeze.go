package controller

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// A freeze refuses every change of a service or of a group and its members, but
// for what stops a rollout or cares for one replica: those make nothing new.
var despiteFreeze = map[string]bool{"RolloutPaused": true, "ReplicaEvicted": true, "Frozen": true, "Unfrozen": true}

// refuseFrozen is the refusal of a change while f holds, nil when it does not.
func refuseFrozen(f *api.Freeze, what, name, reason string, now time.Time) error {
	if f = inForce(f, now); f == nil || despiteFreeze[reason] {
		return nil
	}
	until := ""
	if !f.Until.IsZero() {
		until = " until " + f.Until.Format("2006-01-02 15:04:05Z07:00")
	}
	return &rollout.Refusal{
		Message: fmt.Sprintf("%s %s is frozen%s by %s: %s", what, name, until, f.By, f.Reason),
		Hint:    "`sluice unfreeze " + name + "` allows changes again",
	}
}

// inForce is a freeze that has not run out.
func inForce(f *api.Freeze, now time.Time) *api.Freeze {
	if f == nil || !f.Until.IsZero() && !now.Before(f.Until.Time) {
		return nil
	}
	return f
}

// same tells whether a freeze changes nothing where another is, which may have
// run out.
func same(is, f *api.Freeze, now time.Time) bool {
	is = inForce(is, now)
	if is == nil || f == nil {
		return is == nil && f == nil
	}
	return is.Reason == f.Reason && is.By == f.By && is.Until.Equal(f.Until.Time)
}

// frozen refuses a change of the service while it or its group is frozen.
func (s *service) frozen(reason string) error {
	now := s.c.now()
	if err := refuseFrozen(s.record.Frozen, "service", s.name(), reason, now); err != nil || s.record.Group == "" {
		return err
	}
	g, err := s.c.findGroup(s.record.Group)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return refuseFrozen(g.record.Frozen, "group", g.name, reason, now)
}

// Freeze has every change of a service, or of a group and its members, refused
// until a time; nil allows them again.
func (c *Controller) Freeze(ctx context.Context, by By, name string, f *api.Freeze) error {
	reason, text := "Unfrozen", "changes are allowed again"
	if f != nil {
		own := *f
		own.By = by.Actor
		f = &own
		reason, text = "Frozen", "changes are refused: "+f.Reason
	}
	if g, err := c.findGroup(name); err == nil {
		_, _, err := g.alter(by, reason, text, func(r *store.Group) error {
			if !same(r.Frozen, f, c.now()) {
				r.Frozen = f
			}
			return nil
		})
		return err
	}
	_, err := c.alter(ctx, by, name, reason, func(s *service, op *operation) error {
		if same(s.record.Frozen, f, s.state.Now) {
			op.unchanged = true
			return nil
		}
		s.record.Frozen = f
		op.text = text
		return nil
	})
	return err
}

// PauseAll pauses every rollout and shift in progress, and gives the names of the
// services and groups whose it paused.
func (c *Controller) PauseAll(ctx context.Context, by By) (paused []string, err error) {
	paused = []string{}
	by.IfRevision = 0
	for _, s := range c.sorted() {
		s.mu.Lock()
		ro := s.state.Service.Rollout
		runs := ro.Active() && !ro.Paused() && !s.closed.Load()
		s.mu.Unlock()
		if !runs {
			continue
		}
		out, err := c.Pause(ctx, by, s.name())
		if err == nil && out.Changed {
			paused = append(paused, s.name())
		}
	}
	for _, g := range c.sortedGroups() {
		if g.pauseShift(by) {
			paused = append(paused, g.name)
		}
	}
	return paused, nil
}

// pauseShift pauses the shift that runs in the group, if one does.
func (g *group) pauseShift(by By) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone || !g.record.Shift.Active() || g.record.Shift.Phase != api.ShiftRunning {
		return false
	}
	paused := canary.PauseShift(*g.record.Shift, canary.ByUser, "", g.c.now())
	_, err := g.change(by, "ShiftPaused", "the shift to "+paused.To+" is paused", func(r *store.Group) error {
		r.Shift = &paused
		return nil
	})
	return err == nil
}
