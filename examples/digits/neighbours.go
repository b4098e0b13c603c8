package digits

import (
	"math"
	"slices"
)

// maxExamples keeps a model of examples from taking seconds for one image.
const maxExamples = 4096

// examples is a model that learns nothing: it keeps images, and those most alike
// to the one that is asked about vote.
//
// Two images are alike when each pixel of one, with the eight around it, is like
// a place in the other that is at most one pixel away (the image distortion model:
// Keysers, Deselaers, Gollan, Ney, "Deformation models for image recognition",
// 2007). That forgives another hand, and is much work: 599 images take 3 million
// differences for an answer, where a network of 3,610 weights takes 3,610.
type examples struct {
	voters int
	kept   []Sample
	framed []frame // of kept
}

const (
	reach  = 1 // pixels that a place may be away
	around = 1 // pixels beside each that are compared with it
	margin = reach + around
	framed = Side + 2*margin
)

// frame is an image with paper around it, so that no place is outside.
type frame [framed * framed]int32

func newFrame(at func(pixel int) int32) (f frame) {
	for row := range Side {
		for column := range Side {
			f[(row+margin)*framed+column+margin] = at(row*Side + column)
		}
	}
	return f
}

func newExamples(voters int, kept []Sample) *examples {
	e := &examples{voters: voters, kept: kept, framed: make([]frame, len(kept))}
	for i := range kept {
		e.framed[i] = newFrame(func(p int) int32 { return int32(kept[i].Pixels[p]) })
	}
	return e
}

// scores are the votes of the nearest, each weighed by how near it is. All but the
// last step is whole numbers, so they are the same on every machine.
func (e *examples) scores(image []float64) (scores [Classes]float64) {
	asked := newFrame(func(p int) int32 { return int32(math.Round(image[p])) })
	type near struct {
		distance int32
		label    int
	}
	nearest := make([]near, len(e.kept))
	for i := range e.kept {
		nearest[i] = near{distance(&asked, &e.framed[i]), e.kept[i].Label}
	}
	slices.SortStableFunc(nearest, func(a, b near) int { return int(a.distance) - int(b.distance) })
	sum := 0.0
	for _, n := range nearest[:e.voters] {
		weight := 1 / float64(1+n.distance)
		scores[n.label] += weight
		sum += weight
	}
	for i := range scores {
		scores[i] /= sum
	}
	return scores
}

// distance sums, for each pixel of a, its squared difference from the place in b
// that is most like it.
func distance(a, b *frame) (sum int32) {
	for row := margin; row < margin+Side; row++ {
		for column := margin; column < margin+Side; column++ {
			at := row*framed + column
			best := int32(1 << 30)
			for down := -reach; down <= reach; down++ {
				for right := -reach; right <= reach; right++ {
					best = min(best, unlike(a, b, at, at+down*framed+right))
				}
			}
			sum += best
		}
	}
	return sum
}

// unlike compares what is around two places.
func unlike(a, b *frame, i, j int) (sum int32) {
	for down := -around; down <= around; down++ {
		for right := -around; right <= around; right++ {
			beside := down*framed + right
			d := a[i+beside] - b[j+beside]
			sum += d * d
		}
	}
	return sum
}
