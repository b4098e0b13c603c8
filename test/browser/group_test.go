package browser

import (
	"fmt"
	"math"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/test/browser/stage"
)

// TestDragCanary drags a canary's weight to a quarter, looks at what that would
// be, sets it, and sees the requests follow.
func TestDragCanary(t *testing.T) {
	s := fresh(t)
	for name, replicas := range map[string]int{"stable": 3, "canary": 1} {
		file := s.File(name, replicas, name)
		file["metadata"].(stage.Object)["group"] = "prod"
		must(t, s.Create(t.Context(), file, ""))
	}
	custom, grouping, all, none := api.ModeCustomized, api.StateGrouping, 100, 0
	if _, err := s.Client().ChangeGroup(t.Context(), "prod", api.GroupChange{TrafficMode: &custom}); err != nil {
		t.Fatal(err)
	}
	for name, weight := range map[string]*int{"stable": &all, "canary": &none} {
		if _, err := s.Client().Release(t.Context(), name, api.Release{Weight: weight, TrafficState: &grouping}); err != nil {
			t.Fatal(err)
		}
	}
	stage.Load(t.Context(), s.Gateway+"/api/predict/prod", 4, 0)

	p := visit(t, s)
	p.press("link", "^Groups$")
	p.press("link", "^prod$")
	p.at("/groups/prod")
	p.disabled("button", "^Set weights$")
	p.dragTo("Weight of canary", 25)
	p.sees("Then: .*canary 25%.*")
	if g, err := s.Client().Group(t.Context(), "prod"); err != nil || fmt.Sprint(shares(g)) != "map[canary:0 stable:1]" {
		t.Fatalf("dragging alone changed the shares to %v (%v)", shares(g), err)
	}
	p.press("button", "^Set weights$")
	p.sees(`canary gets 25% \(now 0%\)`)
	p.press("button", "^Set weights$") // in the dialog
	must(t, s.Until(t.Context(), "canary", "has a quarter", func(v api.Service) bool { return v.Traffic.Weight == 25 && v.Traffic.Share == 0.25 }))
	if g, err := s.Client().Group(t.Context(), "prod"); err != nil || fmt.Sprint(shares(g)) != "map[canary:0.25 stable:0.75]" {
		t.Errorf("the shares are %v (%v)", shares(g), err)
	}
	p.meter("Share set of canary", 0.25)
	// Over the last minute the canary had nothing at first; its share grows to what is set.
	must(t, p.Await("the share measured of canary follows", func() (bool, error) {
		v, err := p.meterValue("Share measured of canary")
		return v > 0.05 && v < 0.3, err
	}))
}

func shares(g api.Group) map[string]float64 {
	all := map[string]float64{}
	for _, m := range g.Members {
		all[m.Service] = m.Share
	}
	return all
}

// dragTo drags a slider's thumb with the mouse to a value; what the width of a
// pixel leaves over is done with the arrow keys.
func (p *tab) dragTo(name string, value int) {
	p.t.Helper()
	input := fmt.Sprintf(`document.querySelector('input[type=range][aria-label=%q]')`, name)
	p.until("there is a slider "+name, input)
	var at struct{ Left, Top, Width, Height, Value, Max float64 }
	p.eval(`(() => { const e = `+input+`; e.scrollIntoView({ block: "center" }); const r = e.getBoundingClientRect();
		return { Left: r.left, Top: r.top, Width: r.width, Height: r.height, Value: Number(e.value), Max: Number(e.max) }; })()`, &at)
	const thumb = 16 // px
	x := func(v float64) float64 { return at.Left + thumb/2 + v/at.Max*(at.Width-thumb) }
	y := at.Top + at.Height/2
	must(p.t, p.DragFrom(x(at.Value), y, x(float64(value)), y))
	var now float64
	p.eval(`Number(`+input+`.value)`, &now)
	if math.Abs(now-float64(value)) > at.Max/20 {
		p.t.Fatalf("dragged %s from %g to %d, and it is at %g of %g", name, at.Value, value, now, at.Max)
	}
	for ; now != float64(value); p.eval(`Number(`+input+`.value)`, &now) {
		key := right
		if now > float64(value) {
			key = left
		}
		p.keys(key)
	}
}

func (p *tab) meterValue(name string) (float64, error) {
	var v float64
	err := p.Eval(fmt.Sprintf(`document.querySelector('meter[aria-label=%q]').value`, name), &v)
	return v, err
}

// meter waits until a meter shows a value.
func (p *tab) meter(name string, value float64) {
	p.t.Helper()
	must(p.t, p.Await(fmt.Sprintf("%s is %g", name, value), func() (bool, error) {
		v, err := p.meterValue(name)
		return math.Abs(v-value) < 0.001, err
	}))
}
