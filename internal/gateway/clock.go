package gateway

import "time"

// birth is the zero of the instants below.
var birth = time.Now()

// instant is a time of this process: nanoseconds since birth, which fit an
// atomic and do not jump with the wall clock.
type instant int64

func now() instant { return instant(time.Since(birth)) }

// plus is the time so long after an instant, as sockets want it.
func (i instant) plus(d time.Duration) time.Time { return birth.Add(time.Duration(i) + d) }

// age is how long ago an instant was, in microseconds.
func (i instant) age() int64 { return max(0, int64(now()-i)) / 1000 }
