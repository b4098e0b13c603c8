package e2e

import (
	"testing"

	"sluice.dev/sluice/api"
)

// TestBounds samples rollouts of every kind from outside: what is ready never
// falls below N - max_unavailable, what is live never rises above N + max_surge
// (rule 1).
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		n        int
		strategy object
		drain    object
		bounds   bounds
	}{
		"by default": {4, object{}, ending(false, "idle", 30), bounds{minReady: 4, maxLive: 5}},
		"surge and unavailable": {4, object{"max_surge": "26%", "max_unavailable": "49%"}, ending(true, "idle", 30),
			bounds{minReady: 3, maxLive: 6}},
		"unavailable alone": {5, object{"max_surge": 0, "max_unavailable": 2}, ending(true, "grace_period", 30),
			bounds{minReady: 3, maxLive: 5}},
		"all at once": {3, object{"max_surge": "100%"}, ending(true, "idle", 30), bounds{minReady: 3, maxLive: 6}},
		"when the old has ended": {3, object{"max_surge": 1, "max_unavailable": 1, "replacement": "termination_complete"},
			ending(true, "idle", 30), bounds{minReady: 2, maxLive: 4, maxProcesses: 4}},
		"one replica on a full machine": {1, object{"max_surge": 0, "max_unavailable": 1, "replacement": "termination_complete"},
			ending(true, "idle", 30), bounds{minReady: 0, maxLive: 1, maxProcesses: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlane(t)
			flags := append([]string{"-drain", "100ms"}, slowStart...)
			created := p.create(p.file("model", c.n, flags...).with(c.drain).with(object{"rolling_strategy": c.strategy}))
			load := startLoad(t, created.Endpoint, 1, 0) // so that there is something to drain
			if c.bounds.minReady == 0 {
				load.end() // some requests find nobody, as they must
			}
			s := p.sample("model", c.bounds)

			p.update("model", p.container("two", flags...))
			p.settled("model", 2)
			p.put("model", "restart", nil)
			p.until("model", "has restarted", func(v api.Service) bool {
				return v.Rollout.Kind == api.KindRestart && v.Rollout.Phase == api.RolloutCompleted && v.Replicas.Draining == 0
			})
			p.update("model", p.container("bad", failing...))
			p.pausedByFailure("model")
			p.put("model", "version", nil)
			p.settled("model", 2)
			p.put("model", "version", object{"version": 1})
			p.settled("model", 1)

			s.check(t)
			load.end()
			for _, problem := range load.problems {
				t.Error(problem)
			}
		})
	}
}
