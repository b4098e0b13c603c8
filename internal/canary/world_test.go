package canary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// world carries decisions out: a member's replicas become ready startup after it
// was scaled, gateways acknowledge weights after ack, updates end after update.
type world struct {
	g         Group
	shift     *Shift
	promotion *Promotion
	now       time.Time
	startup   time.Duration
	fails     bool // updates are rolled back
	due       []event
	log       strings.Builder
	broken    []string // bounds that a decision of ours has broken
	last      string   // line of progress, written when it changes
}

type event struct {
	at time.Time
	do func()
}

const ack = 10 * time.Millisecond

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(mode api.TrafficMode, members ...Member) *world {
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Service, b.Service) })
	return &world{g: Group{Mode: mode, Members: members, InForce: true}, now: epoch, startup: 3 * time.Second}
}

func (w *world) later(after time.Duration, do func()) {
	w.due = append(w.due, event{w.now.Add(after), do})
}

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(&w.log, "%8.2fs  %s\n", w.now.Sub(epoch).Seconds(), fmt.Sprintf(format, args...))
}

// split writes the group in one line: customized a 99 (99%) b 1 (1%).
func (w *world) split() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", w.g.Mode)
	shares := Shares(w.g.Mode, w.g.Members)
	for i, m := range w.g.Members {
		fmt.Fprintf(&b, " %s", m.Service)
		if m.State == api.StateStandalone {
			b.WriteString(" standalone")
			continue
		}
		if w.g.Mode == api.ModeCustomized {
			fmt.Fprintf(&b, " %d", m.Weight)
		}
		fmt.Fprintf(&b, " (%s)", percentage(shares[i]))
	}
	return b.String()
}

func (w *world) set(sp Split) {
	w.g = w.g.With(sp)
	w.say("set %s", w.split())
	w.later(ack, func() { w.g.InForce = true })
}

func (w *world) scale(sc Scale) {
	w.say("scale %s to %d", sc.Service, sc.To)
	m := w.g.find(sc.Service)
	m.Desired = sc.To
	w.later(w.startup, func() {
		if m := w.g.find(sc.Service); m != nil && m.Desired == sc.To {
			m.Ready = sc.To
		}
	})
}

// bound checks that a decision has taken nobody's load up beyond the bound.
func (w *world) bound(sp *Split, most limit, to ...string) {
	if sp == nil {
		return
	}
	then := w.g.With(*sp)
	was, is := carried(Weights(w.g.Mode, w.g.Members), w.g.Members), carried(Weights(then.Mode, then.Members), then.Members)
	for i, m := range then.Members {
		rise := 0.001 // weights are rounded
		if slices.Contains(to, m.Service) {
			rise = 1e-6
		}
		if limit := most(m.Service) * float64(min(m.Ready, m.Desired)); is[i] > was[i]+rise && is[i] > limit+1e-6 {
			w.broken = append(w.broken, fmt.Sprintf("%s gets %.4f instead of %.4f; %d replicas carry %.4f", m.Service, is[i], was[i], m.Ready, limit))
		}
	}
}

// decide takes decisions until nothing changes, and tells when to come again.
func (w *world) decide() (wake time.Time) {
	for range 50 {
		again := w.decideShift(&wake)
		if w.decidePromotion() || again {
			continue
		}
		return wake
	}
	w.broken = append(w.broken, "decisions do not come to rest")
	return wake
}

func (w *world) decideShift(wake *time.Time) (again bool) {
	if !w.shift.Active() {
		return false
	}
	d := DecideShift(*w.shift, w.g, w.now)
	if !d.Shift.Phase.Ended() {
		perReplica := w.shift.MaxLoad / float64(w.shift.Reference)
		w.bound(d.Set, func(string) float64 { return perReplica }, w.shift.To)
	}
	if !d.Shift.Phase.Ended() && d.WaitingFor == "" {
		w.broken = append(w.broken, "a shift in progress waits for nothing")
	}
	was := *w.shift
	w.shift = &d.Shift
	if d.Shift.Phase != was.Phase {
		w.say("shift %s %s", d.Shift.Phase, strings.TrimSpace(d.Shift.Reason+" "+d.Shift.Message))
	}
	if d.Shift.Percent != was.Percent {
		w.say("step %d%%", d.Shift.Percent)
	}
	*wake = d.Wake
	return w.carryOut(d.Set, d.Scale, d.WaitingFor)
}

func (w *world) decidePromotion() (again bool) {
	if !w.promotion.Active() {
		return false
	}
	d := DecidePromotion(*w.promotion, w.g, w.now)
	if d.Promotion.Active() || d.Promotion.Phase == api.PromotionCompleted {
		w.bound(d.Set, w.promotion.most(w.g), w.promotion.Into...)
	}
	w.promotion = &d.Promotion
	if d.Promotion.Active() && d.WaitingFor == "" && d.Stage != api.StageScaling {
		w.broken = append(w.broken, "a promotion in progress waits for nothing")
	}
	if d.Update != "" {
		w.update(d.Update)
		return true
	}
	again = w.carryOut(d.Set, d.Scale, d.WaitingFor)
	if !d.Promotion.Active() {
		w.say("promotion %s %s", d.Promotion.Phase, d.Promotion.Message)
	}
	return again
}

func (w *world) carryOut(sp *Split, sc *Scale, waiting string) (again bool) {
	if waiting != w.last && waiting != "" {
		w.say("waits for %s", waiting)
	}
	w.last = waiting
	if sp != nil {
		w.set(*sp)
	}
	if sc != nil {
		w.scale(*sc)
	}
	return sp != nil || sc != nil
}

func (w *world) update(service string) {
	m := w.g.find(service)
	from := m.Update.Version
	m.Update = Update{Version: from + 1, Phase: api.RolloutRunning}
	w.say("update %s to version %d", service, from+1)
	next := NoteUpdated(*w.promotion, service, from+1)
	w.promotion = &next
	w.later(time.Minute, func() {
		m := w.g.find(service)
		switch {
		case m == nil:
		case w.fails:
			m.Update = Update{Version: from, Phase: api.RolloutRolledBack}
		default:
			m.Update.Phase = api.RolloutCompleted
		}
	})
}

// run decides for a span of time, at every event and at every wake.
func (w *world) run(span time.Duration) {
	end := w.now.Add(span)
	for range 1000 {
		wake := w.decide()
		next := end
		if !wake.IsZero() && wake.Before(next) {
			next = wake
		}
		for _, e := range w.due {
			if e.at.Before(next) {
				next = e.at
			}
		}
		w.now = next
		var rest []event
		for _, e := range w.due {
			if e.at.After(w.now) {
				rest = append(rest, e)
				continue
			}
			e.do()
		}
		w.due = rest
		if !w.now.Before(end) {
			w.decide()
			return
		}
	}
	w.broken = append(w.broken, "time does not pass")
}
