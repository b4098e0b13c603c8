package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// preview asks what an update would do.
func (p *plane) preview(name string, file object) (v api.Preview) {
	p.t.Helper()
	status, text, err := p.call(http.MethodPost, "/services/"+name+"/preview", file)
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("preview: %d %v %s", status, err, text)
	}
	return v
}

// told are the steps of a preview whose order does not depend on how fast
// processes end, one by one.
func told(v api.Preview) (steps []string) {
	for _, st := range v.Steps {
		for _, a := range st.Actions {
			switch a.Do {
			case "create", "ready", "drain":
				for range a.Replicas {
					steps = append(steps, fmt.Sprintf("%s of version %d", a.Do, a.Version))
				}
			case "complete", "batch_done":
				steps = append(steps, a.Do)
			}
		}
	}
	return steps
}

// eventSteps are the events that tell of the same steps.
var eventSteps = map[string]string{"ReplicaCreated": "create", "ReplicaReady": "ready", "ReplicaDraining": "drain",
	"RolloutCompleted": "complete", "BatchCompleted": "batch_done"}

func happened(events []api.Event, after int64) (steps []string) {
	for _, e := range events {
		do := eventSteps[e.Reason]
		switch {
		case e.Seq <= after || do == "":
		case e.Replica != "":
			steps = append(steps, fmt.Sprintf("%s of version %d", do, e.Version))
		default:
			steps = append(steps, do)
		}
	}
	return steps
}

// TestPreviewComesTrue previews updates of real processes and then makes them:
// the same steps in the same order, and the counts stay where the preview has
// them.
func TestPreviewComesTrue(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 4, slowStart...).with(ending(true, "idle", 30)))
	load := startLoad(t, created.Endpoint, 2, 1)
	first := p.preview("model", object{})
	if first.Outcome != api.PreviewNothing || len(first.Steps) != 0 {
		t.Errorf("an empty file: %s, %d steps", first.Outcome, len(first.Steps))
	}
	for i, c := range []struct {
		name     string
		strategy object
		plan     object
		updated  int
	}{
		{"one more", object{"max_surge": 1, "max_unavailable": 0}, nil, 4},
		{"in place", object{"max_surge": 0, "max_unavailable": 1}, nil, 4},
		{"by hand", object{"max_surge": 1, "max_unavailable": 0}, object{"target_updated": 2}, 2},
	} {
		version := i + 2
		if c.plan != nil {
			p.change(http.MethodPost, "/services/model/plan", c.plan)
		}
		file := object{"metadata": object{"rolling_strategy": c.strategy}, "containers": []object{p.container(c.name, slowStart...)}}
		before := p.service("model")
		v := p.preview("model", file)
		if after := p.service("model"); after.Revision != before.Revision || after.LatestVersion != version-1 || after.Status != api.StatusRunning {
			t.Errorf("%s: the preview has changed the service: %+v", c.name, after)
		}
		if v.Outcome != api.PreviewRollout || v.ToVersion != version || v.Times.Startup.Measured < 4*(i+1) || i > 0 && v.Times.Exit.Measured == 0 {
			t.Errorf("%s: %s to version %d, with times %+v", c.name, v.Outcome, v.ToVersion, v.Times)
		}
		events := p.events("model")
		s := p.sample("model", bounds{minReady: v.LowestReady.Replicas, maxLive: v.HighestLive.Replicas})
		p.change(http.MethodPut, "/services/model", file)
		if c.plan != nil {
			p.stands("model", c.updated)
		} else {
			p.completed("model", version)
		}
		s.check(t)
		s.end()
		if is, was := happened(p.events("model"), events[len(events)-1].Seq), told(v); !slices.Equal(is, was) {
			t.Errorf("%s: told\n  %s\nhappened\n  %s", c.name, strings.Join(was, "\n  "), strings.Join(is, "\n  "))
		}
		if last := v.Steps[len(v.Steps)-1]; last.New != c.updated || last.Old != 4-c.updated || last.Ready != 4 {
			t.Errorf("%s: the preview ends with %+v", c.name, last.PreviewCounts)
		}
	}
	load.nothingLost(p.record)
}
