package series

import (
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/internal/history"
)

const (
	// Step is the time between two readings, and the length of a fine step.
	Step = 10 * time.Second
	// Minute is the length of a coarse step.
	Minute = time.Minute

	stepSeconds = uint32(Step / time.Second)
	perMinute   = uint32(Minute / Step)
	perHour     = uint32(time.Hour / Minute)
	fineKept    = uint32(time.Hour / Step)
	// HoursKept is how many hours are stored besides the present one: a day, and as
	// much as a window of a day can reach into the hour before it.
	HoursKept = 24
	// coarseKept bounds what stays in memory when hours cannot be stored.
	coarseKept = (HoursKept + 1) * perHour
	// longest is how long two readings may lie apart: after more than that, what was
	// counted in between is not known to be of any time.
	longest = 10 * time.Minute
)

// Reading is what is seen at the end of a step.
type Reading struct {
	At time.Time
	// Counts are what gateways have counted so far, by service and version; services
	// of which nothing was counted since the last reading may be left out. The first
	// reading says where counting begins.
	Counts map[string]map[int]history.Tally
	Bounds []float64 // upper bounds of the latency buckets
	// Ready are the ready replicas, by service and version. Every service there is
	// has an entry.
	Ready map[string]map[int]int
}

// Book is the series of all services. It is not safe for concurrent use.
type Book struct {
	tracks map[string]*track
	meters map[string]*meter
	bounds []float64
	last   time.Time     // of the last reading; zero before
	first  uint32        // the first fine step; 0 before
	step   uint32        // the last one
	minute uint32        // the present coarse step
	within time.Duration // how much of it was counted
}

// track is what is kept of one service.
type track struct {
	fine, coarse map[int]line
	ready        map[int]int
	changed      bool // since it was last written down
	extended     bool // the last runs have become longer, and nothing else has changed
}

// New makes an empty book.
func New() *Book { return &Book{tracks: map[string]*track{}, meters: map[string]*meter{}} }

// Take takes a reading.
func (b *Book) Take(r Reading) {
	elapsed := r.At.Sub(b.last)
	began := b.last.IsZero() || elapsed <= 0 || elapsed > longest
	b.last, b.bounds = r.At, r.Bounds
	maps.DeleteFunc(b.tracks, func(name string, _ *track) bool { return r.Ready[name] == nil })
	if began {
		b.closeMinute()
		for name, counts := range r.Counts {
			b.meter(name).begin(counts)
		}
		return
	}
	step := uint32(r.At.Round(Step).Unix()/int64(Step/time.Second)) - 1
	if step <= b.step {
		b.goBack(step)
	}
	if minute := step / perMinute; minute != b.minute {
		b.closeMinute()
		b.minute = minute
	}
	for name, counts := range r.Counts {
		b.meter(name).count(counts)
	}
	if b.first == 0 || step < b.first {
		b.first = step
	}
	b.step = step
	b.within += elapsed
	for name, ready := range r.Ready {
		t := b.track(name)
		t.ready = ready
		t.fine = put(t.fine, step, b.points(name, true, elapsed))
		for version, l := range t.fine {
			t.fine[version] = l.keep(step + 1 - min(step, fineKept))
		}
	}
	if step%perMinute == perMinute-1 {
		b.closeMinute()
	}
}

// Forget lets go of a service's points: another one of its name has begun.
func (b *Book) Forget(name string) { delete(b.tracks, name) }

func (b *Book) meter(name string) *meter {
	m := b.meters[name]
	if m == nil {
		m = &meter{}
		b.meters[name] = m
	}
	return m
}

func (b *Book) track(name string) *track {
	t := b.tracks[name]
	if t == nil {
		t = &track{}
		b.tracks[name] = t
	}
	return t
}

// points are those of a step of a service that ends now, by version; versions
// without a ready replica and without a request have none.
func (b *Book) points(name string, fine bool, counted time.Duration) map[int]Point {
	t := b.tracks[name]
	points := make(map[int]Point, len(t.ready))
	for version, n := range t.ready {
		if n > 0 {
			points[version] = Point{Ready: uint16(min(n, 1<<16-1))}
		}
	}
	if m := b.meters[name]; m != nil {
		accounts := m.coarse
		if fine {
			accounts = m.fine
		}
		take(accounts, b.bounds, points)
	}
	for version, p := range points {
		p.Seconds = uint16(max(1, min(counted.Round(time.Second)/time.Second, 1<<16-1)))
		points[version] = p
	}
	return points
}

// put adds the points of a step; a version that has had none for long is gone.
func put(lines map[int]line, step uint32, points map[int]Point) map[int]line {
	if lines == nil && len(points) > 0 {
		lines = map[int]line{}
	}
	for version, p := range points {
		lines[version] = lines[version].put(step, p)
	}
	maps.DeleteFunc(lines, func(_ int, l line) bool { return len(l) == 0 })
	return lines
}

// closeMinute makes the points of the present minute.
func (b *Book) closeMinute() {
	if b.within == 0 {
		return
	}
	for name, t := range b.tracks {
		before := runs(t.coarse)
		t.coarse = put(t.coarse, b.minute, b.points(name, false, b.within))
		for version, l := range t.coarse {
			t.coarse[version] = l.keep(b.minute + 1 - min(b.minute, coarseKept))
		}
		t.changed = t.changed || runs(t.coarse) != before
		t.extended = true
	}
	b.within = 0
}

func runs(lines map[int]line) (n int) {
	for _, l := range lines {
		n += len(l)
	}
	return n
}

// goBack makes room for a step again: the clock was set back.
func (b *Book) goBack(step uint32) {
	b.within = 0
	for _, t := range b.tracks {
		for version, l := range t.fine {
			t.fine[version] = l.cut(step)
		}
		for version, l := range t.coarse {
			t.coarse[version] = l.cut(step / perMinute)
		}
		t.changed = true
	}
}

// versions lists the versions of lines, ascending.
func versions(lines map[int]line) []int { return slices.Sorted(maps.Keys(lines)) }
