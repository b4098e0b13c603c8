package gateway

import (
	"math/rand/v2"
	"slices"
)

// pick chooses the one with fewer requests in flight of two that are drawn at
// random: nearly as even as looking at all of them, without every gateway
// running to the same one. Those that were tried for this request already are
// left out. The endpoint returned has begun; nil when there is none.
func pick(ready, tried []*endpoint) *endpoint {
	if len(tried) == 0 {
		for range 4 { // more than one turn only while a table is being swapped
			if e := draw(ready); e != nil && e.begin() {
				return e
			}
		}
	}
	return best(ready, tried)
}

func draw(ready []*endpoint) *endpoint {
	switch n := len(ready); n {
	case 0:
		return nil
	case 1:
		return ready[0]
	default:
		i, j := rand.IntN(n), rand.IntN(n-1)
		if j >= i {
			j++
		}
		if ready[j].burden() < ready[i].burden() {
			i = j
		}
		return ready[i]
	}
}

// best looks at all that were not tried yet.
func best(ready, tried []*endpoint) *endpoint {
	var skip []*endpoint
	for {
		var found *endpoint
		var lowest int64
		for _, e := range ready {
			if slices.Contains(tried, e) || slices.Contains(skip, e) {
				continue
			}
			if burden := e.burden(); found == nil || burden < lowest {
				found, lowest = e, burden
			}
		}
		if found == nil || found.begin() {
			return found
		}
		skip = append(skip, found)
	}
}
