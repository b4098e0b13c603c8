package gateway

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"sluice.dev/sluice/api"
)

// statusQueueFull is EAS's answer when the queues of all replicas are full.
const statusQueueFull = 450

// limits are api.Limits made ready for use. What they are counted against is
// kept in the endpoint, so that a change of limits, which replaces no replica,
// holds for what is in hand already.
type limits struct {
	keepalive time.Duration // 0 for none
	queue     int64         // 0 for none
	interval  int64         // nanoseconds that one request takes of a replica's rate; 0 for no limit
	burst     int64         // nanoseconds' worth of requests that may come at once
	wait      []string      // Retry-After of a 429
	queueText string
	rateText  string
}

func newLimits(a api.Limits) limits {
	l := limits{keepalive: a.Keepalive, queue: int64(a.MaxQueue),
		queueText: strconv.Itoa(a.MaxQueue), rateText: strconv.FormatFloat(a.RateLimit, 'g', -1, 64)}
	if a.RateLimit > 0 {
		const longest = 1e9 * 3600 * 24 * 365 // a year, so that sums of instants fit
		interval := min(1e9/a.RateLimit, longest)
		l.interval = max(1, int64(interval))
		l.burst = max(l.interval, int64(time.Second))
		l.wait = []string{strconv.Itoa(max(1, int(math.Ceil(interval/1e9))))}
	}
	return l
}

// verdict is what an endpoint says to a request that would begin.
type verdict int

const (
	begun verdict = iota
	left          // it is not in the table any more
	full          // it has as many requests in hand as it may
	spent         // it has had its number of requests for now
)

// allows tells what begin would say now, and takes nothing.
func (e *endpoint) allows(l *limits, at instant) verdict {
	switch {
	case l.queue > 0 && e.inFlight.Load() >= l.queue:
		return full
	case l.interval > 0 && e.due.Load()+l.interval > int64(at)+l.burst:
		return spent
	}
	return begun
}

// enter counts one more request in flight unless that were too many.
func (e *endpoint) enter(queue int64) bool {
	if queue == 0 {
		e.inFlight.Add(1)
		return true
	}
	for {
		n := e.inFlight.Load()
		if n >= queue {
			return false
		}
		if e.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// take takes one request out of a token bucket that is kept as one number, the
// instant at which it is full again: each request moves that by interval, and
// it may lie no further ahead than burst.
//
//	2 requests a second: interval 0.5 s, burst 1 s
//	due 0, at 10.0 -> due 10.5, taken
//	due 10.5, at 10.0 -> due 11.0, taken
//	due 11.0, at 10.0 -> refused; at 10.5 taken again
func (e *endpoint) take(l *limits, at instant) bool {
	if l.interval == 0 {
		return true
	}
	for {
		was := e.due.Load()
		// A stricter limit than now may have moved it further ahead.
		due := min(max(was, int64(at)), int64(at)+l.burst)
		next := due + l.interval
		if next > int64(at)+l.burst {
			if due == was || e.due.CompareAndSwap(was, due) {
				return false
			}
			continue
		}
		if e.due.CompareAndSwap(was, next) {
			return true
		}
	}
}

// giveBack undoes take for a request that did not begin after all.
func (e *endpoint) giveBack(l *limits) {
	if l.interval > 0 {
		e.due.Add(-l.interval)
	}
}

// overLimit tells the caller that every replica that could be had is at a limit.
func (x *exchange) overLimit(why verdict) {
	s := x.service
	status, detail := statusQueueFull, "every replica of service "+s.name+" has as many requests in hand as it may: "+s.limits.queueText+" (metadata.rpc.max_queue_size)"
	x.writer.Header()["Retry-After"] = s.retryAfter
	if why == spent {
		status, detail = http.StatusTooManyRequests, "every replica of service "+s.name+" has had as many requests as it may: "+s.limits.rateText+" a second (metadata.rpc.rate_limit)"
		x.writer.Header()["Retry-After"] = s.limits.wait
	}
	s.refuse(x.writer, x.request, status, detail, x.start)
}

// timedOut tells the caller that the replica has not begun its answer in time.
// The replica had the request, so it is not tried again.
func (x *exchange) timedOut() {
	x.endpoint.label.Load().tally.answered(http.StatusRequestTimeout, x.start)
	x.refuse(http.StatusRequestTimeout, "replica "+x.endpoint.replica+" did not begin its answer within "+
		x.service.limits.keepalive.String()+" (metadata.rpc.keepalive)")
}
