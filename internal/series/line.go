package series

import (
	"slices"
	"sort"
)

// Point is one version in one step.
type Point struct {
	Requests, Errors uint32
	// P50, P95 and P99 are seconds; 0 when nothing was answered, since no bucket of
	// latency ends at 0.
	P50, P95, P99 float32
	Ready         uint16 // replicas, at the end of the step
	Seconds       uint16 // how long was counted: less than the step when counting began in its middle
}

// run is a point that holds for the steps from, ... to.
type run struct {
	from, to uint32
	Point
}

// line is the points of one version, ascending. A step is named by its number
// since 1970: number n of a step of ten seconds begins at second 10 x n.
//
//	steps   7 8 9 10 11    13 14
//	points  a a b b  b      b  a    runs {7 8 a} {9 11 b} {13 13 b} {14 14 a}
type line []run

// put adds a point. Its step must be behind all others.
func (l line) put(step uint32, p Point) line {
	if n := len(l); n > 0 && l[n-1].to+1 == step && l[n-1].Point == p {
		l[n-1].to = step
		return l
	}
	return append(l, run{step, step, p})
}

// expired is how many runs may lie before the steps that are kept: letting go of
// one at a time would move all the others each time.
const expired = 64

// keep lets go of what is before a step.
func (l line) keep(from uint32) line {
	i := sort.Search(len(l), func(i int) bool { return l[i].to >= from })
	if i == len(l) {
		return nil
	}
	if i < expired {
		return l
	}
	return slices.Clone(l[i:])
}

// cut lets go of what is at a step or behind it.
func (l line) cut(at uint32) line {
	i := sort.Search(len(l), func(i int) bool { return l[i].to >= at })
	if i < len(l) && l[i].from < at {
		l[i].to = at - 1
		i++
	}
	return l[:i]
}

// each gives the points from a step to before another.
func (l line) each(from, to uint32, do func(step uint32, p Point)) {
	i := sort.Search(len(l), func(i int) bool { return l[i].to >= from })
	for ; i < len(l) && l[i].from < to; i++ {
		for step := max(from, l[i].from); step <= l[i].to && step < to; step++ {
			do(step, l[i].Point)
		}
	}
}
