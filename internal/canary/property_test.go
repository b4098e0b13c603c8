package canary

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
)

// drawGroup is a group with a canary, s0, and others that have a share.
func drawGroup(t *rapid.T) *world {
	members := drawMembers(t, 12)
	if len(members) == 1 {
		members = append(members, member("s1", 3, 3, 100))
	}
	return newWorld(rapid.SampledFrom([]api.TrafficMode{api.ModeAuto, api.ModeCustomized}).Draw(t, "mode"), members...)
}

func drawShift(t *rapid.T) api.ShiftChange {
	load := rapid.SampledFrom([]float64{1, 1.25, 2}).Draw(t, "max load")
	scale := rapid.Bool().Draw(t, "scale")
	interval := api.Interval(time.Minute)
	ch := api.ShiftChange{To: "s0", MaxLoad: &load, Scale: &scale, Interval: &interval}
	if rapid.Bool().Draw(t, "own steps") {
		steps := rapid.SliceOfNDistinct(rapid.IntRange(1, 100), 1, 5, rapid.ID[int]).Draw(t, "steps")
		slices.Sort(steps)
		ch.Steps = steps
	}
	return ch
}

// disturb does one thing that happens to groups.
func disturb(t *rapid.T, w *world) {
	if len(w.g.Members) == 0 {
		return
	}
	m := &w.g.Members[rapid.IntRange(0, len(w.g.Members)-1).Draw(t, "whom")]
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0: // crash
		m.Ready = rapid.IntRange(0, m.Ready).Draw(t, "ready")
	case 1: // back again
		m.Ready = m.Desired
	case 2:
		m.Desired = rapid.IntRange(0, 15).Draw(t, "desired")
		w.later(time.Second, func() { w.settle() })
	case 3:
		if m.Service != "s0" && (w.shift == nil || w.shift.Before.find(m.Service).Part > 0) {
			m.State = rapid.SampledFrom([]api.TrafficState{api.StateStandalone, api.StateGrouping}).Draw(t, "state")
		}
	case 4:
		if m.Service != "s0" && len(w.g.Members) > 2 {
			w.observe(m.Service, []string{"gone"})
		}
	case 5:
		if w.shift.Active() {
			s := PauseShift(*w.shift, ByUser, "", w.now)
			w.shift = &s
		}
	case 6:
		if w.shift.Active() {
			s := ResumeShift(*w.shift, w.now)
			w.shift = &s
		}
	}
}

// settle has every replica ready.
func (w *world) settle() {
	w.g.Members = slices.Clone(w.g.Members)
	for i := range w.g.Members {
		w.g.Members[i].Ready = w.g.Members[i].Desired
	}
}

func (w *world) check(t *rapid.T) {
	for _, broken := range w.broken {
		t.Fatalf("%s\n%s", broken, w.log.String())
	}
	total, some := 0.0, false
	for i, share := range Shares(w.g.Mode, w.g.Members) {
		total, some = total+share, some || share > 0
		if m := w.g.Members[i]; m.Weight < api.NoWeight || m.Weight > api.MaxWeight {
			t.Fatalf("weight %d\n%s", m.Weight, w.log.String())
		}
	}
	if some && math.Abs(total-1) > 1e-9 {
		t.Fatalf("shares sum to %v", total)
	}
	if s := w.shift; s.Active() && !s.ReachedAt.IsZero() && s.Percent > 0 && s.Phase == api.ShiftRunning && w.g.InForce {
		if sp, _ := s.split(s.Percent, w.g); !w.g.has(sp) {
			return // somebody has left, and the rest cannot carry it
		}
		if got := Shares(w.g.Mode, w.g.Members)[w.g.index(s.To)]; math.Abs(got-float64(s.Percent)/100) > 1e-9 {
			t.Fatalf("step %d%% gives %v\n%s", s.Percent, got, w.log.String())
		}
	}
}

// stored has shift and promotion go through their JSON, as a restart does.
func (w *world) stored(t *rapid.T) {
	again := func(v any, into any) {
		text, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if w.shift != nil {
		s := Shift{}
		again(w.shift, &s)
		w.shift = &s
	}
	if w.promotion != nil {
		p := Promotion{}
		again(w.promotion, &p)
		w.promotion = &p
	}
}

// TestShiftUnderFaults holds, whatever happens to the members: no decision takes
// a load above the bound, a step gives exactly its percentage, shares sum to 1;
// and with everything well again a shift ends as soon as its member has capacity.
func TestShiftUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawGroup(t)
		s, err := ChangeShift(nil, drawShift(t), w.g, "ann", w.now)
		if err != nil {
			t.Skip(err.Error())
		}
		w.shift = &s
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			w.run(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			w.check(t)
			if !w.shift.Active() && !w.promotion.Active() {
				break
			}
			disturb(t, w)
			w.stored(t)
		}
		if !w.shift.Active() || w.g.find("s0") == nil {
			return
		}
		next := ResumeShift(*w.shift, w.now)
		w.shift = &next
		for i := range w.g.Members {
			m := &w.g.Members[i] // as many as its part needs
			m.Desired = max(1, 10*w.shift.Before.find(m.Service).Part)
		}
		w.settle()
		w.run(time.Second)
		w.g.find("s0").Desired = 1_000_000 // whatever the others have
		w.settle()
		for range 10 {
			w.run(2 * time.Minute)
			w.check(t)
		}
		if w.shift.Active() {
			t.Fatalf("it does not end: %+v\n%s", w.shift, w.log.String())
		}
	})
}

// TestAbortRestores holds that an abort gives mode, states and weights back as
// they were, at any moment of a shift; in mode auto the shares too.
func TestAbortRestores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawGroup(t)
		w.settle()
		was := w.g
		shares := Shares(was.Mode, was.Members)
		s, err := ChangeShift(nil, drawShift(t), w.g, "ann", w.now)
		if err != nil {
			t.Skip(err.Error())
		}
		w.shift = &s
		w.run(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
		w.check(t)
		if !w.shift.Active() {
			return
		}
		d := AbortShift(*w.shift, w.g, ByUser, "", w.now)
		w.shift = &d.Shift
		w.carryOut(d.Set, d.Scale, "")
		w.run(time.Minute)
		if w.g.Mode != was.Mode {
			t.Fatalf("mode %s", w.g.Mode)
		}
		for i, m := range w.g.Members {
			if m.Weight != was.Members[i].Weight || m.State != was.Members[i].State {
				t.Fatalf("%+v, was %+v", m, was.Members[i])
			}
			if got := Shares(w.g.Mode, w.g.Members)[i]; got != shares[i] {
				t.Fatalf("share of %s is %v, was %v\n%s", m.Service, got, shares[i], w.log.String())
			}
		}
	})
}

// TestPromotionUnderFaults holds the bound for promotions, that those beside keep
// their share, and that one ends when everything is well, with the canary gone.
func TestPromotionUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawGroup(t)
		into := []string{"s1"}
		if len(w.g.Members) > 2 && rapid.Bool().Draw(t, "two") {
			into = append(into, "s2")
		}
		keep := rapid.IntRange(0, 3).Draw(t, "keep")
		p, err := BeginPromotion(nil, "s0", 7, api.PromoteChange{Into: into, Keep: &keep}, w.g, nil, "ann", w.now)
		if err != nil {
			t.Skip(err.Error())
		}
		w.promotion = &p
		for range rapid.IntRange(0, 8).Draw(t, "events") {
			w.run(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			w.check(t)
			if !w.shift.Active() && !w.promotion.Active() {
				break
			}
			disturb(t, w)
			w.stored(t)
		}
		canary := w.g.find("s0")
		if canary == nil {
			return
		}
		for range 20 {
			if !w.promotion.Active() {
				break
			}
			for i := range w.g.Members {
				w.g.Members[i].Desired = max(w.g.Members[i].Desired, 1)
				if slices.Contains(into, w.g.Members[i].Service) {
					w.g.Members[i].State = api.StateGrouping
				}
			}
			w.settle()
			w.run(2 * time.Minute)
			w.check(t)
		}
		switch {
		case w.promotion.Active():
			t.Fatalf("it does not end: %+v\n%+v\n%s", w.promotion, w.g, w.log.String())
		case w.promotion.Phase == api.PromotionCompleted && w.g.find("s0").Desired > max(keep, 1):
			t.Fatalf("the canary has %d\n%s", w.g.find("s0").Desired, w.log.String())
		}
	})
}
