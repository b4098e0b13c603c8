package gateway

import (
	"math/rand/v2"
	"slices"
	"time"
)

// rampFloor is the part of its share that a replica gets at once.
const rampFloor = 0.1

// ramp is the slow start of replicas that join others: caches are cold and code
// is not compiled yet, so that the share of one that came, or came back, grows
// from a tenth to the whole over Config.SlowStart. It goes no further than
// helps: while more than half of the replicas are new, as at the first table or
// in a swift rollout, all get their full share, so that none of the others ever
// gets more than twice its own.
//
//	SlowStart 10 s; a, b and c joined at 0, d at 60: on from 60 to 70
//	the same, and e, f and g at 62: off from 62, when 3 of 7 are seasoned; on
//	from 70, when d is the fourth, to 72
//
// It only orders replicas: one with a small share is still taken when nothing
// else is to be had.
type ramp struct {
	length instant
	from   instant // from when on at least half of the replicas are seasoned
	until  instant // from when on all are
}

func newRamp(ready []*endpoint, length time.Duration) ramp {
	r := ramp{length: instant(length)}
	if length <= 0 || len(ready) < 2 {
		return r
	}
	joined := make([]instant, len(ready))
	for i, e := range ready {
		joined[i] = instant(e.joined.Load())
	}
	slices.Sort(joined)
	r.from = joined[(len(joined)-1)/2] + r.length
	r.until = joined[len(joined)-1] + r.length
	return r
}

func (r *ramp) on(at instant) bool { return r.from <= at && at < r.until }

// Rungs of burden. A request is in hand or not, so that a whole number of them
// cannot be weighed: with nothing in hand, which is how most replicas are found,
// a part of the share is a matter of chance.
const (
	rampUnit    = 1 << 10 // of one request in hand
	rampPassed  = 1 << 40 // has had its part of the draws: behind the others
	shunnedRung = 1 << 32 // could not be connected to: behind those too
)

// weigh makes burdens comparable while the ramp is on.
func (r *ramp) weigh(e *endpoint, burden int64, at instant) int64 {
	part := float64(at-instant(e.joined.Load())) / float64(r.length)
	burden *= rampUnit
	if part >= 1 {
		return burden
	}
	part = max(part, rampFloor)
	if rand.Float64() > part {
		return burden + rampPassed
	}
	return int64(float64(burden) / part)
}
