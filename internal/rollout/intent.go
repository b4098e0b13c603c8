package rollout

import (
	"fmt"
	"strconv"

	"sluice.dev/sluice/api"
)

// Refusal is an operation that the present state does not allow. Nothing was
// changed.
type Refusal struct {
	Message string // what is refused and why
	Hint    string // what to do instead
}

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}

func refuse(hint, format string, args ...any) error {
	return &Refusal{Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Begun makes the state of a new service: its first version, and the rollout
// of kind create that brings it up.
func (s *State) Begun(name string, desired int, strategy Strategy, to Target, creator string) {
	s.Service = Service{Name: name, Desired: desired, Strategy: strategy, Current: to, Latest: to.Version}
	s.begin(api.KindCreate, 0, creator)
}

// begin replaces the rollout by a new one to Current; one in progress is
// superseded (rule 6), and returned by whoever calls, for the record.
func (s *State) begin(kind api.RolloutKind, from int, creator string) {
	sv := &s.Service
	sv.Rollout = &Rollout{
		ID:   sv.Name + "-r" + strconv.Itoa(sv.NextSeq),
		Kind: kind, Phase: api.RolloutPending, From: from, To: sv.Current,
		Generation: sv.Generation, Creator: creator, StartedAt: s.Now,
	}
	sv.NextSeq++
	sv.Changed = false
}

// end gives the rollout in progress its end and returns it; nil if none was.
func (s *State) end(phase api.RolloutPhase) *Rollout {
	if !s.Service.Rollout.Active() {
		return nil
	}
	ro := s.changeRollout()
	ro.Phase, ro.EndedAt, ro.PausedBy = phase, s.Now, ""
	return ro
}

// Update makes to the version the service is meant to run. It returns the
// rollout it superseded, if any.
//
// With equal replica keys nothing is replaced: a rollout in progress goes on
// under the new number, unpaused, and without one the update is complete at
// once (rules 5 and 16). While the service is stopped there is no rollout; start makes one.
func (s *State) Update(to Target, creator string) (superseded *Rollout) {
	s.Service.Latest = max(s.Service.Latest, to.Version)
	return s.move(api.KindUpdate, to, Manner{}, creator)
}

func (s *State) move(kind api.RolloutKind, to Target, how Manner, creator string) (superseded *Rollout) {
	sv := &s.Service
	from := sv.Current
	sv.Current = to
	switch {
	case sv.Stopped:
		superseded = s.end(api.RolloutSuperseded)
		sv.Changed = true
	case to.Revision == from.Revision && sv.Rollout.Active() && kind == api.KindUpdate:
		ro := s.changeRollout()
		ro.To, ro.RollingBack = to, false
		if sv.Rollout.Paused() {
			s.dismissFailed()
			s.unpause()
		}
	case to.Revision == from.Revision && !sv.Rollout.Active():
		s.begin(kind, from.Version, creator)
		ro := sv.Rollout
		ro.Phase, ro.EndedAt = api.RolloutCompleted, s.Now
		sv.Base = &to
	default:
		superseded = s.end(api.RolloutSuperseded)
		fromVersion := from.Version
		if kind == api.KindUpdate {
			fromVersion = 0
			if sv.Base != nil {
				fromVersion = sv.Base.Version
			}
		}
		s.dismissFailed()
		s.begin(kind, fromVersion, creator)
		sv.Rollout.ByPlan, sv.Rollout.Forced = how.Planned, how.Forced
		s.engage()
	}
	return superseded
}

// Manner is how a rollback goes.
type Manner struct {
	Planned bool // led by the update plan
	Forced  bool // although it was foreseen to fail
}

// Rollback moves Current to the version given; its rollout follows the bounds
// and ignores plans (rule 24), unless one is asked to lead it. It returns the
// rollout it superseded, if any.
func (s *State) Rollback(to Target, how Manner, creator string) (superseded *Rollout, err error) {
	if how.Planned && s.Service.Plan == nil {
		return nil, refuse("`sluice plan set "+s.Service.Name+"` makes one; leave planned out to go back without",
			"service %s has no update plan to lead the rollback", s.Service.Name)
	}
	if to.Version == s.Service.Current.Version {
		return nil, refuse("choose another version; `sluice versions "+s.Service.Name+"` lists them",
			"version %d is the current version already", to.Version)
	}
	return s.move(api.KindRollback, to, how, creator), nil
}

// RollbackTarget chooses the version that a rollback without a number goes to
// (rule 25): the base of the rollout in progress, else the highest completed
// version below the current one, of those given. During a restart there is none
// to go to; UndoRestart ends it.
func (s *State) RollbackTarget(completed []Target) (Target, error) {
	sv := &s.Service
	if sv.Rollout.Active() && sv.Rollout.Kind != api.KindCreate && sv.Base != nil {
		if sv.Base.Version == sv.Current.Version {
			return Target{}, refuse("wait for it, or name another version with --to",
				"a rollback to version %d is in progress already", sv.Current.Version)
		}
		return *sv.Base, nil
	}
	best := Target{}
	for _, t := range completed {
		if t.Version < sv.Current.Version && t.Version > best.Version {
			best = t
		}
	}
	if best.Version == 0 {
		return best, refuse("name one with --to, or update to a working configuration",
			"there is no completed version below %d to roll back to", sv.Current.Version)
	}
	return best, nil
}

// Restarting tells whether a restart is in progress, which a rollback ends.
func (s *State) Restarting() bool {
	return s.Service.Rollout.Active() && s.Service.Rollout.Kind == api.KindRestart
}

// TakeBack is a rollback without a version where it stays within the rollout in
// progress: a restart ends as it is, and one that a plan leads goes back to its
// base (rules 7 and 25). Otherwise taken is false, and RollbackTarget says where
// to go.
func (s *State) TakeBack() (taken bool, err error) {
	switch {
	case s.Restarting():
		s.UndoRestart()
		return true, nil
	case s.Service.planned():
		return true, s.PlanRollback()
	}
	return false, nil
}

// UndoRestart ends a restart rolled_back: what is not replaced yet stays,
// failed ones go (rule 7).
func (s *State) UndoRestart() {
	s.end(api.RolloutRolledBack)
	s.dismissFailed()
}

// Restart begins to replace every replica by one of the same version.
func (s *State) Restart(creator string) error {
	sv := &s.Service
	switch {
	case sv.Stopped:
		return refuse("`sluice start "+sv.Name+"` starts it", "service %s is stopped", sv.Name)
	case sv.Rollout.Active():
		return refuse("wait for its end, or roll it back first", "rollout %s (%s to version %d) is in progress, so nothing can be restarted now",
			sv.Rollout.ID, sv.Rollout.Kind, sv.Rollout.To.Version)
	}
	sv.Generation++
	s.dismissFailed()
	s.begin(api.KindRestart, sv.Current.Version, creator)
	return nil
}

// Scale sets the desired number of replicas. It acts at once, also while a
// rollout is paused, and is itself no rollout (rules 5 and 18). Without a
// rollout in progress it lets failed replicas go and tries again.
func (s *State) Scale(n int) {
	sv := &s.Service
	sv.Desired = n
	sv.Scaling = !sv.Stopped
	if sv.Rollout.Paused() {
		s.changeRollout().Rescaled = true
	}
	if !sv.Rollout.Active() {
		s.dismissFailed()
	}
}

// Pause freezes the rollout in progress. Pausing a paused one changes nothing.
func (s *State) Pause() error {
	if !s.Service.Rollout.Active() {
		return refuse("", "service %s has no rollout in progress to pause", s.Service.Name)
	}
	s.pause(PausedByUser)
	return nil
}

// Resume lets a paused rollout go on, after failed replicas have gone. Without
// a rollout it tries failed replicas again.
func (s *State) Resume() error {
	sv := &s.Service
	switch {
	case sv.Stopped:
		return refuse("`sluice start "+sv.Name+"` starts it", "service %s is stopped", sv.Name)
	case sv.Rollout.Paused():
		s.dismissFailed()
		s.unpause()
		return nil
	case sv.Rollout.Active():
		return refuse("", "rollout %s is not paused", sv.Rollout.ID)
	case s.dismissFailed() == 0:
		return refuse("", "service %s has no paused rollout and no failed replica", sv.Name)
	}
	return nil
}

// Stop ends all replicas. A rollout in progress is paused; its mix is
// remembered.
func (s *State) Stop() error {
	sv := &s.Service
	if sv.Stopped {
		return refuse("", "service %s is stopped already", sv.Name)
	}
	if sv.Rollout.Active() {
		running := !sv.Rollout.Paused()
		s.pause(PausedByStop)
		ro := s.changeRollout()
		ro.Rescaled, ro.Restore = true, running
	}
	s.dismissFailed()
	sv.Stopped, sv.Scaling = true, false
	return nil
}

// Start brings a stopped service back: the mix of a rollout that the stop
// paused, or, after an update while stopped, the new version by a rollout of
// kind create.
func (s *State) Start(creator string) error {
	sv := &s.Service
	if !sv.Stopped {
		return refuse("", "service %s is not stopped", sv.Name)
	}
	sv.Stopped, sv.Scaling = false, true
	if sv.Changed {
		from := 0
		if sv.Base != nil {
			from = sv.Base.Version
		}
		s.begin(api.KindCreate, from, creator)
	}
	return nil
}

// Delete ends the service: every replica drains, then its caller lets go of it.
func (s *State) Delete() (ended *Rollout) {
	s.Service.Deleting = true
	ended = s.end(api.RolloutSuperseded)
	s.dismissFailed()
	return ended
}

// Evict has the replica replaced by another of its own version.
func (s *State) Evict(id string) error {
	r := s.Replica(id)
	switch {
	case r == nil:
		return refuse("", "service %s has no replica %q", s.Service.Name, id)
	case r.Stage == Failed:
		r.Stage = Draining
	case r.Stage == Live:
		r.Evicted = true
	}
	return nil
}
