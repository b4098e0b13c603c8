package gateway

import (
	"sync/atomic"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
)

// tally counts the requests of one version of a service; wire.Tally says what
// each count means. It lives as long as the process, so that counts only grow.
type tally struct {
	service string
	version int
	_       [64]byte

	class    [6]atomic.Uint64
	lost     atomic.Uint64
	cut      atomic.Uint64
	canceled atomic.Uint64
	latency  [wire.Buckets]atomic.Uint64

	said uint64 // sum of all counts when last reported; owned by the board
}

// answered counts an answer whose header went out.
func (t *tally) answered(status int, start instant) {
	if class := status / 100; class > 0 && class < len(t.class) {
		t.class[class].Add(1)
	}
	t.latency[wire.Bucket(time.Duration(now()-start))].Add(1)
}

func (t *tally) snapshot() (w wire.Tally, sum uint64) {
	w = wire.Tally{Service: t.service, Version: t.version, Lost: t.lost.Load(), Cut: t.cut.Load(), Canceled: t.canceled.Load()}
	sum = w.Lost + w.Cut + w.Canceled
	for i := range t.class {
		w.Class[i] = t.class[i].Load()
		sum += w.Class[i]
	}
	for i := range t.latency {
		if n := t.latency[i].Load(); n > 0 {
			w.Latency = append(w.Latency, [2]uint64{uint64(i), n})
			sum += n
		}
	}
	return w, sum
}
