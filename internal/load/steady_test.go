package load

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSteadySendsEachRequestOnceWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []int
		began := time.Now()
		s := Start(20, 3, func(n int, due time.Time) {
			if want := time.Duration(n) * 50 * time.Millisecond; due.Sub(began).Round(time.Millisecond) != want {
				t.Errorf("request %d was due after %s, want %s", n, due.Sub(began), want)
			}
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, n)
		})
		time.Sleep(time.Second - time.Millisecond)
		s.Stop()
		slices.Sort(seen)
		if len(seen) != 20 || seen[0] != 0 || seen[19] != 19 {
			t.Errorf("in one second: %v", seen)
		}
	})
}

// What waits behind a stall counts from when it was due, and Stop waits for what
// was begun.
func TestAStallIsSeenByAllThatItDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late, ended := 0, 0
		s := Start(10, 1, func(n int, due time.Time) {
			if n == 0 {
				time.Sleep(time.Second)
			}
			if time.Since(due) >= 500*time.Millisecond {
				late++
			}
			time.Sleep(10 * time.Millisecond)
			ended++
		})
		time.Sleep(1500 * time.Millisecond)
		s.Stop()
		if late != 6 { // the stalled one, and those due 100 to 500 ms after the beginning
			t.Errorf("%d requests saw a stall of 1 s, want 6", late)
		}
		if ended < 11 {
			t.Errorf("%d requests had ended when Stop returned", ended)
		}
	})
}
