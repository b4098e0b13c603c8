package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// stands waits until a plan in effect has reached this many updated replicas.
func (p *plane) stands(name string, updated int) api.Service {
	p.t.Helper()
	return p.until(name, "stands at its target", func(s api.Service) bool {
		return s.Plan != nil && s.Plan.Stage == api.StageBatchCompleted && s.Plan.Updated == updated && s.Replicas.Draining == 0
	})
}

// TestManualPlan moves the number of updated replicas both ways under load:
// 10 replicas, target 2 gives 2 and waits, 5, 3, 10 finishes; another update is
// taken back to 0; the control plane is killed in between. Nothing is lost.
func TestManualPlan(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 10, slowStart...).with(ending(true, "idle", 30)).with(object{"rolling_strategy": object{"max_surge": 3}}))
	load := startLoad(t, created.Endpoint, 4, 2)
	s := p.sample("model", bounds{minReady: 10, maxLive: 13})
	p.refused(http.StatusNotFound, http.MethodGet, "/services/model/plan", nil)
	p.change(http.MethodPost, "/services/model/plan", object{"target_updated": 2})
	p.refused(http.StatusConflict, http.MethodPost, "/services/model/plan", object{"target_updated": 3})
	if v := p.service("model"); v.Plan.Phase != api.PlanPending || v.Status != api.StatusRunning {
		t.Errorf("a plan alone moves something: %+v", v)
	}
	p.update("model", p.container("two", slowStart...))
	p.stands("model", 2)
	p.mixed("model", map[int]int{1: 8, 2: 2})
	load.more(100)

	p.put("model", "plan", object{"target_updated": "50%"})
	p.kill()
	p.start()
	p.stands("model", 5)
	p.put("model", "plan", object{"target_updated": 3})
	p.stands("model", 3)
	p.mixed("model", map[int]int{1: 7, 2: 3})
	p.put("model", "plan", object{"target_updated": 10})
	p.settled("model", 2)
	if v := p.service("model"); v.Plan.Phase != api.PlanCompleted || v.Plan.TargetUpdated.Value != 2 {
		t.Errorf("after its rollout the plan is %+v", v.Plan)
	}

	p.update("model", p.container("three", slowStart...))
	p.stands("model", 2)
	p.put("model", "plan", object{"target_updated": 0})
	back := p.settled("model", 2)
	if back.Rollout.Phase != api.RolloutRolledBack || back.LatestVersion != 3 || !strings.Contains(string(back.Config), `"two"`) {
		t.Errorf("taken back: %+v with the configuration %s", back.Rollout, back.Config)
	}
	load.nothingLost(p.record)
	s.check(t)
}

// TestAutomaticPlan rolls out by the clock, is paused, deleted and made again.
func TestAutomaticPlan(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 4, slowStart...).with(ending(true, "idle", 30)))
	load := startLoad(t, created.Endpoint, 2, 1)
	s := p.sample("model", bounds{minReady: 4, maxLive: 5})
	p.change(http.MethodPost, "/services/model/plan", object{"batch": object{"size": "25%", "interval": "1s"}})
	p.update("model", p.container("two", slowStart...))
	seen := map[int]time.Time{}
	p.until("model", "is complete", func(v api.Service) bool {
		if at := v.Rollout.NextBatchAt; at != nil {
			seen[v.Rollout.Updated] = at.Time
		}
		return v.Rollout.Phase == api.RolloutCompleted
	})
	for n := 1; n < 4; n++ {
		if seen[n].IsZero() || n > 1 && seen[n].Sub(seen[n-1]) < time.Second {
			t.Errorf("the batch after %d is due at %v: %v", n, seen[n], seen)
		}
	}

	p.put("model", "plan", object{"batch": object{"interval": "1h"}})
	p.update("model", p.container("three", slowStart...))
	p.stands("model", 1)
	if v := p.put("model", "plan", object{"paused": true}); v.Plan.Stage != api.StagePaused || v.Plan.NextBatchAt != nil || v.Status != api.StatusPaused {
		t.Errorf("paused: %+v", v.Plan)
	}
	p.put("model", "plan", object{"paused": false})
	p.put("model", "plan", object{"batch": object{"interval": "1s"}})
	p.until("model", "begins its second batch", func(v api.Service) bool { return v.Plan.Target == 2 })
	p.change(http.MethodDelete, "/services/model/plan", nil)
	if v := p.service("model"); v.Status != api.StatusPaused || v.Reason != "plan deleted" || v.Plan != nil {
		t.Errorf("without its plan: %s %s %+v", v.Status, v.Reason, v.Plan)
	}
	p.put("model", "plan", object{"target_updated": 3})
	p.stands("model", 3)
	a := p.put("model", "version", nil)
	if a.Rollout.Kind != api.KindUpdate {
		t.Errorf("a rollback under a plan stays in its rollout: %+v", a.Rollout)
	}
	if v := p.settled("model", 2); v.Rollout.Phase != api.RolloutRolledBack {
		t.Errorf("rolled back: %+v", v.Rollout)
	}
	load.nothingLost(p.record)
	s.check(t)
}

// TestGates lets a gate on the gateways' own numbers pass a good version and take
// a faulty one back by itself.
func TestGates(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 4, slowStart...).with(ending(true, "idle", 30)))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if r, err := http.Post(created.Endpoint+"/infer", "text/plain", strings.NewReader("x")); err == nil {
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
		}
	}()
	defer func() { close(stop); <-done }()
	gates := []object{{"metric": "error_rate", "max_difference": "10%", "on_fail": "rollback", "window": "1s", "max_wait": "5m", "confidence": 0.95}}
	p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/services/model/plan", object{"gates": []object{{"metric": "error_rat", "max": "1%"}}})
	gone := object{"address": "http://127.0.0.1:1", "query": "up"}
	p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/services/model/plan", object{"gates": []object{{"prometheus": gone, "max": 1}}})
	p.change(http.MethodPost, "/services/model/plan", object{"target_updated": 1, "gates": gates})

	p.update("model", p.container("good", slowStart...))
	p.stands("model", 1)
	p.put("model", "plan", object{"target_updated": 4}) // waits for the gate
	v := p.settled("model", 2)
	if n := len(v.Rollout.Gates); n != 2 || v.Rollout.Gates[0].Action != api.GateContinue || v.Rollout.Gates[0].Results[0].New.Requests < 50 {
		t.Errorf("the gates of a good version: %+v", v.Rollout.Gates)
	}

	p.update("model", p.container("faulty", append(slowStart, "-err-every", "2")...))
	v = p.until("model", "is taken back", func(v api.Service) bool { return v.Rollout.Phase == api.RolloutRolledBack })
	last := v.Rollout.Gates[len(v.Rollout.Gates)-1]
	if v.CurrentVersion != 2 || last.Action != api.GateRollback || last.Results[0].Outcome != api.GateFail || last.Results[0].New.Errors == 0 {
		t.Errorf("the gates of a faulty version: %+v, current %d", last, v.CurrentVersion)
	}
	contains(t, "why", v.Message, "error_rate")
}
