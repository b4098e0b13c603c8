package rollout

import "sluice.dev/sluice/api"

// mix is how many live replicas are wanted of the target version and of the
// base; none is wanted of any other (design.md 2b).
type mix struct{ target, base int }

// desired is the number of replicas wanted in all.
func (s *Service) desired() int {
	if s.Stopped || s.Deleting {
		return 0
	}
	return s.Desired
}

// mix is the mix the service shall come to rest at.
func (s *Service) mix() mix {
	n := s.desired()
	t := s.targetUpdated(n)
	if s.Rollout.Paused() && s.divided() {
		t = below(s.Rollout.Frozen, n)
	}
	return mix{target: t, base: n - t}
}

// TargetUpdated is how many of the desired replicas shall run the target
// version when the rollout has done what it was told.
func (s *Service) TargetUpdated() int { return s.targetUpdated(s.Desired) }

func (s *Service) targetUpdated(n int) int {
	ro := s.Rollout
	switch {
	case !s.divided():
		return n
	case ro.RollingBack:
		return 0
	case ro.TargetUpdated == nil:
		return n
	case ro.TargetUpdated.Percent:
		return ro.TargetUpdated.Up(n)
	}
	return below(ro.TargetUpdated.Value, n)
}

// whole tells whether every replica shall be of the target version because
// somebody said so: a scale alone never completes a rollout (rule 18).
func (s *Service) whole() bool {
	ro := s.Rollout
	return !s.divided() || !ro.RollingBack && (ro.TargetUpdated == nil || *ro.TargetUpdated == everyReplica)
}

// turnsRound tells whether a failure takes the rollout back to its base. A
// rollback is never rolled back.
func (s *Service) turnsRound() bool {
	return s.planned() && s.Plan.OnFailure == api.FailureRollsBack && !s.Rollout.RollingBack && !s.Stopped
}

// below keeps a number of replicas below n, so that a scale alone never turns
// "some" into "all" (rule 18). For n = 1 it is 0: the rollout waits there.
func below(t, n int) int { return max(0, min(t, n-1)) }

// divided tells whether two versions can be wanted side by side: there is a
// rollout in progress with a base that differs from its target. Without one,
// every replica shall be of the target.
func (s *Service) divided() bool {
	if !s.Rollout.Active() || s.Base == nil {
		return false
	}
	return s.Base.Revision != s.Current.Revision || s.Rollout.Kind == api.KindRestart
}

// frozen tells whether the rollout is paused and no scale has moved it since:
// then nothing is started or drained but replacements of what an operator
// evicted (rule 16). A stopped service is not frozen, it ends.
func (s *Service) frozen() bool {
	return s.Rollout.Paused() && !s.Rollout.Rescaled && !s.Stopped && !s.Deleting
}
