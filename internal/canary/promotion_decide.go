package canary

import (
	"fmt"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// PromotionDecision is what follows now. Promotion, Set and Scale are stored in
// one transaction. When Update is done (an update of that service to the
// canary's configuration, whose answer is the version it made, or has), NoteUpdated
// writes that down; killed between the two, it is asked for again, and an update
// that changes nothing gives the version there is.
type PromotionDecision struct {
	Promotion  Promotion
	Update     string // service to update; "" for none
	Set        *Split
	Scale      *Scale
	Stage      api.PromotionStage
	WaitingFor string // one sentence; "" when it has ended
}

// DecidePromotion says what a promotion does next. A production update that is
// paused is waited for; one that was rolled back or replaced by another is waited
// for too, until the promotion is asked for again or aborted. Nothing is moved
// back before all are updated: until then old and new version would mix.
//
// The canary is never given more than it has.
//
// A service that leaves the group is promoted no more. When the canary leaves,
// the promotion is aborted; if nobody has a share then, production gets it all,
// whatever it carries, since nobody else is there for it.
func DecidePromotion(p Promotion, g Group, now time.Time) PromotionDecision {
	d := promotionDecision{PromotionDecision{Promotion: p}, g, now}
	if p.Active() {
		d.decide()
	}
	if !d.Promotion.Active() {
		d.WaitingFor, d.Stage = "", ""
	}
	return d.PromotionDecision
}

type promotionDecision struct {
	PromotionDecision
	g   Group
	now time.Time
}

func (d *promotionDecision) decide() {
	p := &d.Promotion
	p.Into = slices.DeleteFunc(slices.Clone(p.Into), func(name string) bool { return d.g.find(name) == nil })
	switch {
	case len(p.Into) == 0:
		*p = AbortPromotion(*p, "no service that was to be updated is in the group any more", d.now)
	case d.g.find(p.Canary) == nil:
		if sp := finalSplit(p.final(d.g)); !d.g.has(sp) && d.nothingLeft() {
			d.Set = &sp
		}
		*p = AbortPromotion(*p, "service "+p.Canary+" has left the group", d.now)
	case d.updating():
	case d.movingBack():
	default:
		d.scaling()
	}
}

// nothingLeft tells whether nobody has a share.
func (d *promotionDecision) nothingLeft() bool { return sum(Weights(d.g.Mode, d.g.Members)) == 0 }

func (d *promotionDecision) updating() bool {
	p := &d.Promotion
	for _, name := range p.Into {
		version, given := p.Versions[name]
		m := d.g.find(name)
		is := m.Update
		switch {
		case !given:
			d.Update = name
			d.WaitingFor = "the update of service " + name + " to begin"
		case m.Stopped:
			d.WaitingFor = fmt.Sprintf("a start of service %s, which is stopped; `sluice start %s` starts it", name, name)
		case is.Version != version:
			d.WaitingFor = fmt.Sprintf("service %s, which is at version %d and not at %d that it was given; `sluice promote %s` updates it again, `sluice promote %s --abort` ends the promotion",
				name, is.Version, version, p.Canary, p.Canary)
		case is.Phase != "" && is.Phase != api.RolloutCompleted:
			d.WaitingFor = fmt.Sprintf("the update of service %s to version %d, which is %s", name, version, is.Phase)
			if is.Message != "" {
				d.WaitingFor += ": " + is.Message
			}
		default:
			continue
		}
		d.Stage = api.StageUpdating
		return true
	}
	return false
}

func (d *promotionDecision) movingBack() bool {
	p := &d.Promotion
	d.Stage = api.StageMovingBack
	share := Shares(d.g.Mode, d.g.Members)[d.g.index(p.Canary)]
	if share == 0 && (p.Keep == 0 || p.Moving == nil) { // there is nothing to move, or no more
		return d.acknowledging()
	}
	for _, name := range p.Into {
		if d.g.find(name).State != api.StateGrouping {
			d.WaitingFor = fmt.Sprintf("service %s, which is standalone; `sluice release %s --state grouping` lets it take traffic", name, name)
			return true
		}
	}
	if d.moved() {
		is := before(d.g)
		p.Moving = &is
	}
	list := p.final(d.g)
	want := finalSplit(list)
	if !d.progress(want) {
		return d.acknowledging()
	}
	most := p.most(d.g)
	lack := d.lack(list, want, most)
	if lack == nil {
		d.set(want)
		return true
	}
	if sp := p.partly(list, d.g); d.progress(sp) && d.g.overload(sp, most, p.Into...) == nil {
		d.set(sp)
	}
	d.ask(lack)
	return true
}

// moved tells whether parts are other ones than when traffic began to move back:
// in auto they follow the replicas until the first move, and a member may have
// been given a weight by hand.
func (d *promotionDecision) moved() bool {
	p := &d.Promotion
	return p.Moving == nil || d.g.Mode == api.ModeAuto || slices.ContainsFunc(d.g.Members, func(m Member) bool {
		beside := m.Service != p.Canary && !slices.Contains(p.Into, m.Service)
		return beside && m.State == api.StateGrouping && m.Weight > 0 && p.Moving.find(m.Service).Part == 0
	})
}

// acknowledging tells whether gateways have yet to acknowledge the weights.
func (d *promotionDecision) acknowledging() bool {
	if !d.g.InForce {
		d.WaitingFor = "every gateway to have the weights"
	}
	return !d.g.InForce
}

// lack is what stands against moving everything back. A promoted service without
// a ready replica is as good as none.
func (d *promotionDecision) lack(list []role, want Split, most limit) *Lack {
	then := d.g.With(want)
	shares := Shares(then.Mode, then.Members)
	for _, r := range list {
		at := d.g.index(r.service)
		m := d.g.Members[at]
		if r.into && shares[at] > 0 && m.counts() == 0 {
			return &Lack{Service: r.service, Share: shares[at], Need: max(1, needed(shares[at], most(r.service)))}
		}
	}
	return d.g.overload(want, most, d.Promotion.Into...)
}

// progress tells whether a split takes something from the canary.
func (d *promotionDecision) progress(sp Split) bool {
	then, at := d.g.With(sp), d.g.index(d.Promotion.Canary)
	return Shares(then.Mode, then.Members)[at] < Shares(d.g.Mode, d.g.Members)[at]-rounding
}

func (d *promotionDecision) set(sp Split) {
	d.Set = &sp
	d.WaitingFor = "every gateway to have the weights"
}

// ask has a service scaled up to what its share needs, or says who must.
func (d *promotionDecision) ask(lack *Lack) {
	m, ref := d.g.find(lack.Service), d.Promotion.reference(d.g)
	d.WaitingFor = lack.words(ref)
	want := max(lack.Need, int(math.Ceil(lack.Share*float64(ref)-rounding)))
	switch {
	case m.Desired >= lack.Need:
	case d.Promotion.Scale && slices.Contains(d.Promotion.Into, m.Service) && want <= api.MaxInstances:
		d.Scale = &Scale{Service: m.Service, To: want}
	default:
		d.WaitingFor += fmt.Sprintf("; `sluice scale %s %d` gives it enough", m.Service, lack.Need)
	}
}

// scaling ends it: the canary has what it keeps, and a group that was in mode
// auto is in it again, if nobody is given too much by that.
func (d *promotionDecision) scaling() {
	p := &d.Promotion
	d.Stage = api.StageScaling
	canary := d.g.find(p.Canary)
	if canary.Desired > p.Keep {
		d.Scale = &Scale{Service: p.Canary, To: p.Keep}
		d.WaitingFor = fmt.Sprintf("service %s to be scaled to %d", p.Canary, p.Keep)
		return
	}
	if p.Before.Mode == api.ModeAuto && d.g.Mode != api.ModeAuto {
		sp := Split{Mode: api.ModeAuto, Weights: map[string]int{}}
		for _, m := range d.g.Members {
			sp.Weights[m.Service] = p.Before.find(m.Service).Weight
		}
		if d.g.overload(sp, p.most(d.g), p.Into...) == nil {
			d.set(sp)
		}
	}
	p.Phase, p.EndedAt = api.PromotionCompleted, d.now
	p.Message = fmt.Sprintf("the version of service %s serves in %s", p.Canary, andList(p.Into))
}

func andList(list []string) string {
	text := ""
	for i, name := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			text += " and "
		default:
			text += ", "
		}
		text += name
	}
	return text
}

// View is the promotion as it is shown.
func (p Promotion) View(g Group, now time.Time) *api.Promotion {
	d := DecidePromotion(p, g, now)
	return &api.Promotion{Canary: p.Canary, Version: p.Version, Into: p.Into, Keep: p.Keep, MaxLoad: p.MaxLoad, Scale: p.Scale, Phase: p.Phase,
		Stage: d.Stage, WaitingFor: d.WaitingFor, Message: p.Message, Creator: p.Creator, StartedAt: api.At(p.StartedAt), EndedAt: api.AtPtr(p.EndedAt)}
}
