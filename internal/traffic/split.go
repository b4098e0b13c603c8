package traffic

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Split hands a group's requests to its members by weight, exactly (design
// rules 21 and 22). It outlives routing tables: a change that leaves the weights
// in proportion goes on with the same Split, and only a change of proportion, or
// of the members that have a weight, needs a new one (Same tells).
//
// Which members can serve comes and goes, so a Split keeps one row of turns for
// each set of them (Among). In every window of sum/gcd requests of one row each
// member has exactly its number, and a row goes on where it stopped when its set
// is there again: an absence does not disturb the count of what comes after it.
type Split struct {
	members []Member // those with a weight, by service

	mu     sync.Mutex
	rows   []row // the one asked for last at the end
	closed bool
}

type row struct {
	set   string
	turns *Turns
}

const (
	// maxWeight keeps products of two sums of weights, of up to 4000 members,
	// within 64 bits.
	maxWeight = 1_000_000
	// maxRows bounds what members that come and go can make a Split remember.
	maxRows = 256
)

// NewSplit makes the split of members by Weight: 0 to 1000, or numbers of
// replicas. Those without a weight have no turn.
func NewSplit(members []Member) *Split { return &Split{members: weighted(members)} }

// weighted are the members that have a weight, by service, in lowest terms.
func weighted(members []Member) []Member {
	kept := make([]Member, 0, len(members))
	for _, m := range members {
		if m.Weight > 0 {
			kept = append(kept, Member{m.Service, min(m.Weight, maxWeight)})
		}
	}
	slices.SortFunc(kept, func(a, b Member) int { return strings.Compare(a.Service, b.Service) })
	reduce(kept)
	return kept
}

// reduce divides the weights by what all of them can be divided by.
func reduce(members []Member) {
	divisor := 0
	for _, m := range members {
		a, b := divisor, m.Weight
		for b != 0 {
			a, b = b, a%b
		}
		divisor = a
	}
	for i := range members {
		members[i].Weight /= cmp.Or(divisor, 1)
	}
}

// Same tells that members have the weights of s, in proportion: 70 and 30 are
// the same as 7 and 3.
func (s *Split) Same(members []Member) bool { return slices.Equal(s.members, weighted(members)) }

// Among are the turns of those members that can serve, nil when there is none.
// Asked for the same ones again it returns the same turns.
func (s *Split) Among(serves func(service string) bool) *Turns {
	kept := make([]Member, 0, len(s.members))
	set := make([]byte, len(s.members))
	for i, m := range s.members {
		if serves(m.Service) {
			kept = append(kept, m)
			set[i] = 1
		}
	}
	if len(kept) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.rows, func(r row) bool { return r.set == string(set) })
	r := row{set: string(set)}
	switch {
	case at >= 0:
		r = s.rows[at]
		s.rows = slices.Delete(s.rows, at, at+1)
	default:
		r.turns = newTurns(kept)
		if s.closed {
			r.turns.close()
		}
		if len(s.rows) == maxRows {
			s.rows = slices.Delete(s.rows, 0, 1)
		}
	}
	s.rows = append(s.rows, r)
	return r.turns
}

// Close ends all turns: once it has returned, no request gets one by these
// weights any more.
func (s *Split) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, r := range s.rows {
		r.turns.close()
	}
}

// Turns is an endless row of turns. It needs no memory for it: a tree halves the
// members again and again, and at each fork the turns are dealt to its two sides
// as evenly as whole numbers allow.
//
//	weights 3 and 2, five turns: of the first p of them (3p+2)/5 are a's, rounded down,
//	for p = 0 to 5:  0 1 1 2 2 3  ->  a b a b a
//
// The dealing of a fork repeats after as many turns as its weights sum up to,
// each side having exactly its weight; so every window of the whole row that
// long, wherever it begins, is exact.
type Turns struct {
	services []string
	forks    []fork

	_     [64]byte // every request writes what follows
	taken atomic.Uint64
	_     [64]byte
}

// fork deals sum turns, first of them to the left side. A side is the index of
// a fork, or -1 - i for the service i.
type fork struct {
	sum, first  uint64
	left, right int
}

const closedBit = 1 << 63

func newTurns(members []Member) *Turns {
	members = slices.Clone(members)
	reduce(members)
	t := &Turns{}
	for _, m := range members {
		t.services = append(t.services, m.Service)
	}
	if len(members) > 1 {
		t.grow(members, 0)
	}
	return t
}

// grow adds the tree of members, the first of which is service number base, and
// returns the side that it is.
func (t *Turns) grow(members []Member, base int) int {
	if len(members) == 1 {
		return -1 - base
	}
	at, half := len(t.forks), halve(members)
	t.forks = append(t.forks, fork{})
	t.forks[at] = fork{
		sum: sum(members), first: sum(members[:half]),
		left: t.grow(members[:half], base), right: t.grow(members[half:], base+half),
	}
	return at
}

// halve is how many of the first members have nearest to half of the weight.
func halve(members []Member) int {
	whole, below := sum(members), uint64(0)
	for i, m := range members[:len(members)-1] {
		w := uint64(m.Weight)
		if 2*below+w >= whole { // the middle lies within m
			return max(i, 1)
		}
		below += w
	}
	return len(members) - 1
}

func sum(members []Member) (n uint64) {
	for _, m := range members {
		n += uint64(m.Weight)
	}
	return n
}

// Services are those that take turns.
func (t *Turns) Services() []string { return t.services }

// Next takes the next turn and returns the index of its service in Services. ok
// is false when the Split was closed: other weights are in force.
func (t *Turns) Next() (service int, ok bool) {
	turn := t.taken.Add(1) - 1
	if turn&closedBit != 0 {
		return 0, false
	}
	return t.at(turn), true
}

func (t *Turns) at(turn uint64) int {
	if len(t.forks) == 0 {
		return 0
	}
	turn %= t.forks[0].sum
	for side := 0; ; {
		f := &t.forks[side]
		before := (turn*f.first + f.sum/2) / f.sum // turns of the left side
		if after := ((turn+1)*f.first + f.sum/2) / f.sum; after > before {
			side, turn = f.left, before
		} else {
			side, turn = f.right, turn-before
		}
		if side < 0 {
			return -1 - side
		}
	}
}

func (t *Turns) close() { t.taken.Or(closedBit) }
