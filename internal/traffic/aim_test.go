package traffic

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestRuleCheck(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{Service: "a", Header: "X-Beta"}, ""},
		{Rule{Service: "a", Cookie: "uid", Percent: 10}, ""},
		{Rule{Service: "a", Query: "model", Matches: "v[0-9]+"}, ""},
		{Rule{Header: "X-Beta"}, "names the service"},
		{Rule{Service: "a"}, "exactly one of header"},
		{Rule{Service: "a", Header: "x", Cookie: "y"}, "exactly one of header"},
		{Rule{Service: "a", Header: "x", Equals: "1", Percent: 2}, "one of equals"},
		{Rule{Service: "a", Header: "x", Percent: 101}, "percent: 101"},
		{Rule{Service: "a", Header: "x", Percent: math.NaN()}, "percent: NaN"},
		{Rule{Service: "a", Header: "x", Matches: "(["}, `matches: "(["`},
		{Rule{Service: "a", Header: "x", Matches: "a)|(b"}, `matches: "a)|(b"`},
	} {
		err := c.rule.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.want)
		}
	}
	if p, _ := (Rule{Matches: "a|b"}).Pattern(); !p.MatchString("b") || p.MatchString("ab") || p.MatchString("b\n") {
		t.Error("a pattern is not anchored at both ends")
	}
}

// TestKeyPlace pins places down: another would move users at an upgrade.
func TestKeyPlace(t *testing.T) {
	for key, want := range map[string]float64{"user1": 79.282300691313, "user2": 55.029239762280, "": 93.676944839044} {
		if got := KeyPlace(key); math.Abs(got-want) > 1e-9 {
			t.Errorf("%q stands at %.12f, want %.12f", key, got, want)
		}
	}
	var tenths [10]int
	for i := range 10_000 {
		tenths[int(KeyPlace(fmt.Sprintf("user%d", i))/10)]++
	}
	for i, n := range tenths {
		if n < 850 || n > 1150 {
			t.Errorf("%d of 10000 keys stand between %d and %d", n, 10*i, 10*i+10)
		}
	}
}
