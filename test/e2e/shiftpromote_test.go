package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"sluice.dev/sluice/api"
)

// TestShiftAndPromote takes a canary from nothing to all of a group's traffic,
// makes its version production's, and takes the next canary out half way. The
// control plane is killed in the middle of the shift and of the promotion. Callers
// of the group's address notice nothing.
func TestShiftAndPromote(t *testing.T) {
	p := parallel(t)
	p.members("prod", map[string]int{"stable": 3}, slowStart...)
	p.members("prod", map[string]int{"canary": 1}, slowStart...)
	address := p.group("prod").Endpoint
	load := startLoad(t, address, 4, 2)
	p.update("canary", p.container("two", slowStart...))
	p.settled("canary", 2)

	p.put("canary", "shift", object{"steps": []int{10, 50, 100}, "interval": "1s", "scale": true})
	p.shifted("is at half", func(s api.Shift) bool { return s.Percent >= 50 })
	p.kill()
	load.more(100)
	p.start()
	s := p.shifted("is completed", func(s api.Shift) bool { return s.Phase == api.ShiftCompleted })
	if s.Percent != 100 || p.service("canary").Replicas.Ready < 3 {
		t.Errorf("the shift ended at %d%% with %+v", s.Percent, p.service("canary").Replicas)
	}
	p.wantSteps(10, 50, 100)
	p.wantCounts(p.asked(address, 4, 40), "map[canary:40]")

	p.put("canary", "promotion", object{})
	p.until("stable", "is in the middle of its update", func(s api.Service) bool { return s.Rollout.Phase == api.RolloutRunning && s.Replicas.Updated > 0 })
	p.kill()
	load.more(100)
	p.start()
	await(t, "the canary is promoted", func() bool { return p.promotion().Phase == api.PromotionCompleted })
	p.settled("stable", 2)
	p.until("canary", "is at 0", func(s api.Service) bool { return s.Replicas.Desired == 0 && s.Replicas.Live+s.Replicas.Draining == 0 })
	contains(t, "what production runs", string(get[api.Version](p, "/services/stable/versions/2").Config), `"two"`)
	p.wantCounts(p.asked(address, 4, 40), "map[stable:40]")

	p.update("canary", p.container("three", slowStart...))
	p.put("canary", "scale", object{"instance": 1})
	p.settled("canary", 3)
	p.put("canary", "shift", object{"steps": []int{25, 75}, "interval": "1m", "scale": true})
	p.shifted("is at a quarter", func(s api.Shift) bool { return s.Percent == 25 })
	load.more(100)
	p.change(http.MethodPut, "/services/canary/abandon?stop=true", nil)
	p.wantCounts(p.asked(address, 4, 40), "map[stable:40]")
	if s := p.shift(); s.Phase != api.ShiftAborted {
		t.Errorf("the shift to what was abandoned is %s", s.Phase)
	}
	p.until("canary", "has stopped", func(s api.Service) bool { return s.Status == api.StatusStopped })
	load.nothingLost(p.record)

	p.put("canary", "start", nil)
	p.settled("canary", 3)
	p.put("canary", "release", object{"traffic_state": "grouping", "weight": 3})
	p.put("stable", "release", object{"weight": 7})
	p.wantCounts(p.asked(address, 8, 200), "map[canary:60 stable:140]")
}

func (p *plane) shift() api.Shift { return get[api.Shift](p, "/services/canary/shift") }

func (p *plane) promotion() api.Promotion { return get[api.Promotion](p, "/services/canary/promotion") }

// shifted waits until the shift to the canary is as the condition says.
func (p *plane) shifted(what string, holds func(api.Shift) bool) (s api.Shift) {
	p.t.Helper()
	await(p.t, "the shift "+what, func() bool {
		s = p.shift()
		return holds(s)
	})
	return s
}

// wantSteps checks that the group took these steps, each once.
func (p *plane) wantSteps(percent ...int) {
	p.t.Helper()
	var took, want []string
	for _, e := range p.events("prod") {
		if e.Reason == "ShiftStep" {
			took = append(took, e.Message)
		}
	}
	for _, n := range percent {
		want = append(want, fmt.Sprintf("%d%% of the traffic goes to canary", n))
	}
	if !slices.Equal(took, want) {
		p.t.Errorf("the shift took the steps %q, want %q", took, want)
	}
}
