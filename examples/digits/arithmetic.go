package digits

import "math"

// The functions here, and whatever trains with them, put each product into a
// float64(...) before adding to it: the language lets a compiler fuse x*y + z
// into one differently rounded step unless the product is converted. For the
// same reason exp is written out; math.Exp has assembly of its own on some
// architectures.

// Coarsen averages squares of pool x pool pixels and scales to 0..1.
func Coarsen(image []float64, pool int) []float64 {
	side := Side / pool
	out := make([]float64, side*side)
	for row := range Side {
		for column := range Side {
			out[row/pool*side+column/pool] += image[row*Side+column]
		}
	}
	for i := range out {
		out[i] /= float64(MaxPixel * pool * pool)
	}
	return out
}

// Softmax makes values into scores that sum to 1.
func Softmax(values []float64) []float64 {
	top := values[0]
	for _, v := range values {
		top = max(top, v)
	}
	scores := make([]float64, len(values))
	sum := 0.0
	for i, v := range values {
		scores[i] = exp(v - top)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return scores
}

// exp is e to the x for x <= 0, right to 12 digits: with x = k ln 2 + r and |r| <= ln 2 / 2 it is
// 2^k e^r, where 14 terms of the series for e^r are enough.
func exp(x float64) float64 {
	if x < -700 {
		return 0
	}
	k := math.Floor(x/math.Ln2 + 0.5)
	r := x - float64(k*math.Ln2)
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(r*sum)/n
	}
	return math.Ldexp(sum, int(k))
}
