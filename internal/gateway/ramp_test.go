package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// aging is a board whose clock the test moves, with a service of the replicas
// named.
type aging struct {
	*board
	at       instant
	revision uint64
}

func newAging(slow time.Duration) *aging {
	cfg := Config{SlowStart: slow}.withDefaults()
	a := &aging{board: newBoard(&cfg), at: instant(time.Hour)}
	a.clock = func() instant { return a.at }
	return a
}

func (a *aging) table(names string) {
	route := traffic.Route{Service: "svc"}
	for _, name := range strings.Fields(names) {
		route.Endpoints = append(route.Endpoints, traffic.Endpoint{Replica: name, Version: 1, Address: name})
	}
	a.revision++
	a.apply(wire.Table{Revision: a.revision, Routes: []traffic.Route{route}})
}

// shares picks 40,000 times with so many requests in hand at a time, and says
// which part each replica got.
func (a *aging) shares(inHand int) map[string]float64 {
	const picks = 40_000
	got := map[string]float64{}
	hand := make([]*endpoint, 0, inHand)
	s := a.current.Load().services["svc"]
	for range picks {
		e, _ := s.pick(nil, a.at)
		e.handed()
		got[e.replica] += 1.0 / picks
		if hand = append(hand, e); len(hand) == inHand {
			hand[0].end()
			hand = hand[1:]
		}
	}
	for _, e := range hand {
		e.end()
	}
	return got
}

// TestSlowStart: d joins three others; its share grows with its age, with little
// and with much in hand, and no other gets more than it must.
func TestSlowStart(t *testing.T) {
	for _, inHand := range []int{1, 40} {
		for _, c := range []struct {
			age         time.Duration
			least, most float64 // of an even share, which is a quarter
		}{
			{0, 0.05, 0.2}, {time.Second, 0.05, 0.2}, {3 * time.Second, 0.2, 0.45}, {5 * time.Second, 0.35, 0.7},
			{8 * time.Second, 0.65, 0.98}, {10 * time.Second, 0.93, 1.07}, {time.Hour, 0.93, 1.07},
		} {
			t.Run(fmt.Sprint(inHand, " in hand after ", c.age), func(t *testing.T) {
				a := newAging(0)
				a.table("a b c")
				a.at += instant(time.Minute)
				a.table("a b c d")
				a.at += instant(c.age)
				got := a.shares(inHand)
				if part := got["d"] * 4; part < c.least || part > c.most {
					t.Errorf("%.2f of an even share, want %.2f to %.2f: %v", part, c.least, c.most, got)
				}
				for _, old := range []string{"a", "b", "c"} {
					if rest := (1 - got["d"]) / 3; got[old] < 0.9*rest || got[old] > 1.1*rest {
						t.Errorf("%s got %.3f, the others are not even: %v", old, got[old], got)
					}
				}
			})
		}
	}
}

// TestSlowStartSparesTheOthers: where most are new the share of each is whole,
// and so it is with slow start off.
func TestSlowStartSparesTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		slow          time.Duration
		before, after string
		d             float64 // its share when a ramp of 10 s is at a fifth
	}{
		"the first table":         {0, "", "a b c d", 1. / 4},
		"most are new":            {0, "a", "a c d", 1. / 3},
		"half are new":            {0, "a b", "a b c d", 0.2 / 2.4},
		"one joins one":           {0, "a", "a d", 0.2 / 1.2},
		"one alone":               {0, "a", "d", 1},
		"off":                     {-1, "a b c", "a b c d", 1. / 4},
		"longer":                  {20 * time.Second, "a b c", "a b c d", 0.1 / 3.1},
		"it was there all along":  {0, "a b d", "a b c d", 1 / 3.2},
		"it came back after that": {0, "a b c d|a b c", "a b c d", 0.2 / 3.2},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAging(c.slow)
			for table := range strings.SplitSeq(c.before, "|") {
				a.table(table)
				a.at += instant(time.Minute)
			}
			a.table(c.after)
			a.at += instant(2 * time.Second) // a fifth of the ramp
			got := a.shares(8)
			if got["d"] < 0.7*c.d || got["d"] > 1.5*c.d {
				t.Errorf("d got %.3f, want about %.3f: %v", got["d"], c.d, got)
			}
			for replica, share := range got {
				if share > 2.1/float64(len(strings.Fields(c.after))) {
					t.Errorf("%s got %.3f, more than twice an even share: %v", replica, share, got)
				}
			}
		})
	}
}

// TestSlowStartLosesNothing: the new one takes what nobody else can.
func TestSlowStartLosesNothing(t *testing.T) {
	a := newAging(0)
	a.table("a b")
	a.at += instant(time.Minute)
	a.table("a b d")
	s := a.current.Load().services["svc"]
	for range 1000 {
		e, _ := s.pick([]*endpoint{s.ready[0], s.ready[1]}, a.at)
		if e == nil || e.replica != "d" {
			t.Fatalf("with the others out: %v", e)
		}
		e.abandon()
	}
	for _, e := range s.ready[:2] { // cannot be connected to: behind the new one
		e.shunned.Store(int64(now()) + int64(time.Hour))
	}
	got := a.shares(4)
	if got["d"] < 0.6 { // drawn in two of three pairs
		t.Errorf("the only one that can be connected to got %.3f", got["d"])
	}
}
