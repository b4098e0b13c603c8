package wire

import (
	"math/bits"
	"time"
)

// Latency falls into buckets two to the octave: 128 us, 192 us, 256 us, 384 us
// and so on up to 134 s, and one for everything above. They are fixed so that
// the numbers of all gateways and of all times add up.
const (
	firstBit = 7 // 2^7 us is the lowest bound
	lastBit  = 27
	// Buckets is the number of buckets, the unbounded one included.
	Buckets = 2*(lastBit-firstBit) + 2
)

// Bucket is the index of the bucket that d falls into.
func Bucket(d time.Duration) int {
	us := uint64(max(d, 0)+time.Microsecond-1) / uint64(time.Microsecond)
	if us <= 1<<firstBit {
		return 0
	}
	bit := bits.Len64(us-1) - 1 // 2^bit < us <= 2^(bit+1)
	if bit >= lastBit {
		return Buckets - 1
	}
	half := 2 * (bit - firstBit)
	if us <= 3<<(bit-1) {
		return half + 1
	}
	return half + 2
}

// Bounds are the upper bounds of all buckets but the last, in seconds.
func Bounds() []float64 {
	bounds := make([]float64, Buckets-1)
	for i := range bounds {
		us := uint64(1) << (firstBit + i/2)
		if i%2 == 1 {
			us += us / 2
		}
		bounds[i] = float64(us) / 1e6
	}
	return bounds
}
