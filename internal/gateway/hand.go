package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"weak"
)

// hand is where an exchange says which replica has its request in hand, and since
// when, for whoever asks how old the oldest one is. An exchange keeps its own
// while it is reused, so that a request pays for three stores to a line of memory
// that no other request writes, and for no lock.
//
// The writer stores since, then endpoint; the reader loads endpoint, since and
// endpoint again. When both loads agree, since is of a request that the endpoint
// had in hand in between.
type hand struct {
	endpoint atomic.Pointer[endpoint] // nil: nobody's
	since    atomic.Int64             // instant
	_        [48]byte
}

// hands are those of all exchanges that there are. An exchange that is reused no
// more takes its own with it.
type hands struct {
	mu  sync.Mutex
	all []weak.Pointer[hand]
}

func (s *hands) add() *hand {
	n := &hand{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, weak.Make(n))
	return n
}

// oldest is when the oldest request in hand of each endpoint came. Copies for a
// mirror are not among them.
func (s *hands) oldest() map[*endpoint]instant {
	found := map[*endpoint]instant{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(w weak.Pointer[hand]) bool {
		n := w.Value()
		if n == nil {
			return true
		}
		if e := n.endpoint.Load(); e != nil {
			since := instant(n.since.Load())
			if before, known := found[e]; n.endpoint.Load() == e && (!known || since < before) {
				found[e] = since
			}
		}
		return false
	})
	return found
}

// hold says that the exchange's request is in hand of e; nil for nobody.
func (x *exchange) hold(e *endpoint) {
	x.hand.since.Store(int64(x.start))
	x.hand.endpoint.Store(e)
}
