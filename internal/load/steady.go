package load

import (
	"sync"
	"time"
)

// Steady calls a function at a steady rate until it is stopped. Make it with
// Start.
type Steady struct {
	interval time.Duration // between two requests of one caller
	send     func(n int, due time.Time)
	stopped  chan struct{}
	running  sync.WaitGroup
}

// Start begins to call send, rate times a second in all, from callers goroutines
// that take turns; both are at least 1. n counts from 0 and is given once. Latency
// is to be counted from due: it is the present for a request that is sent in
// time, and earlier for one whose caller was still busy with the one before.
func Start(rate float64, callers int, send func(n int, due time.Time)) *Steady {
	s := &Steady{
		interval: time.Duration(float64(callers) / rate * float64(time.Second)),
		send:     send,
		stopped:  make(chan struct{}),
	}
	began := time.Now()
	for n := range callers {
		first := began.Add(s.interval * time.Duration(n) / time.Duration(callers))
		s.running.Go(func() { s.call(n, callers, first) })
	}
	return s
}

// Stop begins no more requests and waits for the end of those that were begun.
// It is called once.
func (s *Steady) Stop() {
	close(s.stopped)
	s.running.Wait()
}

// call is one caller: it sends when a request is due, and at once while it is
// behind.
func (s *Steady) call(n, step int, due time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ; ; n += step {
		from, early := due, time.Until(due)
		timer.Reset(max(0, early))
		select {
		case <-s.stopped:
			return
		case <-timer.C:
		}
		// A timer that is late is this machine's fault, a caller that is late the
		// service's.
		if early > 0 {
			from = time.Now()
		}
		s.send(n, from)
		due = due.Add(s.interval)
	}
}
