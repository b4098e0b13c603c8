package e2e

import (
	"net/http"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// anythingOf makes one change of the group or of a member, or has something
// happen to it.
func (s *groupSoak) anythingOf(mark string) {
	other := together[1+s.random.IntN(len(together)-1)].name
	anybody := together[s.random.IntN(len(together))].name
	kinds := []func(){
		func() { s.losesControl(s.random.IntN(3) == 0) },
		func() {
			s.tell("gateway", "the gateway is restarted")
			if err := s.restartGateway(); err != nil {
				s.t.Error(err)
			}
		},
		func() { s.crashes(anybody) },
		func() { s.crashes(anybody) },
		func() { s.tell("change", "%s", s.anything(anybody, s.random, mark, slowStart)) },
		func() { s.tell("change", "%s", s.anything(anybody, s.random, mark, slowStart)) },
		func() { s.released(anybody) },
		func() { s.released(other) },
		func() { s.set() },
		func() { s.aims(other) },
		func() { s.scaled(other) },
		func() { s.aims(other); s.scaled(other) }, // at nobody, maybe
		func() { s.shiftsTo(other) },
		func() { s.shiftsTo(other) },
		func() { s.steersShift() },
		func() { s.promotes(other) },
		func() { s.promotes(other) },
		func() { s.abandons(other) },
		func() { s.comesBack(other) },
		func() { s.comesBack(other) },
		func() { s.mirrors(anybody) },
		func() { s.mirrors(together[0].name) },
		func() { s.freezes(anybody) },
		func() { s.leaves(other) },
	}
	kinds[s.random.IntN(len(kinds))]()
}

// released gives a member a weight, a state, or both. The anchor keeps a share.
func (s *groupSoak) released(name string) {
	if name == together[0].name {
		s.ask("release", http.MethodPut, "/services/"+name+"/release", object{"weight": 50 + s.random.IntN(50)})
		return
	}
	change := object{}
	if s.random.IntN(3) > 0 {
		change["weight"] = s.random.IntN(101) - 1
	}
	if s.random.IntN(3) > 0 || len(change) == 0 {
		change["traffic_state"] = []string{"standalone", "grouping", "grouping"}[s.random.IntN(3)]
	}
	s.ask("release", http.MethodPut, "/services/"+name+"/release", change)
}

func (s *groupSoak) set() {
	mode := []api.TrafficMode{api.ModeAuto, api.ModeCustomized}[s.random.IntN(2)]
	s.ask("mode", http.MethodPut, "/groups/"+soakedGroup, object{"traffic_mode": mode})
}

// aims sets rules that match nothing, all of the load, or a part: users, streams.
func (s *groupSoak) aims(name string) {
	rules := [][]object{
		{},
		{{"header": "X-Request-Id", "service": name}},
		{{"header": "X-Request-Id", "percent": 1 + s.random.IntN(100), "service": name}},
		{{"query": "every", "service": name}},
		{{"query": "d", "matches": "1.*", "service": name}, {"header": "X-Request-Id", "percent": 20, "service": together[0].name}},
	}
	s.ask("rules", http.MethodPut, "/groups/"+soakedGroup, object{"rules": rules[s.random.IntN(len(rules))]}, http.StatusUnprocessableEntity)
}

// scaled scales a member to zero, and back.
func (s *groupSoak) scaled(name string) {
	to := 0
	if s.service(name).Replicas.Desired == 0 {
		to = 1 + s.random.IntN(3)
	}
	s.ask("scale", http.MethodPut, "/services/"+name+"/scale", object{"instance": to})
}

// shiftsTo begins a shift from weights that leave the anchor a share of what the
// last step does.
func (s *groupSoak) shiftsTo(name string) {
	anchored := s.ask("weight", http.MethodPut, "/services/"+together[0].name+"/release", object{"weight": 100})
	s.ask("weight", http.MethodPut, "/services/"+name+"/release", object{"weight": s.random.IntN(20)})
	if !anchored {
		return
	}
	first := 10 + s.random.IntN(20)
	s.ask("shift", http.MethodPut, "/services/"+name+"/shift", object{"steps": []int{first, first + 20, first + 40}, "interval": "1s", "scale": s.random.IntN(4) > 0},
		http.StatusUnprocessableEntity)
}

// steersShift pauses, resumes or aborts the shift that runs, or presses the stop
// button.
func (s *groupSoak) steersShift() {
	to := together[1].name
	if shift := s.group(soakedGroup).Shift; shift != nil {
		to = shift.To
	}
	switch path := "/services/" + to + "/shift"; s.random.IntN(4) {
	case 0:
		s.ask("abort shift", http.MethodDelete, path, nil)
	case 1:
		s.ask("stop button", http.MethodPut, "/rollouts", object{"paused": true})
	case 2:
		s.ask("pause shift", http.MethodPut, path, object{"paused": true})
	default:
		s.ask("resume shift", http.MethodPut, path, object{"paused": false})
	}
}

// promotes makes a member's version another's, or ends such a promotion.
func (s *groupSoak) promotes(name string) {
	path := "/services/" + name + "/promotion"
	if s.random.IntN(4) == 0 {
		s.ask("abort promotion", http.MethodDelete, path, nil)
		return
	}
	into := slices.DeleteFunc([]string{"anchor", "b", "c"}, func(other string) bool { return other == name || s.random.IntN(3) == 0 })
	s.ask("promote", http.MethodPut, path, object{"into": into, "keep": s.random.IntN(2)}, http.StatusUnprocessableEntity)
}

func (s *groupSoak) abandons(name string) {
	stop := []string{"", "?stop=true"}[s.random.IntN(2)]
	s.ask("abandon", http.MethodPut, "/services/"+name+"/abandon"+stop, nil)
}

// comesBack has a member that was stopped, scaled to zero or taken out serve again.
func (s *groupSoak) comesBack(name string) {
	v := s.service(name)
	if v.Status == api.StatusStopped || v.Status == api.StatusStopping {
		s.ask("start", http.MethodPut, "/services/"+name+"/start", nil)
	}
	if v.Replicas.Desired == 0 {
		s.ask("scale", http.MethodPut, "/services/"+name+"/scale", object{"instance": 2})
	}
	s.ask("release", http.MethodPut, "/services/"+name+"/release", object{"traffic_state": "grouping", "weight": 1 + s.random.IntN(100)})
}

func (s *groupSoak) mirrors(name string) {
	path := "/services/" + name + "/mirror"
	if s.random.IntN(4) == 0 {
		s.ask("mirror", http.MethodDelete, path, nil)
		return
	}
	s.ask("mirror", http.MethodPut, path, object{"to": shadow, "ratio": 1 + s.random.IntN(100)})
}

// freezes a member or the group, for some operations or hardly any.
func (s *groupSoak) freezes(name string) {
	path := "/services/" + name + "/freeze"
	if s.random.IntN(2) == 0 {
		path = "/groups/" + soakedGroup + "/freeze"
	}
	until := time.Now().Add(time.Duration(500+s.random.IntN(3000)) * time.Millisecond)
	s.ask("freeze", http.MethodPut, path, object{"until": until.Format(time.RFC3339Nano), "reason": "a holiday"})
	if s.random.IntN(3) == 0 {
		s.unfreeze()
	}
}

// leaves the group, or comes back into it, standalone.
func (s *groupSoak) leaves(name string) {
	metadata := object{"group": nil}
	if s.service(name).Group == "" {
		metadata["group"] = soakedGroup
	}
	s.ask("leave", http.MethodPut, "/services/"+name, object{"metadata": metadata})
}
