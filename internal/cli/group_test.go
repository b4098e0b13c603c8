package cli

import (
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// TestDescribeGroup shows what a group is in the middle of, as the help of shift
// and promote promises.
func TestDescribeGroup(t *testing.T) {
	until := api.At(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
	g := api.Group{
		Name: "prod", TrafficMode: api.ModeCustomized, Message: "no member is ready",
		Shift:     &api.Shift{To: "next", Phase: api.ShiftRunning, Percent: 25, WaitingFor: "the next step, 50%"},
		Promotion: &api.Promotion{Canary: "next", Phase: api.PromotionRunning, WaitingFor: "the update of a"},
		Frozen:    &api.Freeze{Until: until, Reason: "year end", By: "ann"},
	}
	for _, c := range []struct {
		name string
		cut  func(*api.Group)
		want string
	}{
		{"shift", func(g *api.Group) { g.Shift = nil }, "shift to next running at 25%; waiting for the next step, 50%"},
		{"promotion", func(g *api.Group) { g.Promotion = nil }, "promotion of next running; waiting for the update of a"},
		{"freeze", func(g *api.Group) { g.Frozen = nil }, "by ann: year end"},
		{"message", func(g *api.Group) { g.Message = "" }, "no member is ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			with, without, less := strings.Builder{}, strings.Builder{}, g
			c.cut(&less)
			describeGroup(&with, &g)
			describeGroup(&without, &less)
			if !strings.Contains(with.String(), c.want) || strings.Contains(without.String(), c.want) {
				t.Errorf("%q is to be in the first alone:\n%s\n%s", c.want, with.String(), without.String())
			}
		})
	}
}
