package canary

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
)

// member reads "name ready/desired", with a weight, as a grouping one.
func member(name string, ready, desired, weight int) Member {
	return Member{Service: name, State: api.StateGrouping, Ready: ready, Desired: desired, Weight: weight}
}

func TestShares(t *testing.T) {
	alone := member("c", 9, 9, 900)
	alone.State = api.StateStandalone
	members := []Member{member("a", 7, 6, 70), member("b", 2, 4, -1), alone, member("d", 0, 1, 10)}
	for _, c := range []struct {
		mode    api.TrafficMode
		weights []int
		shares  []float64
	}{
		{api.ModeAuto, []int{6, 2, 0, 0}, []float64{.75, .25, 0, 0}},
		{api.ModeCustomized, []int{70, 0, 0, 10}, []float64{.875, 0, 0, .125}},
	} {
		if got := Weights(c.mode, members); !slices.Equal(got, c.weights) {
			t.Errorf("%s: weights %v, want %v", c.mode, got, c.weights)
		}
		if got := Shares(c.mode, members); !slices.Equal(got, c.shares) {
			t.Errorf("%s: shares %v, want %v", c.mode, got, c.shares)
		}
	}
	if got := Shares(api.ModeCustomized, []Member{member("a", 1, 1, 0)}); got[0] != 0 {
		t.Errorf("weights that are all 0 are no share: %v", got)
	}
}

func TestConvert(t *testing.T) {
	alone := member("z", 5, 5, 7)
	alone.State = api.StateStandalone
	for _, c := range []struct {
		name    string
		members []Member
		want    map[string]int
	}{
		{"the sum is 100", []Member{member("a", 6, 6, -1), member("b", 2, 2, 3)}, map[string]int{"a": 75, "b": 25}},
		{"counts", []Member{member("a", 5, 5, -1), member("b", 2, 2, -1)}, map[string]int{"a": 5, "b": 2}},
		{"counts are not reduced", []Member{member("a", 10, 10, -1), member("b", 4, 4, -1)}, map[string]int{"a": 10, "b": 4}},
		{"reduced", []Member{member("a", 6000, 6000, -1), member("b", 3000, 3000, -1)}, map[string]int{"a": 2, "b": 1}},
		{"nearest", []Member{member("a", 9999, 9999, -1), member("b", 1, 1, -1)}, map[string]int{"a": 999, "b": 1}},
		{"standalone is left alone", []Member{member("a", 3, 3, -1), alone}, map[string]int{"a": 100}},
		{"not ready gets nothing", []Member{member("a", 3, 3, -1), member("b", 0, 3, -1)}, map[string]int{"a": 100, "b": 0}},
		{"nobody is ready", []Member{member("a", 0, 3, -1), member("b", 0, 1, -1)}, map[string]int{"a": 75, "b": 25}},
		{"nothing at all", []Member{member("a", 0, 0, -1)}, map[string]int{"a": 0}},
	} {
		if got := Convert(c.members); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func drawMembers(t *rapid.T, most int) []Member {
	list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
		m := Member{State: api.StateGrouping, Weight: rapid.IntRange(-1, 1000).Draw(t, "weight"), Desired: rapid.IntRange(0, most).Draw(t, "desired")}
		m.Ready = rapid.IntRange(0, m.Desired+2).Draw(t, "ready")
		if rapid.IntRange(0, 4).Draw(t, "alone") == 0 {
			m.State = api.StateStandalone
		}
		return m
	}), 1, 6).Draw(t, "members")
	for i := range list {
		list[i].Service = fmt.Sprintf("s%d", i)
	}
	return list
}

// TestConvertMovesNothing holds rule 20 for any group: shares are the same after
// the switch, to the last bit of the proportion, and sum to 1.
func TestConvertMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t, 1000)
		before := Weights(api.ModeAuto, members)
		after := slices.Clone(members)
		for name, w := range Convert(members) {
			if w < 0 || w > api.MaxWeight {
				t.Fatalf("weight %d", w)
			}
			after[slices.IndexFunc(after, func(m Member) bool { return m.Service == name })].Weight = w
		}
		now := Weights(api.ModeCustomized, after)
		if a, b := sum(before), sum(now); a > 0 {
			for i := range before {
				if before[i]*b != now[i]*a {
					t.Fatalf("member %d had %d of %d and has %d of %d", i, before[i], a, now[i], b)
				}
			}
		}
		total := 0.0
		for _, s := range Shares(api.ModeCustomized, after) {
			total += s
		}
		if sum(now) > 0 && math.Abs(total-1) > 1e-9 {
			t.Fatalf("shares sum to %v", total)
		}
	})
}
