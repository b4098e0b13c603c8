package canary

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// Promotion makes the version of a canary the version of other members, in three
// stages: they are updated, by rolling updates under their own bounds and plans,
// while the split stays; traffic goes back to them as far as their ready replicas
// carry it; the canary is scaled to what it keeps. It is written to by the
// functions of this package alone.
type Promotion struct {
	Canary  string             `json:"canary"`
	Version int                `json:"version"` // the canary's
	Into    []string           `json:"into"`
	Keep    int                `json:"keep"`
	MaxLoad float64            `json:"max_load"`
	Scale   bool               `json:"scale"`
	Phase   api.PromotionPhase `json:"phase"`
	Message string             `json:"message"`

	Before Before  `json:"before"` // when it began
	Moving *Before `json:"moving"` // when traffic began to move back; nil before
	// Sized is the group as it was when its replicas were what the traffic needs:
	// before the shift that led here, else as Before. Reference is how many of
	// them were ready.
	Sized     Before         `json:"sized"`
	Reference int            `json:"reference"`
	Versions  map[string]int `json:"versions"` // of Into: the version that the update made

	Creator   string    `json:"creator"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// Active tells whether there is a promotion that has not ended.
func (p *Promotion) Active() bool { return p != nil && p.Phase == api.PromotionRunning }

// BeginPromotion begins one, or, with was in progress for the same canary, has
// updates that did not succeed made once more; version is the canary's current
// one, and ch has been checked. shift is the group's last one, nil for none; if it
// goes to the canary and is in progress, the caller ends it with EndShift.
func BeginPromotion(was *Promotion, canary string, version int, ch api.PromoteChange, g Group, shift *Shift, creator string, now time.Time) (Promotion, error) {
	switch {
	case was.Active() && was.Canary == canary:
		return retried(*was, g), nil
	case was.Active():
		return Promotion{}, refuse("wait for its end, or abort it", "%s of the group is being promoted, and a group has one promotion at a time", was.Canary)
	case shift.Active() && shift.To != canary:
		return Promotion{}, refuse(fmt.Sprintf("wait for its end, or take it back with `sluice shift abort %s`", shift.To), "a shift to %s is in progress", shift.To)
	}
	p := Promotion{Canary: canary, Version: version, Into: slices.Clone(ch.Into), MaxLoad: api.DefaultMaxLoad, Scale: true,
		Phase: api.PromotionRunning, Before: before(g), Creator: creator, StartedAt: now}
	p.Sized, p.Reference = p.Before, p.Before.ready()
	if ch.Keep != nil {
		p.Keep = *ch.Keep
	}
	if ch.MaxLoad != nil {
		p.MaxLoad = *ch.MaxLoad
	}
	if ch.Scale != nil {
		p.Scale = *ch.Scale
	}
	if err := p.settle(g); err != nil {
		return Promotion{}, err
	}
	p.size(g, shift)
	return p, nil
}

// size takes over what the traffic needs from the shift that led here, if nobody
// has been scaled up since for other reasons.
func (p *Promotion) size(g Group, shift *Shift) {
	if shift == nil || shift.To != p.Canary || shift.Phase == api.ShiftAborted || shift.Percent == 0 {
		return
	}
	if g.find(p.Canary).Desired > max(shift.Reference, shift.Before.find(p.Canary).Desired) {
		return
	}
	for _, name := range p.Into {
		if g.find(name).Desired > shift.Before.find(name).Desired {
			return
		}
	}
	p.Sized, p.Reference = shift.Before, shift.Reference
}

// settle finds out which services are meant, and whether they can be.
func (p *Promotion) settle(g Group) error {
	if g.find(p.Canary) == nil {
		return refuse("", "service %s is not in the group; it has %s", p.Canary, strings.Join(names(g), ", "))
	}
	if len(p.Into) == 0 {
		for _, m := range g.Members {
			if m.Service != p.Canary && m.State == api.StateGrouping {
				p.Into = append(p.Into, m.Service)
			}
		}
		if len(p.Into) != 1 {
			return api.InvalidPromotion("into", p.Into, "name the services to update: the group has %d other members that are grouping, so it is not clear which are meant", len(p.Into))
		}
	}
	for i, name := range p.Into {
		at := fmt.Sprintf("into[%d]", i)
		switch m := g.find(name); {
		case name == p.Canary:
			return api.InvalidPromotion(at, name, "it is the canary itself")
		case m == nil:
			return api.InvalidPromotion(at, name, "the group has no such member; it has %s", strings.Join(names(g), ", "))
		case m.State != api.StateGrouping:
			return api.InvalidPromotion(at, name, "it is standalone; `sluice release %s --state grouping` lets it take traffic", name)
		case m.Stopped:
			return refuse("`sluice start "+name+"` starts it", "service %s is stopped, so it cannot take over", name)
		}
	}
	if p.Reference == 0 {
		return refuse("wait for one", "no member that has a share has a ready replica, so nothing says what a replica can carry")
	}
	return nil
}

// retried lets services that are not at the version they were given be updated
// again.
func retried(p Promotion, g Group) Promotion {
	p.Versions = maps.Clone(p.Versions)
	for name, version := range p.Versions {
		if m := g.find(name); m == nil || m.Update.Version != version {
			delete(p.Versions, name)
		}
	}
	return p
}

// NoteUpdated is the promotion with what an update made: the version that the
// service is to run, which may be the one it had.
func NoteUpdated(p Promotion, service string, version int) Promotion {
	p.Versions = maps.Clone(p.Versions)
	if p.Versions == nil {
		p.Versions = map[string]int{}
	}
	p.Versions[service] = version
	return p
}

// AbortPromotion ends it where it stands. Updates that it began go on.
func AbortPromotion(p Promotion, message string, now time.Time) Promotion {
	p.Phase, p.Message, p.EndedAt = api.PromotionAborted, message, now
	return p
}

func (p *Promotion) reference(g Group) int {
	return reference(p.Sized, p.Reference, g, func(name string) bool { return name == p.Canary || slices.Contains(p.Into, name) })
}

// most is the bound of rule 23, and, for who carried more than that per replica
// when the promotion began, max_load times what that was: 2 replicas with 90% may
// be given the 10% of a third one.
func (p *Promotion) most(g Group) limit {
	ref, all := p.reference(g), p.Before.all()
	return func(service string) float64 {
		load := 1 / float64(ref)
		if was := p.Before.find(service); was.Part > 0 && was.Ready > 0 {
			load = max(load, float64(was.Part)/float64(all)/float64(was.Ready))
		}
		return p.MaxLoad * load
	}
}

// role is a member's place in the final split.
type role struct {
	service string
	had     int // when traffic began to move back
	parts   int // of the final split
	into    bool
	canary  bool
}

// final is the split at the end, as parts: what the canary and the promoted had
// together is the promoted's, in the proportion they had, or, had they none, in
// that of the replicas they had. A canary that keeps replicas has a share as if
// all of them together were in mode auto, and never more than it had.
func (p *Promotion) final(g Group) []role {
	from := p.Before
	if p.Moving != nil {
		from = *p.Moving
	}
	pool, own, replicas, weight := 0, from.find(p.Canary).Part, 0, 0
	for _, name := range p.Into {
		if m := g.find(name); m != nil {
			pool += from.find(name).Part
			replicas += m.Desired
		}
	}
	byPart := pool > 0
	pool += own
	of := func(name string) int { // the proportion among the promoted
		if byPart {
			return from.find(name).Part
		}
		return max(p.Before.find(name).Desired, 1)
	}
	for _, name := range p.Into {
		if g.find(name) != nil {
			weight += of(name)
		}
	}
	kept, unit := p.Keep*pool, p.Keep+replicas // the canary's: kept of unit
	if p.Keep == 0 || unit == 0 || kept > own*unit {
		kept, unit = min(p.Keep, 1)*own, 1
	}
	var list []role
	for _, m := range g.Members {
		r := role{service: m.Service, had: from.find(m.Service).Part}
		switch {
		case m.Service == p.Canary:
			r.canary, r.parts = true, kept*weight
		case slices.Contains(p.Into, m.Service):
			r.into, r.parts = true, (pool*unit-kept)*of(m.Service)
		case m.State == api.StateGrouping:
			r.parts = r.had * unit * weight
		default:
			continue
		}
		list = append(list, r)
	}
	return list
}

func weightsOf(list []role, weights []int) Split {
	sp := Split{Mode: api.ModeCustomized, Weights: map[string]int{}}
	for i, r := range list {
		sp.Weights[r.service] = weights[i]
	}
	return sp
}

// finalSplit is exact where weights up to 1000 are; else those beside keep their
// share exactly, and the others are rounded.
func finalSplit(list []role) Split {
	parts := make([]int, len(list))
	for i, r := range list {
		parts[i] = r.parts
	}
	weights, ok := exact(parts)
	if !ok {
		weights = rounded(list)
	}
	return weightsOf(list, weights)
}

// rounded are the final weights with a sum of up to 1000 in which those beside
// have exactly what they had, as long as they had weights with such a sum.
func rounded(list []role) []int {
	weights, moved := make([]int, len(list)), make([]int, len(list))
	for i, r := range list {
		weights[i] = r.had
		if r.into || r.canary {
			moved[i] = r.parts
		}
	}
	if sum(weights) > api.MaxWeight {
		weights = apportion(api.MaxWeight, weights)
	}
	finer, pool := max(1, api.MaxWeight/max(1, sum(weights))), 0
	for i, r := range list {
		weights[i] *= finer
		if r.into || r.canary {
			pool += weights[i]
		}
	}
	for i, w := range apportion(pool, moved) {
		if list[i].into || list[i].canary {
			weights[i] = w
		}
	}
	return weights
}

// partly is the split in which the promoted have as much of their final share as
// their ready replicas carry, and never less than now; the canary has the rest.
func (p *Promotion) partly(list []role, g Group) Split {
	weights, canary := rounded(list), -1
	all := sum(weights)
	left, now, most := all, Shares(g.Mode, g.Members), p.most(g)
	for i, r := range list {
		switch at := g.index(r.service); {
		case r.canary:
			canary = i
			continue
		case r.into:
			carries := int(math.Floor(float64(all)*most(r.service)*float64(g.Members[at].counts()) + rounding))
			has := int(math.Ceil(float64(all)*now[at] - rounding))
			weights[i] = max(has, min(weights[i], carries))
		}
		left -= weights[i]
	}
	weights[canary] = max(0, left)
	return weightsOf(list, weights)
}
