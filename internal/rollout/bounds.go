package rollout

import "sluice.dev/sluice/api"

// Bounds are a strategy's limits in numbers of replicas.
type Bounds struct {
	Desired     int
	Surge       int // live may be this many above Desired
	Unavailable int // live and ready may be this many below Desired
}

// Resolve turns the strategy into numbers for n desired replicas (rule 2):
// surge rounds up, unavailable rounds down, and if both come to 0,
// unavailable counts as 1, since nothing could ever move otherwise.
func (s Strategy) Resolve(n int) Bounds {
	b := Bounds{Desired: n, Surge: s.MaxSurge.Up(n), Unavailable: max(s.UnavailableMin, s.MaxUnavailable.Down(n))}
	if b.Surge == 0 && b.Unavailable == 0 {
		b.Unavailable = 1
	}
	return b
}

// max is the most live replicas an action of ours may lead to.
func (b Bounds) max() int { return b.Desired + b.Surge }

// min is the fewest live, and the fewest ready, replicas an action may lead to.
func (b Bounds) min() int { return max(0, b.Desired-b.Unavailable) }

// ResourceKind is the kind of a resource group; it has its own default of
// max_unavailable (rule 2).
type ResourceKind string

const (
	Public    ResourceKind = "public"
	Dedicated ResourceKind = "dedicated"
	Quota     ResourceKind = "quota"
)

// Defaults fills what the service file leaves open (rule 2): max_surge 2%,
// which rounds up to at least 1; max_unavailable 0 for public, 1 for dedicated
// or 0 with an elastic pool, 2% and at least 1 for quota.
func Defaults(file api.Strategy, kind ResourceKind, elastic bool) Strategy {
	s := Strategy{
		MaxSurge:            api.Count{Value: 2, Percent: true},
		TerminationComplete: file.Replacement == api.ReplacementComplete,
		MinReady:            file.MinReady,
	}
	if file.MaxSurge != nil {
		s.MaxSurge = *file.MaxSurge
	}
	switch {
	case file.MaxUnavailable != nil:
		s.MaxUnavailable = *file.MaxUnavailable
	case kind == Dedicated && !elastic:
		s.MaxUnavailable = api.Count{Value: 1}
	case kind == Quota:
		s.MaxUnavailable = api.Count{Value: 2, Percent: true}
		s.UnavailableMin = 1
	}
	return s
}
