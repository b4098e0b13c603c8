package gateway

import (
	"math/rand/v2"
	"slices"
)

// pick chooses the one with fewer requests in flight of two that are drawn at
// random: nearly as even as looking at all of them, without every gateway
// running to the same one. Those that were tried for this request already are
// left out, and so are those at a limit. The endpoint returned has begun; when
// there is none, the verdict says whether a limit is why.
func (s *service) pick(tried []*endpoint, at instant) (*endpoint, verdict) {
	if len(tried) == 0 {
		for range 4 { // more than one turn only at a limit or while a table is being swapped
			if e := s.draw(at); e != nil && e.begin(&s.limits, at) == begun {
				return e, begun
			}
		}
	}
	return s.best(tried, at)
}

func (s *service) draw(at instant) *endpoint {
	switch n := len(s.ready); n {
	case 0:
		return nil
	case 1:
		return s.ready[0]
	default:
		i, j := rand.IntN(n), rand.IntN(n-1)
		if j >= i {
			j++
		}
		a, b := s.ready[i], s.ready[j]
		ours, theirs := a.burden(), b.burden()
		if s.ramp.on(at) {
			ours, theirs = s.ramp.weigh(a, ours, at), s.ramp.weigh(b, theirs, at)
		}
		if theirs < ours {
			a = b
		}
		return a
	}
}

// best looks at all that were not tried yet.
func (s *service) best(tried []*endpoint, at instant) (*endpoint, verdict) {
	var skip []*endpoint
	for {
		var found *endpoint
		var lowest int64
		why := left
		for _, e := range s.ready {
			if slices.Contains(tried, e) || slices.Contains(skip, e) {
				continue
			}
			if v := e.allows(&s.limits, at); v != begun {
				if !e.closed.Load() {
					why = max(why, v)
				}
				continue
			}
			if burden := e.burden(); found == nil || burden < lowest {
				found, lowest = e, burden
			}
		}
		if found == nil {
			return nil, why
		}
		v := found.begin(&s.limits, at)
		if v == begun {
			return found, begun
		}
		if v == left { // one at a limit is looked at again: allows says so next time
			skip = append(skip, found)
		}
	}
}
