package canary

import (
	"cmp"
	"slices"

	"sluice.dev/sluice/api"
)

// Member is a service in a group, as it is now.
type Member struct {
	Service string           `json:"service"`
	State   api.TrafficState `json:"state"`
	Weight  int              `json:"weight"` // -1 for none
	Ready   int              `json:"ready"`
	Desired int              `json:"desired"`
	Stopped bool             `json:"stopped,omitempty"`
	Update  Update           `json:"update,omitzero"` // only a promotion looks at it
}

// Update is what a member's versions are doing.
type Update struct {
	Version int              `json:"version"` // current
	Phase   api.RolloutPhase `json:"phase"`   // of the last rollout; "" for none
	Message string           `json:"message"` // of that rollout, or what it waits for
}

// counts is the weight of a member in auto: a surge or replicas that a scale down
// has yet to end count for nothing (rule 20).
func (m Member) counts() int { return max(0, min(m.Ready, m.Desired)) }

// Weights are the whole numbers in whose proportion a gateway divides requests,
// one for each member: in auto min(ready, desired), in customized the weight. A
// standalone member and one without a weight have 0.
func Weights(mode api.TrafficMode, members []Member) []int {
	out := make([]int, len(members))
	for i, m := range members {
		switch {
		case m.State != api.StateGrouping:
		case mode == api.ModeCustomized:
			out[i] = max(0, m.Weight)
		default:
			out[i] = m.counts()
		}
	}
	return out
}

// Shares are the parts of the group's requests that members are set to get. They
// sum to 1, or are all 0 where nobody has a weight.
func Shares(mode api.TrafficMode, members []Member) []float64 {
	return parts(Weights(mode, members))
}

// carried are the parts that members get: one without a ready replica is skipped
// (rule 22).
func carried(weights []int, members []Member) []float64 {
	behind := slices.Clone(weights)
	for i, m := range members {
		if m.Ready <= 0 {
			behind[i] = 0
		}
	}
	return parts(behind)
}

func parts(weights []int) []float64 {
	out := make([]float64, len(weights))
	if all := sum(weights); all > 0 {
		for i, w := range weights {
			out[i] = float64(w) / float64(all)
		}
	}
	return out
}

// Convert gives the grouping members of a group in mode auto the weights that
// divide its traffic as it is divided now, so that a switch to customized moves
// none (rule 20): 6 and 2 replicas are 75 and 25, and 5 and 2 are 5 and 2, since
// no whole numbers with the sum 100 have that proportion. Where counts are above
// 1000 they are reduced; where that does not suffice, they are the nearest
// proportion with the sum 1000, which is off by less than a thousandth.
//
// A member without a ready replica gets 0 as it gets nothing now; when nobody
// has one, the desired numbers count, so that the group comes back.
func Convert(members []Member) map[string]int {
	counts := Weights(api.ModeAuto, members)
	if sum(counts) == 0 {
		for i, m := range members {
			if m.State == api.StateGrouping {
				counts[i] = max(0, m.Desired)
			}
		}
	}
	out := map[string]int{}
	for i, w := range asWeights(counts) {
		if members[i].State == api.StateGrouping {
			out[members[i].Service] = w
		}
	}
	return out
}

// asWeights writes a proportion in weights: with the sum 100 where that is exact,
// otherwise as it is or reduced, and only if a weight were above 1000 by the
// nearest with the sum 1000.
func asWeights(proportion []int) []int {
	small := reduced(proportion)
	switch all := sum(small); {
	case all == 0:
		return small
	case 100%all == 0:
		for i := range small {
			small[i] *= 100 / all
		}
		return small
	case slices.Max(proportion) <= api.MaxWeight:
		return slices.Clone(proportion)
	}
	return fit(small)
}

// fit makes weights of a proportion: reduced if that is within the bounds, else
// the nearest one with the sum 1000.
func fit(proportion []int) []int {
	small := reduced(proportion)
	if len(small) == 0 || slices.Max(small) <= api.MaxWeight {
		return small
	}
	return apportion(api.MaxWeight, small)
}

// apportion divides total in a proportion, by largest remainders. Who has a part
// gets at least 1, while there is enough for all.
func apportion(total int, proportion []int) []int {
	out, all := make([]int, len(proportion)), sum(proportion)
	if all == 0 {
		return out
	}
	order := make([]int, len(proportion))
	left := total
	for i, p := range proportion {
		order[i] = i
		out[i] = total * p / all
		left -= out[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(total*proportion[b]%all, total*proportion[a]%all) })
	for _, i := range order[:left] {
		out[i]++
	}
	for i, p := range proportion {
		if most := indexOfMax(out); p > 0 && out[i] == 0 && out[most] > 1 {
			out[i], out[most] = 1, out[most]-1
		}
	}
	return out
}

func indexOfMax(list []int) int { return slices.Index(list, slices.Max(list)) }

func reduced(list []int) []int {
	out, by := slices.Clone(list), 0
	for _, n := range list {
		by = gcd(by, n)
	}
	for i := range out {
		if by > 0 {
			out[i] /= by
		}
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sum(list []int) (all int) {
	for _, n := range list {
		all += n
	}
	return all
}
