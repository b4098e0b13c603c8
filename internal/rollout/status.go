package rollout

import (
	"fmt"

	"sluice.dev/sluice/api"
)

// Status says how the service is: the first word of design.md 2b that matches,
// one word for why, and a sentence for a person.
func (s *State) Status() (status api.Status, reason, message string) {
	sv := &s.Service
	ro := sv.Rollout
	c := s.Counts()
	switch {
	case sv.Deleting:
		return api.StatusDeleting, "", s.ending()
	case sv.Stopped && len(s.Replicas) > 0:
		return api.StatusStopping, "", s.ending()
	case sv.Stopped:
		return api.StatusStopped, "", ""
	case ro.Active():
		return s.rolloutStatus(c)
	case sv.Scaling && (c.Ready != sv.Desired || c.Live != sv.Desired):
		return api.StatusScaling, "", fmt.Sprintf("%d of %d ready", c.Ready, sv.Desired) + s.failure()
	case c.Ready < sv.Desired:
		reason = "unready"
		if c.Failed > 0 {
			reason = PausedByFailure
		}
		return api.StatusDegraded, reason, fmt.Sprintf("%d of %d ready", c.Ready, sv.Desired) + s.failure() + s.trouble()
	}
	return api.StatusRunning, "", s.lastRollout()
}

func (s *State) ending() string {
	switch n := len(s.Replicas); n {
	case 0:
		return "all replicas have ended"
	case 1:
		return "1 replica has yet to end"
	default:
		return fmt.Sprintf("%d replicas have yet to end", n)
	}
}

func (s *State) rolloutStatus(c api.ReplicaCounts) (status api.Status, reason, message string) {
	ro := s.Service.Rollout
	message = fmt.Sprintf("%d of %d updated", c.Updated, s.Service.Desired)
	if ro.Message != "" {
		message = ro.Message
	}
	switch {
	case ro.Kind == api.KindCreate && s.Service.Base == nil && ro.PausedBy == PausedByFailure:
		status = api.StatusFailed
	case ro.Kind == api.KindCreate:
		status = api.StatusCreating
		if ro.Message == "" {
			message = fmt.Sprintf("%d of %d ready", c.Ready, s.Service.Desired)
		}
	case ro.Paused():
		status = api.StatusPaused
	default:
		status = api.StatusUpdating
	}
	return status, ro.PausedBy, message
}

// failure quotes the first failed replica.
func (s *State) failure() string {
	for i := range s.Replicas {
		if r := &s.Replicas[i]; r.Stage == Failed {
			return "; replica " + r.ID + " failed: " + r.Failure + "; `sluice resume` tries again"
		}
	}
	return ""
}

// trouble quotes the first live replica that says why it is not ready.
func (s *State) trouble() string {
	for i := range s.Replicas {
		if r := &s.Replicas[i]; r.Stage == Live && !s.isReady(r) {
			return "; replica " + r.ID + " is " + string(s.Phase(r)) + because(s.Why(r))
		}
	}
	return ""
}

func (s *State) lastRollout() string {
	ro := s.Service.Rollout
	if ro == nil || ro.Phase != api.RolloutRolledBack {
		return ""
	}
	if ro.Message != "" {
		return fmt.Sprintf("the last %s was rolled back: %s", ro.Kind, ro.Message)
	}
	return fmt.Sprintf("the last %s was rolled back", ro.Kind)
}

// RolloutView is the rollout as users see it, nil before the first.
func (s *State) RolloutView() *api.Rollout {
	ro := s.Service.Rollout
	if ro == nil {
		return nil
	}
	v := ro.View(s.Service.Name)
	v.TargetUpdated, v.Total = s.Service.TargetUpdated(), s.Service.Desired
	v.Updated = s.Counts().Updated
	v.WaitingFor = s.WaitingFor()
	v.NextBatchAt = api.AtPtr(s.nextBatchAt())
	return v
}

// View is the rollout without the counts of the present moment: for the record
// of one that has ended.
func (ro *Rollout) View(service string) *api.Rollout {
	return &api.Rollout{
		ID: ro.ID, Service: service, Kind: ro.Kind, Phase: ro.Phase,
		FromVersion: ro.From, ToVersion: ro.To.Version,
		Planned: ro.Planned, Gates: ro.Gates, Reason: ro.PausedBy, Message: ro.Message, Creator: ro.Creator,
		StartedAt: api.At(ro.StartedAt), EndedAt: api.AtPtr(ro.EndedAt),
	}
}
