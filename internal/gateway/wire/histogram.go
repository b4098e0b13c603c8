package wire

import (
	"math/bits"
	"time"
)

// Latency falls into buckets of sixteen to the octave, each at most 6.25% wide:
// up to 128 us, 136 us, 144 us and so on to 256 us, 272 us, ... up to 537 s, and
// one for everything above. They are fine enough for a gate to tell a fifth from
// nothing, and fixed, so that the numbers of all gateways and of all times add up.
const (
	firstBit = 7 // 2^7 us is the lowest bound
	lastBit  = 29
	subBits  = 4 // 2^4 buckets to the octave
	// PerOctave is how many buckets a doubling of the latency passes through.
	PerOctave = 1 << subBits
	// Buckets is the number of buckets, the unbounded one included.
	Buckets = PerOctave*(lastBit-firstBit) + 2
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
	sub := int((us-1)>>(bit-subBits)) & (PerOctave - 1)
	return 1 + PerOctave*(bit-firstBit) + sub
}

// Bounds are the upper bounds of all buckets but the last, in seconds.
func Bounds() []float64 {
	bounds := make([]float64, Buckets-1)
	for i := range bounds {
		octave := uint64(1) << (firstBit + i/PerOctave)
		us := octave + uint64(i%PerOctave)*(octave>>subBits)
		bounds[i] = float64(us) / 1e6
	}
	return bounds
}
