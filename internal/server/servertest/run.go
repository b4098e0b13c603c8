package servertest

import (
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

func (r *record) last() *api.Rollout { return &r.rollouts[len(r.rollouts)-1] }

func (r *record) active() bool { return len(r.rollouts) > 0 && !r.last().Phase.Ended() }

// later does step after step, each after one Pace, until one says that it was
// the last or something else has begun. Steps hold the lock.
func (m *Memory) later(r *record, step func() (more bool)) {
	r.run++
	run := r.run
	m.steps.Go(func() {
		for {
			select {
			case <-m.closed:
				return
			case <-time.After(m.Pace):
			}
			m.mu.Lock()
			more := r.run == run && step()
			m.mu.Unlock()
			if !more {
				return
			}
		}
	})
}

func (m *Memory) ending() Ending {
	if len(m.endings) == 0 {
		return Completed
	}
	next := m.endings[0]
	m.endings = m.endings[1:]
	return next
}

// begin makes a rollout to the current version.
func (m *Memory) begin(r *record, kind api.RolloutKind, from int, by string) {
	r.Plan = r.planState().PlanView()
	now := api.At(time.Now())
	if r.active() {
		r.last().Phase, r.last().EndedAt = api.RolloutSuperseded, &now
	}
	r.rollouts = append(r.rollouts, api.Rollout{
		ID: fmt.Sprintf("%s-r%d", r.Name, len(r.rollouts)+1), Service: r.Name, Kind: kind, Phase: api.RolloutRunning,
		FromVersion: from, ToVersion: r.CurrentVersion, Total: r.Replicas.Desired, TargetUpdated: r.Replicas.Desired,
		Creator: by, Why: r.versions[r.CurrentVersion-1].Message, StartedAt: now,
	})
	r.last().History = &api.RolloutHistory{Actions: []api.RolloutAction{}, Failures: []api.ReplicaFailure{}, Traffic: []api.VersionTraffic{}}
	r.Status, r.Reason, r.Message = api.StatusUpdating, "", ""
	if kind == api.KindCreate {
		r.Status = api.StatusCreating
	}
	r.Replicas.Kept, r.Replicas.Updated, r.Replicas.Failed = r.Replicas.Ready, 0, 0
	r.last().WaitingFor = r.waitsFor(1)
	m.advance(r, m.ending())
}

func (r *record) waitsFor(n int) string {
	return fmt.Sprintf("replica %s-%d-%d to become ready", r.Name, r.CurrentVersion, r.serial+n)
}

// advance makes one replica after the other ready until the rollout ends as
// chosen.
func (m *Memory) advance(r *record, ending Ending) {
	m.later(r, func() bool {
		ro, n := r.last(), r.Replicas.Desired
		if ending != Completed && ro.Updated == 1 {
			m.end(r, ending)
			return false
		}
		if ro.Updated < n {
			r.start(r.CurrentVersion)
			if len(r.replicas) > n {
				r.replicas = r.replicas[1:]
			}
			ro.Updated++
			r.Replicas.Updated, r.Replicas.Kept = ro.Updated, max(0, r.Replicas.Kept-1)
			r.Replicas.Ready, r.Replicas.Live = len(r.replicas), len(r.replicas)
			r.Message, ro.WaitingFor = fmt.Sprintf("%d of %d updated", ro.Updated, n), r.waitsFor(1)
			if ro.Updated == n {
				ro.WaitingFor = "the next step"
			}
			m.event(r, "normal", "ReplicaReady", "", "replica %s is ready", r.replicas[len(r.replicas)-1].ID)
			return true
		}
		m.complete(r)
		return false
	})
}

func (r *record) start(version int) {
	now := api.At(time.Now())
	r.serial++
	r.replicas = append(r.replicas, api.Replica{
		ID: fmt.Sprintf("%s-%d-%d", r.Name, version, r.serial), Version: version, Phase: api.ReplicaReady, Ready: true,
		Address: fmt.Sprintf("127.0.0.1:%d", 20000+r.serial), Pid: 1000 + r.serial, StartedAt: &now, ReadyAt: &now,
	})
}

func (m *Memory) complete(r *record) {
	now := api.At(time.Now())
	ro := r.last()
	ro.Phase, ro.EndedAt, ro.WaitingFor = api.RolloutCompleted, &now, ""
	r.Status, r.Message, r.Reason = api.StatusRunning, "", ""
	r.versions[ro.ToVersion-1].Completed = true
	m.event(r, "normal", "RolloutCompleted", "", "version %d runs on %d replicas", ro.ToVersion, r.Replicas.Ready)
}

func (m *Memory) end(r *record, ending Ending) {
	now := api.At(time.Now())
	ro := r.last()
	switch ending {
	case Failed:
		r.Replicas.Failed = 1
		m.pause(r, "failure", fmt.Sprintf("replica %s-%d-9 failed: exit code 3: model file is corrupt", r.Name, r.CurrentVersion))
		if ro.Kind == api.KindCreate {
			r.Status = api.StatusFailed
		}
		m.event(r, "warning", "ReplicaFailed", "", "%s", r.Message)
	case Superseded:
		r.snapshot(controller.By{Actor: "somebody"})
		m.begin(r, api.KindUpdate, ro.FromVersion, "somebody")
		m.event(r, "normal", "RolloutSuperseded", "somebody", "by version %d", r.CurrentVersion)
	case RolledBack:
		ro.Phase, ro.EndedAt, ro.WaitingFor = api.RolloutRolledBack, &now, ""
		r.CurrentVersion, r.Status, r.Message = ro.FromVersion, api.StatusRunning, "the last update was rolled back"
		m.event(r, "normal", "RolledBack", "somebody", "to version %d", ro.FromVersion)
	case Stopped:
		m.stop(r)
	case Deleted:
		m.delete(r)
	case AtTarget:
		ro.TargetUpdated, ro.WaitingFor = 1, "a new target"
		one := api.Count{Value: 1}
		r.Plan = &api.Plan{TargetUpdated: &one, Phase: api.PlanInEffect, Stage: api.StageBatchCompleted, Target: 1, Updated: 1, Total: r.Replicas.Desired}
		m.event(r, "normal", "TargetReached", "", "1 updated")
	case Hangs:
	}
}

func (m *Memory) pause(r *record, reason, message string) {
	ro := r.last()
	ro.Phase, ro.Reason, ro.Message, ro.WaitingFor = api.RolloutPaused, reason, message, "a resume"
	r.Status, r.Reason, r.Message = api.StatusPaused, reason, message
	r.run++
}

func (m *Memory) stop(r *record) {
	if r.active() {
		m.pause(r, "stopped", "")
	}
	r.Status, r.Message, r.replicas = api.StatusStopped, "", nil
	r.Replicas = api.ReplicaCounts{Desired: r.Replicas.Desired}
	m.event(r, "normal", "Stopped", "", "no replica runs")
}

func (m *Memory) delete(r *record) {
	delete(m.services, r.Name)
	m.event(r, "normal", "Deleted", "", "the service is gone")
	m.tell(controller.News{Service: r.Name, Deleted: true})
}

// settle brings the number of replicas to the desired one.
func (m *Memory) settle(r *record) {
	ending := m.ending()
	r.Status = api.StatusScaling
	m.later(r, func() bool {
		n := r.Replicas.Desired
		switch {
		case ending == Failed:
			r.Replicas.Failed = 1
			r.Message = fmt.Sprintf("replica %s-%d-9 failed: exit code 3: out of memory", r.Name, r.CurrentVersion)
			m.event(r, "warning", "ReplicaFailed", "", "%s", r.Message)
			return false
		case ending == Stopped:
			m.stop(r)
			return false
		case ending == Hangs:
			return false
		case len(r.replicas) < n:
			r.start(r.CurrentVersion)
		case len(r.replicas) > n:
			r.replicas = r.replicas[1:]
		}
		r.Replicas.Ready, r.Replicas.Live, r.Replicas.Updated = len(r.replicas), len(r.replicas), len(r.replicas)
		r.Message = fmt.Sprintf("%d of %d ready", r.Replicas.Ready, n)
		done := len(r.replicas) == n
		if done {
			r.Status, r.Message = api.StatusRunning, ""
		}
		m.event(r, "normal", "Scaled", "", "%d of %d", len(r.replicas), n)
		return !done
	})
}
