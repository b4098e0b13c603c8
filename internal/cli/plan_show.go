package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func planShowCommand(s *session) *cobra.Command {
	cmd := lookCommand(s, &cobra.Command{
		Use:   "show NAME",
		Short: "Show the update plan of a service and how far it is",
		Long: `Show the update plan of a service and how far it is.

A plan is pending (the next update begins with it), in effect, or completed (its
update has ended; the next one begins with it again). In effect its batch is
running, paused or completed.`,
		Example: "  sluice plan show sentiment",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		plan, err := c.Plan(ctx, args[0])
		switch {
		case err != nil:
			return err
		case s.output != formatTable:
			return s.show(plan, nil)
		}
		service, err := c.Service(ctx, args[0])
		if err != nil {
			return err
		}
		rows := planRows(&plan)
		if plan.Phase == api.PlanInEffect && service.Rollout != nil {
			rows = append(rows, gateRows(service.Rollout)...)
		}
		pairs(s.out, rows)
		return nil
	})
	cmd.GroupID = ""
	return cmd
}

func planRows(p *api.Plan) [][2]string {
	rows := [][2]string{{"Plan", planState(p)}, {"Mode", planMode(p)}, {"On failure", string(p.OnFailure)}}
	for _, g := range p.Gates {
		rows = append(rows, [2]string{"Gate", gateLine(g)})
	}
	if p.Phase == api.PlanInEffect {
		rows = append(rows, [2]string{"Updated", fmt.Sprintf("%d of %d; target %d", p.Updated, p.Total, p.Target)},
			[2]string{"Waiting for", p.WaitingFor})
	}
	if p.NextBatchAt != nil {
		rows = append(rows, [2]string{"Next batch", fmt.Sprintf("%s (in %s)", p.NextBatchAt.Local().Format(time.TimeOnly), span(time.Until(p.NextBatchAt.Time)))})
	}
	return rows
}

// gateRows are what the gates said of the last batch that they were asked about.
func gateRows(ro *api.Rollout) (rows [][2]string) {
	if len(ro.Gates) == 0 {
		return nil
	}
	last := ro.Gates[len(ro.Gates)-1]
	for _, r := range last.Results {
		rows = append(rows, [2]string{fmt.Sprintf("At %d", last.Target), oneLine(r.Gate + " says " + string(r.Outcome) + ": " + r.Message)})
	}
	return rows
}

func planMode(p *api.Plan) string {
	switch {
	case p.Batch != nil:
		return fmt.Sprintf("automatic: batches of %s, %s apart", p.Batch.Size, p.Batch.Interval)
	case p.TargetUpdated != nil:
		return fmt.Sprintf("manual: %s of %d replicas", p.TargetUpdated, p.Total)
	}
	return "all replicas at once"
}

// planLine is a plan in one line.
func planLine(p *api.Plan) string {
	line := planState(p) + "; " + planMode(p)
	if p.NextBatchAt != nil {
		line += "; next batch at " + p.NextBatchAt.Local().Format(time.TimeOnly)
	}
	return line
}

// planState is where a plan stands, in words.
func planState(p *api.Plan) string {
	words := strings.ReplaceAll(string(p.Phase), "_", " ")
	switch {
	case p.Stage != "":
		words += ", batch " + strings.TrimPrefix(strings.ReplaceAll(string(p.Stage), "_", " "), "batch ")
	case p.Paused:
		words += "; its rollout begins paused"
	}
	return words
}

// gateLine is a gate in one line.
func gateLine(g api.Gate) string {
	rules, problems := api.GateRules("gates", []api.Gate{g})
	if len(problems) > 0 {
		return g.Name // a server of another version knows it
	}
	line := rules[0].Name
	for _, limit := range []struct {
		name  string
		value api.GateLimit
	}{{"max", g.Max}, {"min", g.Min}, {"max_ratio", g.MaxRatio}, {"min_ratio", g.MinRatio}, {"max_difference", g.MaxDifference}} {
		if limit.value != "" {
			line += fmt.Sprintf(", %s %s", limit.name, limit.value)
		}
	}
	line += "; a failure: " + string(rules[0].OnFail)
	if g.DryRun {
		line += " (dry run)"
	}
	return line
}
