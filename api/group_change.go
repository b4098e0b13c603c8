package api

import (
	"fmt"
	"math"
	"slices"
)

const maxSteps = 100

// GroupChange changes a group; what is nil stays as it is. Switching to
// customized writes weights in exactly the present proportion, so that no
// traffic moves (rule 20).
type GroupChange struct {
	TrafficMode *TrafficMode   `json:"traffic_mode,omitempty" enum:"auto,customized" doc:"auto: by replicas; customized: by weight"`
	Rules       *[]TrafficRule `json:"rules,omitempty" doc:"all rules, in the order in which they are tried; an empty list for none"`
	Token       *string        `json:"token,omitempty" doc:"what callers of the group's address must send as Authorization: TOKEN or Bearer TOKEN; empty for none"`
}

// Check tells what is wrong with the change by itself: *InvalidError, or nil.
func (ch GroupChange) Check() error {
	c := &changeReader{what: "the group"}
	if ch == (GroupChange{}) {
		c.wrong("", nil, "the change is empty; give traffic_mode, rules or token")
	}
	if m := ch.TrafficMode; m != nil && *m != ModeAuto && *m != ModeCustomized {
		c.wrong("traffic_mode", *m, "%q and %q are allowed", ModeAuto, ModeCustomized)
	}
	if ch.Rules != nil {
		c.checkRules("rules", *ch.Rules)
	}
	if t := ch.Token; t != nil && *t != "" && !typeToken().accepts(*t) {
		c.wrong("token", nil, "%s", typeToken().Allowed)
	}
	return c.err()
}

// ParseGroupChange reads a change from JSON or YAML and checks it. Its error is
// an *InvalidError that names every field that is wrong.
func ParseGroupChange(data []byte) (ch GroupChange, err error) {
	c := &changeReader{what: "the group", allowed: map[string]string{
		"traffic_mode": `"auto" or "customized"`, "token": "text", "rules[].percent": "a number above 0, at most 100",
		"rules[].service": "text", "rules[].header": "text", "rules[].cookie": "text", "rules[].query": "text",
		"rules[].equals": "text; a number or true and false need quotes", "rules[].matches": "text",
	}}
	c.body(data, `{"traffic_mode": "customized"} or {"rules": [{"header": "X-Canary", "service": "NAME"}]}`, map[string]any{
		"traffic_mode": &ch.TrafficMode,
		"token":        &ch.Token,
		"rules": func(list []any) {
			rules := make([]TrafficRule, len(list))
			for i, v := range list {
				c.rule(joinIndex("rules", i), v, &rules[i])
			}
			ch.Rules = &rules
		},
	})
	if err := c.err(); err != nil {
		return ch, err
	}
	return ch, ch.Check()
}

// Release changes a member's part in its group; what is nil stays as it is.
type Release struct {
	Weight       *int          `json:"weight,omitempty" doc:"0 to 1000; -1 takes it away"`
	TrafficState *TrafficState `json:"traffic_state,omitempty" enum:"standalone,grouping" doc:"grouping takes its share of the group's traffic, standalone gets none"`
}

// Check tells what is wrong with the release by itself: *InvalidError, or nil.
func (r Release) Check() error {
	c := &changeReader{what: "the release"}
	if r.Weight == nil && r.TrafficState == nil {
		c.wrong("", nil, "the change is empty; give weight (0 to 1000, or -1 for none) or traffic_state (%s or %s)", StateStandalone, StateGrouping)
	}
	if w := r.Weight; w != nil && (*w < NoWeight || *w > MaxWeight) {
		c.wrong("weight", *w, "0 to %d, or %d for none, is allowed", MaxWeight, NoWeight)
	}
	if s := r.TrafficState; s != nil && *s != StateStandalone && *s != StateGrouping {
		c.wrong("traffic_state", *s, "%q and %q are allowed", StateStandalone, StateGrouping)
	}
	return c.err()
}

// ParseRelease reads a release from JSON or YAML and checks it.
func ParseRelease(data []byte) (r Release, err error) {
	c := &changeReader{what: "the release", allowed: map[string]string{
		"weight":        fmt.Sprintf("a whole number; 0 to %d, or %d for none, is allowed", MaxWeight, NoWeight),
		"traffic_state": fmt.Sprintf("%q or %q", StateStandalone, StateGrouping),
	}}
	c.body(data, `{"weight": 100} or {"traffic_state": "grouping"}`, map[string]any{"weight": &r.Weight, "traffic_state": &r.TrafficState})
	if err := c.err(); err != nil {
		return r, err
	}
	return r, r.Check()
}

// ShiftChange begins a gradual shift to a member, or changes the one in
// progress; what is nil has its default, or stays as it is.
type ShiftChange struct {
	To       string    `json:"to,omitempty" doc:"the member that gets more; default: the service of the address"`
	Steps    []int     `json:"steps,omitempty" doc:"percentages of the group's traffic, 1 to 100, ascending; default 1, 5, 25, 50, 100"`
	Interval *Interval `json:"interval,omitempty" doc:"from when a step is carried to the start of the next: 90s, 5m (the default), 1h"`
	MaxLoad  *float64  `json:"max_load,omitempty" doc:"what a replica may be given, as a multiple of what one carried before; at least 1, default 1.25"`
	Scale    *bool     `json:"scale,omitempty" doc:"whether the member is scaled up to what a step needs; by default the step waits"`
	Gates    *[]Gate   `json:"gates,omitempty" doc:"what each step must pass before the next one begins, all of them; an empty list for none"`
	Paused   *bool     `json:"paused,omitempty" doc:"true pauses, false resumes; of a new shift: it begins paused"`
}

// OnlyPauses tells a change that pauses or resumes and does nothing else.
func (ch ShiftChange) OnlyPauses() bool {
	return ch.Paused != nil && ch.Steps == nil && ch.Interval == nil && ch.MaxLoad == nil && ch.Scale == nil && ch.Gates == nil
}

// Check tells what is wrong with the change by itself: *InvalidError, or nil.
func (ch ShiftChange) Check() error {
	c := &changeReader{what: "the shift"}
	if ch.To != "" && ValidName(ch.To) != nil {
		c.wrong("to", ch.To, "%s are allowed", nameAllowed)
	}
	if ch.Steps != nil {
		c.checkSteps(ch.Steps)
	}
	if i := ch.Interval; i != nil && *i < Interval(MinInterval) {
		c.wrong("interval", i.String(), "%s is the shortest", MinInterval)
	}
	c.checkMaxLoad(ch.MaxLoad)
	if ch.Gates != nil {
		_, problems := GateRules("gates", *ch.Gates)
		c.problems = append(c.problems, problems...)
	}
	return c.err()
}

func (c *changeReader) checkSteps(steps []int) {
	if len(steps) == 0 || len(steps) > maxSteps {
		c.wrong("steps", steps, "1 to %d steps are allowed", maxSteps)
		return
	}
	for i, p := range steps {
		switch {
		case p < 1 || p > 100:
			c.wrong(joinIndex("steps", i), p, "a whole percentage from 1 to 100 is allowed")
		case i > 0 && p <= steps[i-1]:
			c.wrong(joinIndex("steps", i), p, "steps ascend; the one before is %d. `shift abort` takes traffic back", steps[i-1])
		}
	}
}

func (c *changeReader) checkMaxLoad(load *float64) {
	if load != nil && !(*load >= 1 && *load <= 1000) || load != nil && math.IsNaN(*load) {
		c.wrong("max_load", *load, "a number from 1 to 1000 is allowed: 1.25 lets a replica be given a quarter more than before")
	}
}

var shiftAllowed = map[string]string{
	"to": "text", "steps": "a list of whole percentages, as [1, 5, 25, 50, 100]", "max_load": "a number from 1 to 1000",
	"scale": "true or false", "paused": "true or false", "into": "a list of names",
	"keep": "a whole number from 0", "stop": "true or false",
}

// ParseShiftChange reads a change from JSON or YAML and checks it. An empty body
// is a shift with every default.
func ParseShiftChange(data []byte) (ch ShiftChange, err error) {
	c := &changeReader{what: "the shift", allowed: shiftAllowed}
	if len(data) > 0 {
		c.body(data, `{"steps": [1, 25, 100], "interval": "5m"}`, map[string]any{"to": &ch.To, "steps": &ch.Steps, "interval": &ch.Interval,
			"max_load": &ch.MaxLoad, "scale": &ch.Scale, "gates": &ch.Gates, "paused": &ch.Paused})
	}
	if err := c.err(); err != nil {
		return ch, err
	}
	return ch, ch.Check()
}

// PromoteChange begins a promotion: the canary's version becomes production's.
type PromoteChange struct {
	Into    []string `json:"into,omitempty" doc:"the services to update; default: the only other member that is grouping"`
	Keep    *int     `json:"keep,omitempty" doc:"replicas the canary keeps at the end, with the share of the traffic that so many have; default 0"`
	MaxLoad *float64 `json:"max_load,omitempty" doc:"what a replica may be given while traffic moves back, as a multiple of what one carried before; at least 1, default 1.25"`
	Scale   *bool    `json:"scale,omitempty" doc:"whether production is scaled up to what its traffic needs (the default); otherwise it waits"`
}

// Check tells what is wrong with the change by itself: *InvalidError, or nil.
func (ch PromoteChange) Check() error {
	c := &changeReader{what: "the promotion"}
	for i, name := range ch.Into {
		switch at := joinIndex("into", i); {
		case ValidName(name) != nil:
			c.wrong(at, name, "%s are allowed", nameAllowed)
		case slices.Contains(ch.Into[:i], name):
			c.wrong(at, name, "it is named twice")
		}
	}
	if k := ch.Keep; k != nil && (*k < 0 || *k > MaxInstances) {
		c.wrong("keep", *k, "0 to %d replicas are allowed", MaxInstances)
	}
	c.checkMaxLoad(ch.MaxLoad)
	return c.err()
}

// ParsePromoteChange reads a change from JSON or YAML and checks it. An empty
// body is a promotion with every default.
func ParsePromoteChange(data []byte) (ch PromoteChange, err error) {
	c := &changeReader{what: "the promotion", allowed: shiftAllowed}
	if len(data) > 0 {
		c.body(data, `{"keep": 1}`, map[string]any{"into": &ch.Into, "keep": &ch.Keep, "max_load": &ch.MaxLoad, "scale": &ch.Scale})
	}
	if err := c.err(); err != nil {
		return ch, err
	}
	return ch, ch.Check()
}

// InvalidGroup is the error of a field of a change that is wrong for the group as
// it is.
func InvalidGroup(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the group", Problems: []FieldProblem{problem(path, value, format, args...)}}
}

// InvalidRelease is InvalidGroup for a release.
func InvalidRelease(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the release", Problems: []FieldProblem{problem(path, value, format, args...)}}
}

// InvalidShift is InvalidGroup for a shift.
func InvalidShift(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the shift", Problems: []FieldProblem{problem(path, value, format, args...)}}
}

// InvalidPromotion is InvalidGroup for a promotion.
func InvalidPromotion(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the promotion", Problems: []FieldProblem{problem(path, value, format, args...)}}
}
