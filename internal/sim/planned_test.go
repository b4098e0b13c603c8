package sim

import (
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store/memory"
)

// TestPlanned: 25% of 40 are batches of ten, two rounds of five each; between
// them are three intervals. The way back from ten updated ones is two rounds
// within the rollout, and eight from all forty, to the version before.
func TestPlanned(t *testing.T) {
	p := Planned{Seed: 1, Replicas: 40, Surge: 5, Startup: 20 * time.Second, Batch: api.Count{Value: 25, Percent: true},
		Interval: 5 * time.Minute, Store: memory.New()}
	took, err := p.Run()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what           string
		took, shortest time.Duration
	}{
		{"automatic batches", took.Automatic, 8*p.Startup + 3*p.Interval},
		{"the plan's rollback", took.PlanRollback, 2 * p.Startup},
		{"the rollback to a version", took.VersionRollback, 8 * p.Startup},
	} {
		if c.took < c.shortest || c.took > c.shortest+c.shortest/20 {
			t.Errorf("%s took %s; the sum of its parts is %s", c.what, c.took, c.shortest)
		}
	}
}
