package controller

import (
	"context"
	"fmt"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// Scale sets the desired number of replicas. It makes no version.
func (c *Controller) Scale(ctx context.Context, by By, name string, instance int) (Outcome, error) {
	return c.alter(ctx, by, name, "Scaled", func(s *service, op *operation) error {
		doc, err := api.Set(s.doc, fmt.Sprintf("metadata.instance=%d", instance))
		if err != nil {
			return err
		}
		spec, err := api.Parse(doc)
		if err != nil {
			return err
		}
		if instance > s.state.Service.Desired { // fewer is always better
			if err := s.c.fits(spec); err != nil {
				return err
			}
		}
		return s.scale(op, doc, instance)
	})
}

func (s *service) scale(op *operation, doc api.Document, n int) error {
	was := s.state.Service.Desired
	if n == was && s.failed() == 0 {
		op.unchanged, op.text = true, fmt.Sprintf("nothing to change: %s has %d replicas", s.name(), n)
		return nil
	}
	s.put(doc)
	s.state.Scale(n)
	op.text = fmt.Sprintf("scaled from %d to %d replicas", was, n)
	return nil
}

func (s *service) failed() int { return s.state.Counts().Failed }

// put makes a document the one in force.
func (s *service) put(doc api.Document) {
	s.doc = bare(doc)
	s.record.Config = s.doc.JSON()
}

// Restart replaces every replica by one of the same version and its recorded
// content. When a file it refers to has changed since and no copy is kept, there
// is no such content any more, and that is what an update is for: it is refused.
func (c *Controller) Restart(ctx context.Context, by By, name string) (Outcome, error) {
	number, changed, err := c.lost(ctx, name)
	if err != nil {
		return Outcome{}, err
	}
	return c.alter(ctx, by, name, "RestartBegan", func(s *service, op *operation) error {
		if len(changed) > 0 && number == s.state.Service.Current.Version {
			return &rollout.Refusal{
				Message: fmt.Sprintf("%s changed or went since version %d was made, so its replicas cannot be restarted as they were",
					strings.Join(changed, ", "), number),
				Hint: "`sluice update " + s.name() + "` makes a version of what is there now",
			}
		}
		op.text = fmt.Sprintf("version %d restarts", s.state.Service.Current.Version)
		return s.state.Restart(by.Actor)
	})
}

// Pause freezes the rollout in progress.
func (c *Controller) Pause(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "RolloutPaused", func(s *service, op *operation) error {
		if ro := s.state.Service.Rollout; ro.Paused() {
			op.unchanged, op.text = true, "nothing to change: rollout "+ro.ID+" is paused already ("+ro.PausedBy+")"
			return nil
		}
		if err := s.state.Pause(); err != nil {
			return err
		}
		op.text = "rollout " + s.state.Service.Rollout.ID + " is paused; `sluice resume " + name + "` lets it go on"
		return nil
	})
}

// Resume lets a paused rollout go on, or tries failed replicas again.
func (c *Controller) Resume(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "RolloutResumed", func(s *service, op *operation) error {
		op.text = "failed replicas are started again"
		if ro := s.state.Service.Rollout; ro.Paused() {
			op.text = "rollout " + ro.ID + " goes on"
		}
		return s.state.Resume()
	})
}

// Stop ends all replicas; the service and its versions stay.
func (c *Controller) Stop(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "Stopped", func(s *service, op *operation) error {
		op.text = "the service stops; `sluice start " + name + "` starts it again"
		return s.state.Stop()
	})
}

// Start brings a stopped service back.
func (c *Controller) Start(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "Started", func(s *service, op *operation) error {
		op.text = fmt.Sprintf("the service starts with version %d", s.state.Service.Current.Version)
		return s.state.Start(by.Actor)
	})
}

// Delete ends the service. Its replicas drain first; it is gone when they are.
func (c *Controller) Delete(ctx context.Context, by By, name string) (Outcome, error) {
	return c.alter(ctx, by, name, "DeleteBegan", func(s *service, op *operation) error {
		op.text = "the service is being deleted"
		op.ended = s.state.Delete()
		return nil
	})
}

// EvictReplica has a replica replaced by another of its own version.
func (c *Controller) EvictReplica(ctx context.Context, by By, name, id string) (Outcome, error) {
	return c.alter(ctx, by, name, "ReplicaEvicted", func(s *service, op *operation) error {
		if s.state.Replica(id) == nil {
			return &NotFoundError{Kind: "replica", Name: id, Hint: "`sluice replicas " + name + "` shows what there is"}
		}
		op.text = "replica " + id + " is replaced by another"
		return s.state.Evict(id)
	})
}
