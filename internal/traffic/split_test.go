package traffic

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func all(string) bool { return true }

// members names weights a, b, c and so on.
func members(weights ...int) (list []Member) {
	for i, w := range weights {
		list = append(list, Member{fmt.Sprintf("%c%d", 'a'+i%26, i), w})
	}
	return list
}

func take(t testing.TB, turns *Turns, n int) map[string]int {
	counts := map[string]int{}
	for range n {
		i, ok := turns.Next()
		if !ok {
			t.Fatal("closed")
		}
		counts[turns.Services()[i]]++
	}
	return counts
}

func TestSplitCounts(t *testing.T) {
	nine := []int{1, 2, 3, 50, 100, 144, 200, 233, 267}
	for _, c := range []struct {
		weights []int
		n       int
		want    []int
	}{
		{[]int{70, 30, 0}, 500, []int{350, 150, 0}},
		{[]int{7, 3, -1}, 500, []int{350, 150, 0}},
		{nine, 1000, nine},
		{[]int{1000, 1}, 1001, []int{1000, 1}},
		{[]int{997, 997, 997, 997, 997, 997, 997, 997, 997}, 9, []int{1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{[]int{100_000, 99_999, 1}, 200_000, []int{100_000, 99_999, 1}},
		{[]int{5}, 3, []int{3}},
	} {
		list := members(c.weights...)
		got := take(t, NewSplit(list).Among(all), c.n)
		for i, m := range list {
			if got[m.Service] != c.want[i] {
				t.Errorf("%v over %d: %s has %d, want %d", c.weights, c.n, m.Service, got[m.Service], c.want[i])
			}
		}
	}
}

func TestSplitOfNothing(t *testing.T) {
	if NewSplit(members(0, 0)).Among(all) != nil || NewSplit(nil).Among(all) != nil ||
		NewSplit(members(1, 2)).Among(func(string) bool { return false }) != nil {
		t.Error("turns without anybody to take them")
	}
}

func TestSameIsProportion(t *testing.T) {
	s := NewSplit(members(70, 30, 0))
	for _, c := range []struct {
		weights []int
		same    bool
	}{{[]int{70, 30, 0}, true}, {[]int{7, 3}, true}, {[]int{140, 60, -1}, true}, {[]int{70, 31}, false}, {[]int{70, 0, 30}, false}, {nil, false}} {
		if s.Same(members(c.weights...)) != c.same {
			t.Errorf("%v: not %t", c.weights, c.same)
		}
	}
}

// TestEveryWindowIsExact draws weights and looks at every window of two periods
// and more; each beginning of the row is near what the weights say, too.
func TestEveryWindowIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := members(rapid.SliceOfN(rapid.IntRange(0, 60), 1, 12).Draw(t, "weights")...)
		turns := NewSplit(list).Among(all)
		reduced := weighted(list)
		if turns == nil {
			if len(reduced) > 0 {
				t.Fatal("no turns")
			}
			return
		}
		period := int(sum(reduced))
		var row []int
		counts := make([]int, len(reduced))
		depth := bits.Len(uint(len(reduced) + 1))
		for n := 1; n <= 2*period+7; n++ {
			i, _ := turns.Next()
			row = append(row, i)
			counts[i]++
			if n > period {
				counts[row[n-period-1]]--
			}
			for j, m := range reduced {
				if n >= period && counts[j] != m.Weight {
					t.Fatalf("window that ends at %d: %s has %d, want %d", n, m.Service, counts[j], m.Weight)
				}
				if n < period {
					off := counts[j]*period - n*m.Weight
					if off > 2*depth*period || off < -2*depth*period {
						t.Fatalf("after %d: %s has %d, far from its share", n, m.Service, counts[j])
					}
				}
			}
		}
	})
}

// TestAbsenceLeavesTheRestExact has members come and go in mid-window: what
// was handed out while all were there stays exact, as does what was handed out
// while any one set was.
func TestAbsenceLeavesTheRestExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := members(rapid.SliceOfN(rapid.IntRange(1, 20), 2, 6).Draw(t, "weights")...)
		s := NewSplit(list)
		rows := map[string][]string{} // what each set was handed, in order
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			gone := rapid.SliceOfNDistinct(rapid.IntRange(0, len(list)-1), 0, 2, rapid.ID[int]).Draw(t, "gone")
			serves := func(service string) bool {
				return !slices.ContainsFunc(gone, func(i int) bool { return list[i].Service == service })
			}
			turns := s.Among(serves)
			if turns == nil {
				continue
			}
			key := fmt.Sprint(turns.Services())
			for range rapid.IntRange(0, 40).Draw(t, "requests") {
				i, _ := turns.Next()
				if !serves(turns.Services()[i]) {
					t.Fatal("a turn for one that is gone")
				}
				rows[key] = append(rows[key], turns.Services()[i])
			}
		}
		for key, row := range rows {
			var left []Member
			for _, m := range list {
				if slices.Contains(row, m.Service) {
					left = append(left, m)
				}
			}
			reduce(left)
			period := int(sum(left))
			for from := 0; from+period <= len(row); from++ {
				for _, m := range left {
					n := 0
					for _, service := range row[from : from+period] {
						if service == m.Service {
							n++
						}
					}
					if n != m.Weight && key == fmt.Sprint(services(left)) {
						t.Fatalf("set %s, window at %d: %s has %d, want %d", key, from, m.Service, n, m.Weight)
					}
				}
			}
		}
	})
}

func services(list []Member) (names []string) {
	for _, m := range list {
		names = append(names, m.Service)
	}
	return names
}

// TestCloseEndsTheOldWeights counts turns of many takers across a change: those
// of the old weights and those of the new ones are beginnings of their rows, and
// none is taken of the old ones once Close has returned.
func TestCloseEndsTheOldWeights(t *testing.T) {
	old := NewSplit(members(70, 30))
	turns := old.Among(all)
	var takers sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	for range 8 {
		takers.Go(func() {
			for {
				i, ok := turns.Next()
				if !ok {
					return
				}
				mu.Lock()
				counts[turns.Services()[i]]++
				mu.Unlock()
			}
		})
	}
	for {
		mu.Lock()
		enough := counts["a0"] > 1000
		mu.Unlock()
		if enough {
			break
		}
	}
	old.Close()
	takers.Wait()
	total := counts["a0"] + counts["b1"]
	want := take(t, NewSplit(members(70, 30)).Among(all), total)
	if counts["a0"] != want["a0"] || counts["b1"] != want["b1"] {
		t.Errorf("%v of %d turns, want %v", counts, total, want)
	}
	if _, ok := old.Among(func(s string) bool { return s == "a0" }).Next(); ok {
		t.Error("a turn of a set that was first asked for after the end")
	}
}

func TestRowsAreBounded(t *testing.T) {
	list := members(slices.Repeat([]int{1}, 20)...)
	s := NewSplit(list)
	for n := 1; n < 2000; n++ {
		s.Among(func(service string) bool {
			i := slices.IndexFunc(list, func(m Member) bool { return m.Service == service })
			return n>>i&1 == 1
		})
	}
	if len(s.rows) != maxRows {
		t.Errorf("%d rows are kept, want %d", len(s.rows), maxRows)
	}
}

func BenchmarkTurn(b *testing.B) {
	turns := NewSplit(members(1, 2, 3, 50, 100, 144, 200, 233, 267)).Among(all)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			turns.Next()
		}
	})
}
