package placement

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func of(cpu float64, memory int, gpus ...string) Capacity {
	return Capacity{CPU: &cpu, MemoryMB: &memory, GPUs: append([]string{}, gpus...)}
}

func TestReserve(t *testing.T) {
	groups := map[string]Capacity{"box": of(8, 1000, "0", "1"), "free": {}, "gpuless": of(4, 100)}
	for _, c := range []struct {
		name    string
		held    map[string]Need // in box
		group   string
		need    Need
		gpus    []string
		because []string // nil: there is room
	}{
		{"the first", nil, "box", Need{CPU: 1, MemoryMB: 10, GPU: 1}, []string{"0"}, nil},
		{"all of it", nil, "box", Need{CPU: 8, MemoryMB: 1000, GPU: 2}, []string{"0", "1"}, nil},
		{"the second gpu", map[string]Need{"a-1-1": {GPU: 1}}, "box", Need{GPU: 1}, []string{"1"}, nil},
		{"no gpu asked", map[string]Need{"a-1-1": {GPU: 2}}, "box", Need{CPU: 8}, []string{}, nil},
		{"no gpu left", map[string]Need{"a-1-1": {GPU: 1}, "b-1-2": {GPU: 1}}, "box", Need{GPU: 1}, nil,
			[]string{"resource group box has 0 of 2 gpus free and 1 is asked for; a-1-1 and b-1-2 hold the rest"}},
		{"one gpu left", map[string]Need{"a-1-1": {GPU: 1}}, "box", Need{GPU: 2}, nil,
			[]string{"has 1 of 2 gpus free and 2 are asked for; a-1-1 holds the rest"}},
		{"no cores left", map[string]Need{"a-1-1": {CPU: 7.5}}, "box", Need{CPU: 0.6}, nil, []string{"0.5 of 8 cores", "0.6 are asked for"}},
		{"the last tenths", map[string]Need{"a": {CPU: 7.9}}, "box", Need{CPU: 0.1}, []string{}, nil},
		{"memory and cores", map[string]Need{"a": {CPU: 8, MemoryMB: 999}}, "box", Need{CPU: 1, MemoryMB: 2}, nil,
			[]string{"0 of 8 cores", ", and it has 1 of 1000 MB of memory"}},
		{"many holders", map[string]Need{"a": {CPU: 1}, "b": {CPU: 1}, "c": {CPU: 1}, "d": {CPU: 1}, "e": {CPU: 1}, "f": {CPU: 1}}, "box",
			Need{CPU: 3}, nil, []string{"a, b, c, d and 2 more hold the rest"}},
		{"another group", map[string]Need{"a": {CPU: 8}}, "gpuless", Need{CPU: 4}, []string{}, nil},
		{"a group without gpus", nil, "gpuless", Need{GPU: 1}, nil, []string{"0 of 0 gpus free and 1 is asked for"}},
		{"no limits", nil, "free", Need{CPU: 1e6, GPU: 64}, nil, nil},
		{"an unknown group", nil, "nowhere", Need{CPU: 1e6, GPU: 64}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(groups)
			ids := []string{}
			for id := range c.held {
				ids = append(ids, id)
			}
			slices.Sort(ids)
			for _, id := range ids {
				if _, why := b.Reserve(id, "box", c.held[id]); why != "" {
					t.Fatal(why)
				}
			}
			gpus, why := b.Reserve("x-1-9", c.group, c.need)
			if (why == "") != (c.because == nil) || !slices.Equal(gpus, c.gpus) {
				t.Errorf("gpus %q, %q", gpus, why)
			}
			for _, part := range c.because {
				if !strings.Contains(why, part) {
					t.Errorf("%q does not say %q", why, part)
				}
			}
			if why != "" && b.Release("x-1-9") {
				t.Error("what was refused was booked")
			}
		})
	}
}

func TestHold(t *testing.T) {
	b := New(map[string]Capacity{"box": of(8, 1000, "0", "1", "2")})
	b.Hold("a", "box", Need{GPU: 1}, []string{"1"})
	for range 2 { // the second time it is the same reservation
		if gpus, why := b.Reserve("b", "box", Need{GPU: 2}); why != "" || !slices.Equal(gpus, []string{"0", "2"}) {
			t.Errorf("%q, %s", gpus, why)
		}
	}
	if gpus, why := b.Reserve("b", "box", Need{GPU: 1}); why != "" || !slices.Equal(gpus, []string{"0"}) {
		t.Errorf("another need: %q, %s", gpus, why)
	}
	// More than there is: the configuration has changed since.
	b.Hold("c", "box", Need{GPU: 2}, []string{"7", "8"})
	if why := b.Full("box", Need{GPU: 1}); !strings.Contains(why, "0 of 3 gpus") {
		t.Errorf("%q", why)
	}
	if !b.Release("c") || b.Release("c") {
		t.Error("released twice, or never")
	}
}

func TestTooMuch(t *testing.T) {
	box := of(8, 1000, "0", "1")
	for _, c := range []struct {
		n    int
		need Need
		want []Shortage
	}{
		{2, Need{CPU: 4, MemoryMB: 500, GPU: 1}, nil},
		{0, Need{GPU: 9}, nil},
		{1, Need{GPU: 3}, []Shortage{{"metadata.gpu", "3 gpus", "2 gpus", 0}}},
		{5, Need{CPU: 2, MemoryMB: 10}, []Shortage{{"metadata.cpu", "2 cores", "8 cores", 4}}},
		{3, Need{MemoryMB: 400, GPU: 1}, []Shortage{{"metadata.memory", "400 MB of memory", "1000 MB of memory", 2}, {"metadata.gpu", "1 gpu", "2 gpus", 2}}},
	} {
		if got := box.TooMuch(c.n, c.need); !slices.Equal(got, c.want) {
			t.Errorf("%d of %+v: %+v", c.n, c.need, got)
		}
	}
	if got := (Capacity{}).TooMuch(1000, Need{CPU: 99, GPU: 9}); got != nil {
		t.Errorf("without limits: %+v", got)
	}
}

// TestNothingTwice: over any order of reservations and releases no device has
// two holders, no sum exceeds the capacity, and an empty book is as at first.
func TestNothingTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(map[string]Capacity{"box": of(4, 100, "0", "1", "2", "3")})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "replica")
			if rapid.Bool().Draw(t, "release") {
				b.Release(id)
			} else {
				b.Reserve(id, "box", Need{
					CPU: float64(rapid.IntRange(0, 40).Draw(t, "tenths")) / 10, MemoryMB: rapid.IntRange(0, 60).Draw(t, "mb"), GPU: rapid.IntRange(0, 3).Draw(t, "gpus"),
				})
			}
			cpu, memory, seen := 0.0, 0, map[string]bool{}
			for id, h := range b.held {
				cpu, memory = cpu+h.need.CPU, memory+h.need.MemoryMB
				if len(h.gpus) != h.need.GPU {
					t.Fatalf("%s asked for %d gpus and has %q", id, h.need.GPU, h.gpus)
				}
				for _, g := range h.gpus {
					if seen[g] {
						t.Fatalf("gpu %s is held twice", g)
					}
					seen[g] = true
				}
			}
			if cpu > 4.0001 || memory > 100 {
				t.Fatalf("%g cores and %d MB are held", cpu, memory)
			}
		}
		for id := range b.held {
			b.Release(id)
		}
		if why := b.Full("box", Need{CPU: 4, MemoryMB: 100, GPU: 4}); why != "" {
			t.Fatal(why)
		}
	})
}
