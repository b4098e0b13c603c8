package controller

import (
	"context"
	"fmt"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// Mirror shows where a service's requests are copied to.
func (c *Controller) Mirror(_ context.Context, name string) (m api.Mirror, err error) {
	err = c.read(name, func(s *service) error {
		if s.record.Mirror == nil {
			return &NotFoundError{Kind: "mirror of", Name: name, Hint: "`sluice mirror " + name + " --to NAME --ratio P` makes one"}
		}
		m = *s.record.Mirror
		return nil
	})
	return m, err
}

// SetMirror has a share of a service's requests copied to another; nil ends that.
// It is in force at every gateway when it is answered.
func (c *Controller) SetMirror(ctx context.Context, by By, name string, m *api.Mirror) (Outcome, error) {
	if m != nil {
		if err := c.mayMirror(ctx, name, *m); err != nil {
			return Outcome{}, err
		}
	}
	reason := "MirrorSet"
	if m == nil {
		reason = "MirrorEnded"
	}
	return c.alter(ctx, by, name, reason, func(s *service, op *operation) error {
		if m == nil && s.record.Mirror == nil {
			op.unchanged, op.text = true, "nothing to change: "+name+" has no mirror"
			return nil
		}
		s.record.Mirror, op.traffic = m, true
		op.text = "no request of " + name + " is copied any more"
		if m != nil {
			op.text = fmt.Sprintf("%d%% of the requests of %s are copied to %s, whose answers are thrown away", m.Ratio, name, m.To)
		}
		return nil
	})
}

// mayMirror refuses a mirror onto itself, onto nothing, and in a circle.
func (c *Controller) mayMirror(ctx context.Context, name string, m api.Mirror) error {
	if err := m.Check(); err != nil {
		return err
	}
	if _, err := c.find(name); err != nil {
		return err
	}
	path := name
	for at := m.To; ; {
		path += " -> " + at
		if at == name {
			return &rollout.Refusal{Message: "requests would be copied in a circle: " + path, Hint: "choose a service that is not mirrored to " + name}
		}
		if _, err := c.find(at); err != nil {
			return api.InvalidMirror("to", at, "there is no such service; `sluice list` shows what there is")
		}
		next, err := c.Mirror(ctx, at)
		if err != nil {
			return nil
		}
		at = next.To
	}
}
