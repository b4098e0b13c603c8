package series

import (
	"maps"
	"math"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// Window is what is asked of a book.
type Window struct {
	Service string
	Length  time.Duration
	Version int // 0 is all
	// Stored are the service's hours from the one in which the window begins, as far
	// as they are stored. Where the book knows the hour itself, it counts.
	Stored []Hour
}

// Show gives the points of a window that ends with the last whole step. Up to an
// hour it is in fine steps; of the time before the book began, which it knows by the
// minute, each fine step is shown as its minute. Damaged hours are left out, as what
// was not measured is.
func (b *Book) Show(now time.Time, w Window) api.Series {
	length := Minute
	if w.Length <= api.SeriesFine*time.Minute {
		length = Step
	}
	unit := int64(length / time.Second)
	to := uint32(now.Unix() / unit)
	if length == Step {
		to = min(to, max(b.step+1, to-1)) // the reading of the last step may be under way
	} else if b.minute+1 == to && b.within > 0 {
		to--
	}
	from := to - uint32(w.Length/length)
	out := api.Series{Service: w.Service, StepSeconds: int(unit), From: instant(from, unit), To: instant(to, unit),
		Points: []api.SeriesPoint{}, Marks: []api.SeriesMark{}}
	steps := steps{version: w.Version, at: map[uint32]map[int]Point{}}
	known := b.tracks[w.Service]
	if length == Step {
		before := to
		if b.first > 0 {
			before = min(to, b.first)
		}
		steps.spread(b.minutes(w), from, before)
		if known != nil {
			steps.add(known.fine, from, to)
		}
	} else {
		for _, lines := range b.minutes(w) {
			steps.add(lines, from, to)
		}
	}
	for _, step := range slices.Sorted(maps.Keys(steps.at)) {
		out.Points = append(out.Points, show(instant(step, unit), steps.at[step]))
	}
	return out
}

// minutes are the stored hours, then what the book knows.
func (b *Book) minutes(w Window) []map[int]line {
	var list []map[int]line
	for _, h := range w.Stored {
		if lines, err := decode(h); err == nil {
			list = append(list, lines)
		}
	}
	if t := b.tracks[w.Service]; t != nil {
		list = append(list, t.coarse)
	}
	return list
}

// steps are points by step and version.
type steps struct {
	version int // 0 is all
	at      map[uint32]map[int]Point
}

func (s steps) put(step uint32, version int, p Point) {
	if s.at[step] == nil {
		s.at[step] = map[int]Point{}
	}
	s.at[step][version] = p
}

func (s steps) add(lines map[int]line, from, to uint32) {
	for version, l := range lines {
		if s.version == 0 || s.version == version {
			l.each(from, to, func(step uint32, p Point) { s.put(step, version, p) })
		}
	}
}

// spread shows minutes in fine steps. Of one in whose middle counting began, the
// steps before are left out.
func (s steps) spread(minutes []map[int]line, from, to uint32) {
	for _, lines := range minutes {
		for version, l := range lines {
			if s.version != 0 && s.version != version {
				continue
			}
			l.each(from/perMinute, to/perMinute+1, func(minute uint32, p Point) {
				counted := min(perMinute, (uint32(p.Seconds)+stepSeconds-1)/stepSeconds)
				for step := max(from, (minute+1)*perMinute-counted); step < min(to, (minute+1)*perMinute); step++ {
					s.put(step, version, p)
				}
			})
		}
	}
}

func instant(step uint32, unit int64) api.Time {
	return api.At(time.Unix(int64(step)*unit, 0).UTC())
}

func show(at api.Time, points map[int]Point) api.SeriesPoint {
	out := api.SeriesPoint{At: at, Versions: []api.SeriesVersion{}}
	for _, version := range slices.Sorted(maps.Keys(points)) {
		p := points[version]
		over := float64(max(1, p.Seconds))
		out.Versions = append(out.Versions, api.SeriesVersion{
			Version: version, Requests: perSecond(p.Requests, over), Errors: perSecond(p.Errors, over),
			P50: latency(p.P50), P95: latency(p.P95), P99: latency(p.P99), Ready: int(p.Ready),
		})
	}
	return out
}

// perSecond has three digits behind the point: an answer of a day is 1,440 of them.
func perSecond(n uint32, seconds float64) float64 {
	return math.Round(float64(n)/seconds*1000) / 1000
}

// latency undoes what float32 made of a bound, which is a whole number of
// microseconds.
func latency(seconds float32) *float64 {
	if seconds == 0 {
		return nil
	}
	v := math.Round(float64(seconds)*1e6) / 1e6
	return &v
}
