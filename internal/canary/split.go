package canary

import (
	"math"
	"slices"

	"sluice.dev/sluice/api"
)

// Group is what is observed of a group.
type Group struct {
	Mode    api.TrafficMode `json:"mode"`
	Members []Member        `json:"members"` // by name
	// InForce says that every live gateway has acknowledged the weights that the
	// members have here.
	InForce bool `json:"in_force"`
}

func (g Group) find(service string) *Member {
	if i := g.index(service); i >= 0 {
		return &g.Members[i]
	}
	return nil
}

func (g Group) index(service string) int {
	return slices.IndexFunc(g.Members, func(m Member) bool { return m.Service == service })
}

// Split is a division of a group's traffic that is to be put in force as one
// change. A member that Weights or States does not name stays as it is.
type Split struct {
	Mode    api.TrafficMode             `json:"mode"`
	Weights map[string]int              `json:"weights,omitempty"`
	States  map[string]api.TrafficState `json:"states,omitempty"`
}

// With is the group with the split in it; gateways have yet to acknowledge it.
func (g Group) With(sp Split) Group {
	next := Group{Mode: sp.Mode, Members: slices.Clone(g.Members)}
	for i := range next.Members {
		m := &next.Members[i]
		if w, named := sp.Weights[m.Service]; named {
			m.Weight = w
		}
		if st, named := sp.States[m.Service]; named {
			m.State = st
		}
	}
	return next
}

// has tells whether the split is what the group has.
func (g Group) has(sp Split) bool {
	then := g.With(sp)
	return g.Mode == then.Mode && slices.Equal(g.Members, then.Members)
}

// Scale asks for another number of desired replicas.
type Scale struct {
	Service string `json:"service"`
	To      int    `json:"to"`
}

// Lack says which member cannot carry what a split would give it.
type Lack struct {
	Service string
	Share   float64 // of the group's traffic that it would get
	Need    int     // ready replicas
	Have    int
}

// rounding is below every difference that counts: shares come from whole weights
// up to 1000, loads from up to 10,000 replicas.
const rounding = 1e-9

// limit is how much of the group's traffic one replica of a member may be given.
type limit func(service string) float64

// overload is what stands against a split: the first member that would get more
// than now, and more than its replicas may be given. Traffic is moved to those in
// to; for others a rise below a thousandth is the rounding of weights, which is
// nothing that waiting would help.
func (g Group) overload(sp Split, most limit, to ...string) *Lack {
	then := g.With(sp)
	now := carried(Weights(g.Mode, g.Members), g.Members)
	for i, share := range carried(Weights(then.Mode, then.Members), then.Members) {
		m, rise := g.Members[i], 1.0/api.MaxWeight
		if slices.Contains(to, m.Service) {
			rise = rounding
		}
		if need := needed(share, most(m.Service)); share > now[i]+rise && need > m.counts() {
			return &Lack{Service: m.Service, Share: share, Need: need, Have: m.counts()}
		}
	}
	return nil
}

// needed is how many replicas carry a share: with a limit of 1.25/8, 25% needs 2,
// and so does 30%.
func needed(share, most float64) int { return int(math.Ceil(share/most - rounding)) }

// exact writes a proportion in weights: with the sum 100 where that is exact, else
// reduced; ok is false when a weight would be above 1000.
func exact(proportion []int) (weights []int, ok bool) {
	small := reduced(proportion)
	if all := sum(small); all > 0 && 100%all == 0 {
		for i := range small {
			small[i] *= 100 / all
		}
	}
	return small, len(small) == 0 || slices.Max(small) <= api.MaxWeight
}

// divide gives percent of the traffic to one of len(others)+1 members, and the
// rest to the others in their proportion. One percentage is exact whatever the
// others are: where no weights up to 1000 are exact for all, those of the others
// are the nearest.
func divide(percent int, others []int) (one int, rest []int) {
	all := sum(others)
	list := []int{percent * all}
	for _, n := range others {
		list = append(list, (100-percent)*n)
	}
	if weights, ok := exact(list); ok {
		return weights[0], weights[1:]
	}
	return percent * 10, apportion(1000-percent*10, others)
}
