package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func planCommand(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Let updates go in batches, by hand or by the clock",
		Long: `Let updates go in batches, by hand or by the clock.

A plan belongs to a service. Made before an update it is pending, and the next
update begins with it; made in the middle of an update it acts at once. After the
update it is pending again. The bounds of rolling_strategy hold within each batch.

  manual     --target: so many replicas run the new version; then it waits
  automatic  --batch and --interval: so many more, each time the interval has
             passed since the batch before was complete

The target can be moved both ways at any moment; 0 takes everything back. A
restart and a rollback to a version do not follow the plan.`,
		Example: `  sluice plan set sentiment --target 2
  sluice update sentiment --set model_path=models/v3 --wait
  sluice plan set sentiment --target 100% --wait
  sluice plan rollback sentiment --wait`,
		GroupID: "change",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; show, set, pause, resume, rollback and delete are allowed", args[0])
			}
			return fmt.Errorf("show, set, pause, resume, rollback or delete is missing")
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
	}
	cmd.AddCommand(planShowCommand(s), planSetCommand(s), planPauseCommand(s), planResumeCommand(s), planRollbackCommand(s), planDeleteCommand(s))
	return cmd
}

// planChange makes a command that changes a plan.
func planChange(s *session, cmd *cobra.Command, do func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error)) *cobra.Command {
	cmd.Args = takes("NAME")
	cmd = changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, goal, err := do(ctx, c, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, goal)
	})
	cmd.GroupID = ""
	return cmd
}

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
		if err != nil {
			return err
		}
		return s.show(plan, func(w io.Writer) { pairs(w, planRows(&plan)) })
	})
	cmd.GroupID = ""
	return cmd
}

func planRows(p *api.Plan) [][2]string {
	rows := [][2]string{{"Plan", planState(p)}, {"Mode", planMode(p)}, {"On failure", string(p.OnFailure)}}
	if p.Phase == api.PlanInEffect {
		rows = append(rows, [2]string{"Updated", fmt.Sprintf("%d of %d; target %d", p.Updated, p.Total, p.Target)},
			[2]string{"Waiting for", p.WaitingFor})
	}
	if p.NextBatchAt != nil {
		rows = append(rows, [2]string{"Next batch", fmt.Sprintf("%s (in %s)", p.NextBatchAt.Local().Format(time.TimeOnly), span(time.Until(p.NextBatchAt.Time)))})
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

func planSetCommand(s *session) *cobra.Command {
	var target, batch, interval, onFailure string
	var paused bool
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Make or change the update plan of a service",
		Long: `Make or change the update plan of a service. What is not given stays as it is.

--target is manual mode, --batch and --interval are automatic mode; giving one
switches to it, also in the middle of an update: it goes on from what is updated
now. A target below what is updated takes that many back, 0 all of them; set while
the plan is pending, 0 means: begin, and wait.

--on-failure rollback has an update whose new replicas fail taken back by itself;
otherwise it is paused.`,
		Example: `  sluice plan set sentiment --target 2
  sluice plan set sentiment --batch 25% --interval 5m
  sluice plan set sentiment --on-failure rollback`,
	}
	f := cmd.Flags()
	f.StringVar(&target, "target", "", "manual: how many replicas shall run the new version, 2 or 20%")
	f.StringVar(&batch, "batch", "", "automatic: replicas in a batch, 3 or 25% (the default)")
	f.StringVar(&interval, "interval", "", "automatic: from the completion of a batch to the next: 90s, 5m, 1h")
	f.BoolVar(&paused, "paused", false, "pause; of a pending plan: the next update begins paused")
	f.StringVar(&onFailure, "on-failure", "", "what a failed new replica leads to: pause (the default) or rollback")
	_ = cmd.RegisterFlagCompletionFunc("on-failure", cobra.FixedCompletions([]string{"pause", "rollback"}, cobra.ShellCompDirectiveNoFileComp))
	return planChange(s, cmd, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		given := func(flag string) bool { return f.Changed(flag) }
		change, err := planOf(given, target, batch, interval, onFailure, paused)
		if err != nil {
			return client.Answer{}, 0, err
		}
		answer, err := c.SetPlan(ctx, name, change, because)
		return answer, planGoal(answer), err
	})
}

// planOf reads the flags of plan set.
func planOf(given func(flag string) bool, target, batch, interval, onFailure string, paused bool) (ch api.PlanChange, err error) {
	if given("target") {
		c, err := api.ParseCount(target)
		if err != nil {
			return ch, Usagef("--target: %v", err)
		}
		ch.TargetUpdated = &c
	}
	if given("batch") || given("interval") {
		ch.Batch = &api.BatchChange{}
	}
	if given("batch") {
		c, err := api.ParseCount(batch)
		if err != nil {
			return ch, Usagef("--batch: %v", err)
		}
		ch.Batch.Size = &c
	}
	if given("interval") {
		i, err := api.ParseInterval(interval)
		if err != nil {
			return ch, Usagef("--interval: %v", err)
		}
		ch.Batch.Interval = &i
	}
	if given("paused") {
		ch.Paused = &paused
	}
	if given("on-failure") {
		on := api.OnFailure(onFailure)
		ch.OnFailure = &on
	}
	if ch == (api.PlanChange{}) {
		return ch, Usagef("nothing is given; --target (manual), --batch and --interval (automatic), --paused or --on-failure is needed")
	}
	if err := ch.Check(); err != nil {
		return ch, Usagef("%v", err)
	}
	return ch, nil
}

// planGoal is what a change of a plan asks for: of a rollout that it leads, the
// target; of a pending one nothing more.
func planGoal(answer client.Answer) client.Goal {
	if p := answer.Plan; p != nil && p.Phase == api.PlanInEffect && p.Target == 0 {
		return client.RolledBack
	}
	return client.Rolled
}

func planPauseCommand(s *session) *cobra.Command {
	return planChange(s, &cobra.Command{
		Use:   "pause NAME",
		Short: "Pause the rollout that the plan leads",
		Long: `Pause the rollout that the plan leads; of a pending plan: the next update begins
paused. Targets, batches and the countdown are kept.`,
		Example: "  sluice plan pause sentiment -m 'latency looks odd'",
	}, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		answer, err := c.PausePlan(ctx, name, true, because)
		return answer, client.Steady, err
	})
}

func planResumeCommand(s *session) *cobra.Command {
	return planChange(s, &cobra.Command{
		Use:     "resume NAME",
		Short:   "Let the rollout that the plan leads go on",
		Long:    "Let the rollout that the plan leads go on from where it was paused.",
		Example: "  sluice plan resume sentiment --wait",
	}, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		answer, err := c.PausePlan(ctx, name, false, because)
		return answer, client.Rolled, err
	})
}

func planRollbackCommand(s *session) *cobra.Command {
	return planChange(s, &cobra.Command{
		Use:   "rollback NAME",
		Short: "Take back what the plan has updated",
		Long: `Take back what the plan has updated, in the middle of an update.

Every replica of the new version goes back to the version before, within the
bounds; those that still run it stay, which makes it faster than a rollback to a
version. The plan keeps its mode and settings. It ends a pause.`,
		Example: "  sluice plan rollback sentiment --wait",
	}, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		answer, err := c.RollBackPlan(ctx, name, because)
		return answer, client.RolledBack, err
	})
}

func planDeleteCommand(s *session) *cobra.Command {
	return planChange(s, &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete the update plan of a service",
		Long: `Delete the update plan of a service. Its next update goes to all replicas at once.

A rollout that the plan leads stays where it is, paused with the reason "plan
deleted": "sluice resume" goes on with all replicas, "sluice rollback" goes back,
and a new plan leads it on.`,
		Example: "  sluice plan delete sentiment",
	}, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		answer, err := c.DeletePlan(ctx, name, because)
		return answer, client.Steady, err
	})
}
