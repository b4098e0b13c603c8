package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

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
