package load

import (
	"testing"
	"time"
)

func durations(ms []int) []time.Duration {
	list := make([]time.Duration, len(ms))
	for i, n := range ms {
		list[i] = time.Duration(n) * time.Millisecond
	}
	return list
}

func TestQuantileIsASampleThatEnoughOthersDoNotExceed(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	for _, tt := range []struct {
		samples []int
		q       float64
		want    int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.99, 7},
		{[]int{3, 1, 2}, 0.5, 2},
		{[]int{4, 3, 2, 1}, 0.5, 2},
		{[]int{4, 3, 2, 1}, 0.51, 3},
		{[]int{1, 2, 3}, 0, 1},
		{[]int{1, 2, 3}, 1, 3},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
	} {
		if got := Quantile(durations(tt.samples), tt.q); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("Quantile(%d samples, %v) = %v, want %d ms", len(tt.samples), tt.q, got, tt.want)
		}
	}
}
