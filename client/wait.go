package client

import (
	"context"
	"errors"
	"fmt"

	"sluice.dev/sluice/api"
)

// Goal is the state that a change asks for, which Wait waits for.
type Goal int

const (
	// Rolled: the rollout in the answer has completed, or waits at the target of
	// its plan. Without a rollout in progress: the scale that the change was, if
	// it was one.
	Rolled Goal = iota
	// RolledBack is Rolled, and a rollout that ends rolled back is what was asked for.
	RolledBack
	// Steady: as many replicas are ready as desired.
	Steady
	// Halted: the service is stopped.
	Halted
	// Gone: the service does not exist any more.
	Gone
)

// End is how waiting ended.
type End struct {
	Service api.Service // as it was last seen
	Reached bool        // the state that was asked for; false: it ended otherwise
	Text    string      // which it is, one sentence
}

// Progress is something new to show while waiting.
type Progress struct {
	Service api.Service
	Trouble error // the connection is broken; it is being made again
}

// Wait follows a change until the state it asked for is reached, or cannot be
// any more: paused by a failure, superseded, rolled back, stopped, deleted
// (design.md 2b). A rollout that somebody pauses is waited for: it may be
// resumed. The error is that of ctx, or a *Problem; the End then holds the
// service as last seen. Progress, which may be nil, is called for every news.
func (c *Client) Wait(ctx context.Context, answer Answer, goal Goal, progress func(Progress)) (End, error) {
	w := &wait{client: c, first: answer, goal: goal, end: End{Service: answer.Service}}
	if ro := answer.Rollout; ro != nil && !ro.Phase.Ended() && goal <= RolledBack {
		w.rollout = ro.ID
	}
	if w.nothingToDo() {
		w.finish(true, "%s", answer.Text)
		return w.end, nil
	}
	if done, err := w.look(ctx, &answer.Service); done || err != nil {
		return w.end, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for news, err := range c.Watch(ctx, WatchOptions{Service: answer.Name}) {
		var problem *Problem
		if errors.As(err, &problem) && problem.Status < 500 {
			return w.end, err
		}
		seen := news.Event == nil // an event comes with a service of its own
		if progress != nil && (err != nil || seen) {
			if s := w.shown(news); s != nil {
				w.end.Service = *s
			}
			progress(Progress{w.end.Service, err})
		}
		if err != nil || !seen {
			continue
		}
		if done, err := w.look(ctx, w.shown(news)); done || err != nil {
			return w.end, err
		}
	}
	return w.end, context.Cause(ctx)
}

// wait is one call of Wait.
type wait struct {
	client  *Client
	first   Answer
	goal    Goal
	rollout string // the rollout that is followed, "" for none
	end     End
}

func (w *wait) finish(reached bool, format string, args ...any) bool {
	w.end.Reached, w.end.Text = reached, fmt.Sprintf(format, args...)
	return true
}

// nothingToDo tells changes that were complete when they were answered: those of
// a stopped service, of settings alone, and none at all.
func (w *wait) nothingToDo() bool {
	switch status := w.first.Status; {
	case w.goal > Steady:
		return false
	case status == api.StatusStopped || status == api.StatusStopping:
		return true
	}
	return w.goal <= RolledBack && w.rollout == "" && w.first.Status != api.StatusScaling
}

// shown is the service in the news, nil when it is gone.
func (w *wait) shown(news News) *api.Service {
	for i := range news.Resync {
		if news.Resync[i].Name == w.first.Name {
			return &news.Resync[i]
		}
	}
	return news.Service
}

// look tells whether waiting is over, and how.
func (w *wait) look(ctx context.Context, s *api.Service) (done bool, err error) {
	if s == nil || !s.CreatedAt.Equal(w.first.CreatedAt.Time) { // or another one of the same name
		return w.finish(w.goal == Gone, "service %s is deleted", w.first.Name), nil
	}
	w.end.Service = *s
	switch {
	case w.goal == Gone:
		return false, nil
	case w.goal == Halted && s.Status == api.StatusStopped:
		return w.finish(true, "service %s is stopped", s.Name), nil
	case w.goal == Halted && s.Status == api.StatusStopping:
		return false, nil
	case w.goal == Halted && s.Status != api.StatusDeleting:
		return w.finish(false, "service %s was started again meanwhile", s.Name), nil
	case s.Status == api.StatusDeleting:
		return w.finish(false, "service %s is being deleted", s.Name), nil
	case s.Status == api.StatusStopped || s.Status == api.StatusStopping:
		return w.finish(false, "service %s was stopped meanwhile", s.Name), nil
	case w.rollout == "":
		return w.lookAtCounts(s), nil
	case s.Rollout == nil || s.Rollout.ID != w.rollout:
		return w.lookBack(ctx, s)
	}
	return w.lookAtRollout(s, s.Rollout), nil
}

func (w *wait) lookAtCounts(s *api.Service) bool {
	n := s.Replicas
	rolling := s.Rollout != nil && !s.Rollout.Phase.Ended()
	switch {
	case n.Desired != w.first.Replicas.Desired:
		return w.finish(false, "service %s was scaled to %d meanwhile", s.Name, n.Desired)
	case n.Failed > w.first.Replicas.Failed:
		return w.finish(false, "%s", s.Message)
	case n.Ready >= n.Desired && (n.Live <= n.Desired || rolling):
		return w.finish(true, "%d of %d replicas ready", n.Ready, n.Desired)
	}
	return false
}

func (w *wait) lookAtRollout(s *api.Service, ro *api.Rollout) bool {
	switch {
	case ro.Phase == api.RolloutCompleted:
		return w.finish(true, "version %d runs, %d of %d replicas ready", ro.ToVersion, s.Replicas.Ready, s.Replicas.Desired)
	case ro.Phase == api.RolloutRolledBack:
		return w.finish(w.goal == RolledBack, "the %s to version %d was rolled back to version %d", ro.Kind, ro.ToVersion, s.CurrentVersion)
	case ro.Phase == api.RolloutSuperseded:
		return w.finish(false, "the %s to version %d was superseded", ro.Kind, ro.ToVersion)
	case s.Status == api.StatusFailed || ro.Phase == api.RolloutPaused && (ro.Reason == "failure" || ro.Reason == "gate"):
		return w.finish(false, "%s", s.Message)
	case ro.Phase == api.RolloutPaused && ro.Reason == "plan deleted":
		return w.finish(false, "the update plan was deleted at %d of %d", ro.Updated, ro.Total)
	case atManualTarget(s.Plan):
		return w.finish(true, "waiting at %d of %d", ro.Updated, ro.Total)
	}
	return false
}

// atManualTarget tells whether a plan waits for its operator.
func atManualTarget(p *api.Plan) bool {
	return p != nil && p.Phase == api.PlanInEffect && p.Stage == api.StageBatchCompleted && p.Batch == nil && !p.Judging && p.Target < p.Total
}

// lookBack asks what became of the rollout after another one has begun.
func (w *wait) lookBack(ctx context.Context, s *api.Service) (done bool, err error) {
	ro, err := w.client.Rollout(ctx, s.Name, w.rollout)
	if err != nil {
		return false, err
	}
	if ro.Phase == api.RolloutSuperseded && s.Rollout != nil {
		by := s.Rollout
		return w.finish(false, "the %s to version %d was superseded by the %s to version %d of %s", ro.Kind, ro.ToVersion, by.Kind, by.ToVersion, by.Creator), nil
	}
	return w.lookAtRollout(s, &ro), nil
}
