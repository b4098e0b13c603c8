package canary

import (
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// Why a shift is paused or was aborted.
const (
	ByUser       = "user"
	ByGate       = "gate"
	ByStandalone = "standalone"  // To was taken out of the group's traffic by hand
	ByGone       = "member gone" // To, or everybody else, has left the group
)

// Shift moves a group's traffic gradually to one member (rule 23). It is written
// to by the functions of this package alone.
type Shift struct {
	To       string         `json:"to"`
	Steps    []int          `json:"steps"` // percentages, ascending
	Interval time.Duration  `json:"interval"`
	MaxLoad  float64        `json:"max_load"`
	Scale    bool           `json:"scale"`
	Gates    []api.Gate     `json:"gates"`
	Phase    api.ShiftPhase `json:"phase"`
	Reason   string         `json:"reason"`
	Message  string         `json:"message"`

	Begun     bool   `json:"begun"` // a decision was taken while it was not paused
	Before    Before `json:"before"`
	Reference int    `json:"reference"` // ready replicas that carried everything at the start
	Percent   int    `json:"percent"`   // the step reached last; 0 before the first
	// ReachedAt is since when To carries the step, with every gateway knowing it.
	// It is zero again while To has too few ready replicas: the interval counts
	// time in which the step was carried.
	ReachedAt  time.Time        `json:"reached_at"`
	PausedAt   time.Time        `json:"paused_at"`
	Rejoin     bool             `json:"rejoin"` // resumed after To was taken out by hand
	Scaled     int              `json:"scaled"` // desired replicas of To that the shift asked for; 0 for none
	GateAction api.GateAction   `json:"gate_action"`
	GateReason string           `json:"gate_reason"`
	Records    []api.GateRecord `json:"records"`

	Creator   string    `json:"creator"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// Before is a group as it was when a shift or a promotion began.
type Before struct {
	Mode    api.TrafficMode `json:"mode"`
	Members []Part          `json:"members"`
}

// Part is a member's part in it.
type Part struct {
	Service string           `json:"service"`
	State   api.TrafficState `json:"state"`
	Weight  int              `json:"weight"` // as set
	Part    int              `json:"part"`   // as it counted: see Weights
	Ready   int              `json:"ready"`
	Desired int              `json:"desired"`
}

func before(g Group) Before {
	b := Before{Mode: g.Mode}
	weights := Weights(g.Mode, g.Members)
	for i, m := range g.Members {
		b.Members = append(b.Members, Part{Service: m.Service, State: m.State, Weight: m.Weight, Part: weights[i], Ready: m.Ready, Desired: m.Desired})
	}
	return b
}

func (b Before) find(service string) Part {
	for _, p := range b.Members {
		if p.Service == service {
			return p
		}
	}
	return Part{Service: service, State: api.StateStandalone, Weight: api.NoWeight}
}

// all is the sum of the parts.
func (b Before) all() (n int) {
	for _, p := range b.Members {
		n += p.Part
	}
	return n
}

// ready counts the ready replicas that had a share.
func (b Before) ready() (n int) {
	for _, p := range b.Members {
		if p.Part > 0 {
			n += p.Ready
		}
	}
	return n
}

// startFrom takes the group as it is at the first decision as the start: one that
// began paused starts from what there is when it goes on.
func (s *Shift) startFrom(g Group) {
	if s.Begun {
		return
	}
	s.Begun = true
	is := before(g)
	if part := is.find(s.To).Part; is.all() > part && is.ready() > 0 {
		s.Before, s.Reference = is, is.ready()
	}
}

// Active tells whether there is a shift that has not ended.
func (s *Shift) Active() bool { return s != nil && !s.Phase.Ended() }

// reference is how many replicas a step's load is compared with: those at the
// start, or more when members that had a share have more now. That To was scaled
// for the shift makes no load lighter.
func (s *Shift) reference(g Group) int {
	return reference(s.Before, s.Reference, g, func(name string) bool { return name == s.To })
}

// most is the bound of rule 23.
func (s *Shift) most(g Group) limit {
	return func(string) float64 { return s.MaxLoad / float64(s.reference(g)) }
}

// reference is start, or what the members that had a share and take part still
// have now, if that is more; those that have grown for the sake of the change
// count as at the start.
func reference(b Before, start int, g Group, grown func(string) bool) int {
	now := 0
	for _, p := range b.Members {
		m := g.find(p.Service)
		switch {
		case p.Part == 0 || m == nil || m.State != api.StateGrouping:
		case grown(p.Service):
			now += p.Ready
		default:
			now += m.Ready
		}
	}
	return max(start, now)
}

// next is the step after the one in force, 0 for none. Steps that give To less
// than it had at the start are left out.
func (s *Shift) next() int {
	has, all := s.Before.find(s.To).Part, s.Before.all()
	for _, p := range s.Steps {
		if p > s.Percent && (s.Percent > 0 || p*all > 100*has) {
			return p
		}
	}
	return 0
}

// split is the division at a step: percent to To, the rest to the others in the
// proportion they had at the start; at 0 everything as it was, in weights. Those
// that have left or are standalone now count for nothing, and those that came
// later get nothing. ok is false when nobody else is left.
func (s *Shift) split(percent int, g Group) (sp Split, ok bool) {
	sp = Split{Mode: api.ModeCustomized, Weights: map[string]int{}}
	if percent == 0 && s.Before.Mode == api.ModeCustomized {
		return sp, s.othersPart(g) > 0
	}
	var names []string
	var others []int
	for _, m := range g.Members {
		part := s.Before.find(m.Service).Part
		switch {
		case m.Service == s.To:
		case part > 0 && m.State == api.StateGrouping:
			names, others = append(names, m.Service), append(others, part)
		case m.Weight > 0 && m.State == api.StateGrouping:
			sp.Weights[m.Service] = 0
		}
	}
	if len(others) == 0 {
		return sp, false
	}
	one, rest := 0, []int(nil)
	if percent == 0 {
		weights := asWeights(append([]int{s.Before.find(s.To).Part}, others...))
		one, rest = weights[0], weights[1:]
	} else {
		one, rest = divide(percent, others)
		sp.States = map[string]api.TrafficState{s.To: api.StateGrouping}
	}
	if to := g.find(s.To); percent > 0 || to.State == api.StateGrouping {
		sp.Weights[s.To] = one
	}
	for i, name := range names {
		sp.Weights[name] = rest[i]
	}
	return sp, true
}

func (s *Shift) othersPart(g Group) (n int) {
	for _, m := range g.Members {
		if m.Service != s.To && m.State == api.StateGrouping {
			n += s.Before.find(m.Service).Part
		}
	}
	return n
}

// want is how many replicas To is scaled to for a step: its percentage of those
// that carried everything, and what the bound needs if that is more.
func (s *Shift) want(percent int, g Group, lack *Lack) int {
	return max(lack.Need, int(math.Ceil(float64(percent)*float64(s.reference(g))/100-rounding)))
}

// Judging tells whether the gates are to be asked now: the step is carried and
// they have not settled what becomes of it.
func (s *Shift) Judging() bool {
	return s != nil && s.Phase == api.ShiftRunning && s.gated() && !s.ReachedAt.IsZero()
}

func (s *Shift) gated() bool {
	return s.Percent > 0 && len(s.Gates) > 0 && s.GateAction != api.GateContinue
}

// fresh forgets what was found of the step before.
func (s *Shift) fresh() { s.ReachedAt, s.GateAction, s.GateReason = time.Time{}, "", "" }

// NoteGates is the shift with what the gates made of the step that has been
// carried since reachedAt, if that is still the present one; the contract is that
// of update plans. The record's Target is the step's percentage. Only a change of
// outcome or action, or ten seconds, makes it a new record.
func NoteGates(s Shift, rec api.GateRecord, reachedAt time.Time) Shift {
	if !s.Judging() || !s.ReachedAt.Equal(reachedAt) {
		return s
	}
	rec.Target = s.Percent
	list := s.Records
	if n := len(list); n > 0 && !list[n-1].At.Before(reachedAt) && list[n-1].Target == s.Percent {
		was := list[n-1]
		if was.Action == rec.Action && sameOutcomes(was.Results, rec.Results) && rec.At.Sub(was.At.Time) < 10*time.Second {
			return s
		}
		list = list[:n-1]
	}
	s.GateAction, s.GateReason = rec.Action, rec.Reason
	s.Records = append(slices.Clone(list), rec)
	return s
}

func sameOutcomes(a, b []api.GateResult) bool {
	return slices.EqualFunc(a, b, func(x, y api.GateResult) bool { return x.Gate == y.Gate && x.Outcome == y.Outcome })
}
