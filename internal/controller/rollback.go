package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/rollout"
)

// lookBefore is how long a rollback waits for files to be read that may be
// others than were recorded; after it, what is not known does not hold it up.
const lookBefore = 5 * time.Second

// foreseen is what the preflight of a rollback's target said.
type foreseen struct {
	version   int
	obstacles []string // why it would fail
	unknown   bool
}

// Rollback goes to a version, or to the one it chooses for 0 (rules 24 and 25):
// the base of the rollout in progress, else the highest completed version below
// the current one. During a restart it ends that; a rollout that a plan leads is
// taken back as RollBackPlan does.
//
// It is refused where a replica would have to be started and the preflight says
// that it would fail (rule 26), unless it is forced.
func (c *Controller) Rollback(ctx context.Context, by By, name string, ask api.Rollback) (Outcome, error) {
	before, err := c.foreseeRollback(ctx, name, ask.Version)
	if err != nil {
		return Outcome{}, err
	}
	return c.alter(ctx, by, name, "RollbackBegan", func(s *service, op *operation) error {
		return s.rollback(by, op, ask, before)
	})
}

func (s *service) rollback(by By, op *operation, ask api.Rollback, before foreseen) error {
	if ask.Version == 0 {
		op.text = s.takenBack()
		to := s.backTo()
		if taken, err := s.state.TakeBack(); taken && err == nil {
			return s.heed(op, ask, to, before)
		} else if taken {
			return err
		}
	}
	to, err := s.rollbackTarget(ask.Version)
	if err != nil {
		return err
	}
	if to.Number != s.state.Service.Current.Version { // which is refused with a better reason
		if err := s.heed(op, ask, to.Number, before); err != nil {
			return err
		}
	}
	how := rollout.Manner{Planned: ask.Planned, Forced: ask.Force && len(before.obstacles) > 0}
	if op.ended, err = s.state.Rollback(to.target(), how, by.Actor); err != nil {
		return err
	}
	s.put(api.AsInForce(to.doc, s.doc))
	op.text = fmt.Sprintf("rolls back to version %d", to.Number)
	if ask.Version == 0 {
		op.text += ", " + s.chosenBecause(op)
	}
	if how.Planned {
		op.text += ", led by the update plan"
	}
	if how.Forced {
		op.text += ", forced"
	}
	if s.state.Service.Stopped {
		op.text += fmt.Sprintf("; the service is stopped, `sluice start %s` starts it with this version", s.name())
	}
	return nil
}

// foreseeRollback looks in full at the version that a rollback would go to. Where
// there is none to look at, the rollback itself says why.
func (c *Controller) foreseeRollback(ctx context.Context, name string, number int) (f foreseen, err error) {
	s, err := c.find(name)
	if err != nil {
		return f, err
	}
	s.mu.Lock()
	if number == 0 {
		number = s.backTo()
	}
	s.mu.Unlock()
	if number == 0 {
		return f, nil
	}
	look, cancel := context.WithTimeout(ctx, lookBefore)
	defer cancel()
	list, err := c.Preflight(look, name, number)
	if look.Err() != nil && ctx.Err() == nil {
		c.glanceAt(s)
		list, err = s.lastLook(number), nil
	}
	if err != nil || len(list) == 0 {
		return foreseen{version: number, unknown: true}, err
	}
	return foreseen{version: number, obstacles: history.Obstacles(list[0].Preflight), unknown: list[0].Verdict == history.VerdictUnknown}, nil
}

// backTo is the version that a rollback without a number starts replicas of; 0
// when it starts none.
func (s *service) backTo() int {
	sv := &s.state.Service
	switch {
	case s.state.Restarting():
		return 0
	case sv.Rollout.Active() && sv.Rollout.Planned && sv.Base != nil:
		return sv.Base.Version
	}
	to, err := s.rollbackTarget(0)
	if err != nil {
		return 0
	}
	return to.Number
}

// heed refuses a rollback that would fail. One that needs no start, since enough
// replicas of the version live, does not.
func (s *service) heed(op *operation, ask api.Rollback, to int, before foreseen) error {
	if to == 0 {
		return nil
	}
	if to != before.version {
		return &rollout.Refusal{Message: "the service was changed by somebody else at this moment", Hint: "look at it, and try again"}
	}
	why := strings.Join(before.obstacles, "; ")
	switch {
	case why == "" && before.unknown:
		op.warnings = append(op.warnings, fmt.Sprintf("whether version %d has all that it needs could not be found out; `sluice preflight %s %d` says what", to, s.name(), to))
	case why == "":
	case s.survivors(to) >= s.state.Service.Desired:
		op.warnings = append(op.warnings, fmt.Sprintf("replicas of version %d serve on, but no other could be started: %s", to, why))
	case ask.Force:
		op.warnings = append(op.warnings, "forced, although it would fail: "+why)
	default:
		return &rollout.Refusal{
			Message: fmt.Sprintf("a rollback to version %d would fail: %s", to, why),
			Hint:    "put back what is missing, choose another version, or go on nevertheless with --force (\"force\": true)",
		}
	}
	return nil
}

// survivors are the live replicas that count as the version.
func (s *service) survivors(number int) int {
	v, n := s.version(number), 0
	for i := range s.state.Replicas {
		if r := &s.state.Replicas[i]; v != nil && r.Stage == rollout.Live && r.Revision == v.Revision {
			n++
		}
	}
	return n
}

// takenBack says what a rollback without a version does where it stays within
// the rollout in progress.
func (s *service) takenBack() string {
	switch {
	case s.state.Restarting():
		return "the restart has ended; what it had not replaced stays"
	case s.state.Service.Rollout.Active() && s.state.Service.Base != nil:
		return s.goesBack()
	}
	return ""
}

func (v *version) target() rollout.Target {
	return rollout.Target{Version: v.Number, Revision: v.Revision}
}

func (s *service) rollbackTarget(number int) (*version, error) {
	if number == 0 {
		var completed []rollout.Target
		for i := range s.versions {
			if s.versions[i].Completed {
				completed = append(completed, s.versions[i].target())
			}
		}
		to, err := s.state.RollbackTarget(completed)
		if err != nil {
			return nil, err
		}
		number = to.Version
	}
	if v := s.version(number); v != nil {
		return v, nil
	}
	return nil, s.noVersion(number)
}

func (s *service) noVersion(number int) error {
	return &NotFoundError{Kind: "version", Name: fmt.Sprint(number), Hint: "`sluice versions " + s.name() + "` lists them"}
}

func (s *service) chosenBecause(op *operation) string {
	if op.ended != nil {
		return "the last completed one before the rollout in progress"
	}
	return "the highest completed one below the current"
}
