package api

import (
	"errors"
	"strings"
	"testing"
)

// TestInvalidGroupBodies holds that every bad body names its field, its value
// and what is allowed.
func TestInvalidGroupBodies(t *testing.T) {
	group := func(b []byte) error { _, err := ParseGroupChange(b); return err }
	release := func(b []byte) error { _, err := ParseRelease(b); return err }
	shift := func(b []byte) error { _, err := ParseShiftChange(b); return err }
	promote := func(b []byte) error { _, err := ParsePromoteChange(b); return err }
	for _, c := range []struct {
		parse      func([]byte) error
		body, want string
	}{
		{release, `{"weight": 1001}`, "weight: 1001: 0 to 1000, or -1 for none, is allowed"},
		{release, `{"weight": -2}`, "weight: -2: 0 to 1000"},
		{release, `{"weight": "ten"}`, `weight: "ten" is not a whole number; 0 to 1000`},
		{release, `{"weight": 1.5}`, "weight: 1.5 is not a whole number"},
		{release, `{"traffic_state": "on"}`, `traffic_state: "on": "standalone" and "grouping" are allowed`},
		{release, `{}`, "the change is empty"},
		{release, ``, "it is empty"},
		{release, `[1]`, "it is not an object such as"},
		{release, `{"wieght": 1}`, "wieght: unknown field; known here are traffic_state, weight"},
		{group, `{"traffic_mode": "even"}`, `traffic_mode: "even": "auto" and "customized" are allowed`},
		{group, `{"rules": {}}`, "rules: {}: it is a list"},
		{group, `{"rules": [{"cookie": "u", "percent": 60, "service": "a"}, {"cookie": "u", "percent": 60, "service": "b"}]}`, "rules[1].percent: 60: the rules about this key have 120%"},
		{group, `{"rules": [3]}`, "rules[0]: 3: it is an object"},
		{group, `{"rules": [{"header": "A"}]}`, "rules[0].service: missing"},
		{group, `{"rules": [{"service": "a"}]}`, "rules[0]: missing: a rule looks at one of header, cookie and query"},
		{group, `{"rules": [{"service": "a", "header": "X", "cookie": "c"}]}`, "rules[0]: a rule looks at exactly one"},
		{group, `{"rules": [{"service": "a", "header": "X Y"}]}`, `rules[0].header: "X Y": letters, digits and`},
		{group, `{"rules": [{"service": "a", "header": "X", "equals": "1", "percent": 3}]}`, "rules[0]: at most one of"},
		{group, `{"rules": [{"service": "a", "header": "X", "matches": "a("}]}`, `rules[0].matches: "a(": not a regular expression`},
		{group, `{"rules": [{"service": "a", "header": "X", "matches": "` + strings.Repeat("é", 1001) + `"}]}`, "1001 characters; at most 1000"},
		{group, `{"rules": [{"service": "a", "header": "X", "percent": 0}]}`, "rules[0].percent: 0: a number above 0"},
		{group, `{"rules": [{"service": "a", "header": "X", "percent": 101}]}`, "rules[0].percent: 101"},
		{group, `{"rules": [{"service": "a", "header": "X", "equals": 1}]}`, "rules[0].equals: 1 is not text"},
		{shift, `{"steps": [5, 1]}`, "steps[1]: 1: steps ascend; the one before is 5"},
		{shift, `{"steps": [0, 101]}`, "steps[0]: 0: a whole percentage from 1 to 100"},
		{shift, `{"steps": []}`, "1 to 100 steps are allowed"},
		{shift, `{"steps": "1,5"}`, `steps: "1,5" is not a list of whole percentages`},
		{shift, `{"interval": "0s"}`, "interval:"},
		{shift, `{"max_load": 0.9}`, "max_load: 0.9: a number from 1"},
		{shift, `{"gates": [{"metric": "nope"}]}`, "gates[0].metric"},
		{shift, `{"to": "A B"}`, "to:"},
		{promote, `{"keep": -1}`, "keep: -1"},
		{promote, `{"into": ["a", "a"]}`, "into[1]: \"a\": it is named twice"},
	} {
		err := c.parse([]byte(c.body))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.body, err, c.want)
		}
	}
}

func TestGroupBodies(t *testing.T) {
	ch, err := ParseGroupChange([]byte(`{"traffic_mode": "customized", "rules": [
		{"service": "a", "cookie": "user", "percent": 12.5}, {"service": "b", "query": "v", "matches": "[0-9]+"}, {"service": "b", "header": "X-Any"}]}`))
	if err != nil || *ch.TrafficMode != ModeCustomized || len(*ch.Rules) != 3 || (*ch.Rules)[0].Percent != 12.5 || (*ch.Rules)[1].Matches != "[0-9]+" {
		t.Errorf("%+v, %v", ch, err)
	}
	if ch, err := ParseGroupChange([]byte(`{"rules": []}`)); err != nil || ch.Rules == nil || len(*ch.Rules) != 0 {
		t.Errorf("an empty list takes every rule away: %+v, %v", ch, err)
	}
	if r, err := ParseRelease([]byte("weight: -1\ntraffic_state: grouping\n")); err != nil || *r.Weight != NoWeight || *r.TrafficState != StateGrouping {
		t.Errorf("%+v, %v", r, err)
	}
	if sh, err := ParseShiftChange(nil); err != nil || sh.Steps != nil {
		t.Errorf("an empty body has every default: %+v, %v", sh, err)
	}
	if sh, err := ParseShiftChange([]byte(`{"paused": true}`)); err != nil || !sh.OnlyPauses() {
		t.Errorf("%+v, %v", sh, err)
	}
}
