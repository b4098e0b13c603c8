package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// TestNothingLost releases, fails, goes back, scales and loses its control
// plane while callers ask without pause. Nobody may notice: every request is
// answered, runs once, and no stream is cut.
func TestNothingLost(t *testing.T) {
	for name, settings := range map[string]object{
		"SIGTERM, idle":            ending(true, "idle", 30),
		"SIGTERM, grace period":    ending(true, "grace_period", 30),
		"no SIGTERM, idle":         ending(false, "idle", 30),
		"no SIGTERM, grace period": ending(false, "grace_period", 4), // longer than a stream
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlane(t)
			s := &story{plane: p, version: 1}
			created := p.create(p.file("model", 4, slowStart...).with(settings))
			s.sampler = p.sample("model", bounds{minReady: 4, maxLive: 5})
			s.load = startLoad(t, created.Endpoint, 8, 3)
			s.load.more(100)
			s.tell()
			s.load.nothingLost(p.record)
			s.sampler.check(t)
		})
	}
}

// slowStart makes rollouts long enough to do something in the middle of them.
var slowStart = []string{"-listen-after", "50ms", "-ready-after", "200ms"}

// failing is a replica that ends before it listens. One that listens first may
// be ready for a moment, and its end is then a crash with requests in hand.
var failing = []string{"-never-listen", "-exit-after", "50ms", "-exit-code", "3"}

// story is what happens to the service while it is asked.
type story struct {
	*plane
	load    *load
	sampler *sampler
	version int // that serves
}

func (s *story) tell() {
	s.updates()
	s.put("model", "restart", nil)
	s.completed("model", s.version)
	s.serves()

	s.put("model", "version", object{"version": 1})
	s.version = 1
	s.completed("model", 1)
	s.serves()

	s.fails()
	s.scales()
	s.changesItsMind()
	s.losesItsControlPlane()
}

// next is the number of the next version.
func (s *story) next() int { return s.service("model").LatestVersion + 1 }

func (s *story) updates() {
	s.version = s.next()
	s.update("model", s.container(fmt.Sprint(s.version), slowStart...))
	s.completed("model", s.version)
	s.serves()
}

// serves checks that a completed rollout means what it says: once the gateway
// has acknowledged that the last old replica left, nothing else answers.
func (s *story) serves() {
	s.t.Helper()
	s.until("model", "routes to no old replica", func(api.Service) bool {
		return !slices.ContainsFunc(s.replicas("model"), func(r api.Replica) bool {
			return r.Phase == api.ReplicaDraining && strings.Contains(r.Reason, "every gateway")
		})
	})
	for i := range 10 {
		id := fmt.Sprintf("after-%d-%d", s.load.began.Load(), i)
		a, err := infer(http.DefaultClient, s.load.endpoint, id, "", 0)
		if err != nil {
			s.t.Errorf("request %s: %v", id, err)
		} else if a.Version != fmt.Sprint(s.version) {
			s.t.Errorf("after the rollout to version %d, version %s answers", s.version, a.Version)
		}
	}
	s.load.more(30)
}

// fails releases what cannot start, tries again, and goes back.
func (s *story) fails() {
	bad := s.next()
	s.update("model", s.container("bad", failing...))
	s.pausedByFailure("model")
	s.load.more(30)
	s.put("model", "rollout", object{"paused": false})
	s.until("model", "tries again", func(v api.Service) bool { return v.Rollout.Phase == api.RolloutRunning })
	paused := s.pausedByFailure("model")
	if paused.CurrentVersion != bad || paused.Replicas.Kept != 4 {
		s.t.Errorf("while version %d fails: %+v", bad, paused)
	}
	a := s.put("model", "version", nil)
	if a.CurrentVersion != s.version {
		s.t.Errorf("rolled back to %d (%s), want %d", a.CurrentVersion, a.Text, s.version)
	}
	s.until("model", "has gone back", func(v api.Service) bool { return v.Status == api.StatusRunning && v.Replicas.Failed == 0 })
	s.serves()
}

func (s *story) scales() {
	for _, step := range []struct{ to, minReady, maxLive int }{{6, 4, 7}, {3, 3, 7}, {4, 3, 5}} {
		s.sampler.set(bounds{minReady: step.minReady, maxLive: step.maxLive})
		s.put("model", "scale", object{"instance": step.to})
		s.until("model", fmt.Sprintf("has %d replicas", step.to), func(v api.Service) bool {
			return v.Status == api.StatusRunning && v.Replicas.Ready == step.to && v.Replicas.Live == step.to
		})
		s.load.more(30)
	}
	s.sampler.set(bounds{minReady: 4, maxLive: 5})
}

// changesItsMind updates again in the middle of an update.
func (s *story) changesItsMind() {
	between := s.next()
	s.update("model", s.container("between", slowStart...))
	s.half(between)
	s.updates()
}

// half waits until the rollout to this version is in its middle.
func (s *story) half(version int) {
	s.t.Helper()
	v := s.until("model", "is in the middle of its rollout", func(v api.Service) bool { return v.Replicas.Updated >= 1 })
	if v.CurrentVersion != version || v.Status != api.StatusUpdating || v.Replicas.Updated == 4 {
		s.t.Errorf("that is not the middle of the rollout to %d: %+v", version, v)
	}
}

// losesItsControlPlane kills the server in the middle of a rollout. A new one
// takes over what it finds and finishes.
func (s *story) losesItsControlPlane() {
	s.version = s.next()
	s.update("model", s.container("survivor", slowStart...))
	s.half(s.version)
	before := map[string]int{}
	for _, r := range s.replicas("model") {
		before[r.ID] = r.Pid
	}
	s.kill()
	s.load.more(100)
	s.start()
	for _, r := range s.replicas("model") {
		if pid := before[r.ID]; r.Phase == api.ReplicaReady && pid != 0 && pid != r.Pid {
			s.t.Errorf("replica %s was process %d and is %d now", r.ID, pid, r.Pid)
		}
	}
	s.completed("model", s.version)
	s.serves()
}
