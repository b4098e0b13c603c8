package gateway

import "sluice.dev/sluice/internal/gateway/wire"

// reported is what the control plane was last told of an endpoint.
type reported struct {
	inFlight  int64
	picked    int64
	withdrawn bool
}

// report says what changed since the last one; all says everything, for a
// control plane that knows nothing of this gateway.
func (b *board) report(all bool) wire.Report {
	// The revision first: what is in hand afterwards can only be less.
	r := wire.Report{Revision: b.acknowledgeable(), All: all}
	b.mu.Lock()
	defer b.mu.Unlock()
	var oldest map[*endpoint]instant // looked up once there is something in hand to tell of
	for key, e := range b.endpoints {
		// closed, then the counts: a count read before could have risen since.
		is := reported{withdrawn: e.closed.Load()}
		is.picked, is.inFlight = e.picked.Load(), e.inFlight.Load()
		if !all && is == e.reported {
			if is.withdrawn && is.inFlight == 0 && e.settled() {
				delete(b.endpoints, key) // its end has been told
			}
			continue
		}
		e.reported = is
		if all && !is.withdrawn && is.picked == 0 && is.inFlight == 0 {
			continue
		}
		load := wire.Load{Service: e.service, Replica: e.replica, Address: e.address,
			InFlight: int(is.inFlight), Withdrawn: is.withdrawn, PickedAge: -1}
		if is.inFlight == 0 {
			load.IdleAge = instant(e.idle.Load()).age()
		} else {
			if oldest == nil {
				oldest = b.hands.oldest()
			}
			if since, known := oldest[e]; known {
				load.OldestAge = max(1, since.age())
			}
		}
		if is.picked != 0 {
			load.PickedAge = instant(is.picked).age()
		}
		r.Loads = append(r.Loads, load)
	}
	for _, t := range b.tallies {
		w, sum := t.snapshot()
		if sum != t.said || all && sum > 0 {
			t.said = sum
			r.Tallies = append(r.Tallies, w)
		}
	}
	for _, s := range b.shares {
		w, sum := s.snapshot()
		if sum != s.said || all && sum > 0 {
			s.said = sum
			r.Shares = append(r.Shares, w)
		}
	}
	for _, l := range b.lanes {
		w, sum := l.snapshot()
		if sum != l.said || all && sum > 0 {
			l.said = sum
			r.Mirrors = append(r.Mirrors, w)
		}
	}
	return r
}
