package digits

import "math"

// Half precision, as it says in a header.
const Half = "half"

// maxHalf is the greatest number of half precision (IEEE 754 binary16).
const maxHalf = 65504

// RoundHalf is v as half precision holds it: 11 binary digits, nothing finer than
// 2^-24, and infinity for what is beyond 65504. 1.0001 becomes 1, 70000 infinity.
func RoundHalf(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	const digits, finest = 11, -24
	_, exponent := math.Frexp(v)
	unit := max(exponent-digits, finest)
	v = math.Ldexp(math.RoundToEven(math.Ldexp(v, -unit)), unit)
	if math.Abs(v) > maxHalf {
		return math.Inf(int(math.Copysign(1, v)))
	}
	return v
}
