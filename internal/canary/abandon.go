package canary

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// Abandonment is what takes a canary out of its group's traffic; all of it is
// stored in one transaction.
type Abandonment struct {
	Set       Split
	Scale     *Scale     // of a shift that is aborted by it
	Shift     *Shift     // not nil: the one in progress, aborted
	Promotion *Promotion // not nil: the one in progress, aborted
	Warnings  []string   // for api.Abandoned
}

// Abandon takes a canary out at once: it is standalone, and its share goes to the
// others in their proportion, or, when they have none, by their replicas. A shift
// to it in progress is aborted first. It is not held back by load, but warns; it
// is refused when nobody else is ready for traffic that the canary serves now.
// Stopping its replicas as well is a stop of the service afterwards.
func Abandon(g Group, canary string, shift *Shift, promotion *Promotion, now time.Time) (Abandonment, error) {
	var a Abandonment
	if g.find(canary) == nil {
		return a, refuse("", "service %s is not in the group", canary)
	}
	sp := Split{Mode: g.Mode, Weights: map[string]int{}, States: map[string]api.TrafficState{}}
	if shift.Active() && shift.To == canary {
		d := AbortShift(*shift, g, ByUser, "service "+canary+" was abandoned", now)
		a.Shift, a.Scale = &d.Shift, d.Scale
		sp.Mode = d.Set.Mode
		maps.Copy(sp.Weights, d.Set.Weights)
	}
	if promotion.Active() && promotion.Canary == canary {
		p := AbortPromotion(*promotion, "service "+canary+" was abandoned", now)
		a.Promotion = &p
	}
	sp.States[canary] = api.StateStandalone
	if then := g.With(sp); sum(Weights(then.Mode, then.Members)) == 0 {
		maps.Copy(sp.Weights, Convert(then.Members))
	}
	a.Set = sp
	then := g.With(sp)
	serves, next := carried(Weights(g.Mode, g.Members), g.Members), carried(Weights(then.Mode, then.Members), then.Members)
	if serves[g.index(canary)] > 0 && slices.Max(next) == 0 {
		return Abandonment{}, refuse("start or release another member first", "service %s has all the traffic of the group, and no other member is ready for it", canary)
	}
	a.Warnings = crowded(g, then)
	return a, nil
}

// crowded warns of members that are given clearly more than the replicas of the
// group carry now.
func crowded(g, then Group) (warnings []string) {
	ref := before(g).ready()
	most := api.DefaultMaxLoad / float64(ref)
	for i, share := range carried(Weights(then.Mode, then.Members), then.Members) {
		if m := then.Members[i]; share > 0 && ref > 0 && needed(share, most) > m.counts() {
			warnings = append(warnings, fmt.Sprintf("%s of the traffic of %d replicas goes to the %d of service %s", percentage(share), ref, m.Ready, m.Service))
		}
	}
	return warnings
}
