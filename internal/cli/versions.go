package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
)

func rollbackCommand(s *session) *cobra.Command {
	var to int
	cmd := &cobra.Command{
		Use:   "rollback NAME",
		Short: "Go back to an earlier version",
		Long: `Go back to an earlier version.

Without --to it is the version that the rollout in progress came from, else the
highest completed one below the current version; the answer says which. A
rollback follows the bounds in force now and never changes the number of
replicas, the group or rolling_strategy.`,
		Example: "  sluice rollback sentiment --wait\n  sluice rollback sentiment --to 2 -m 'v3 is too slow'",
		Args:    takes("NAME"),
	}
	cmd.Flags().IntVar(&to, "to", 0, "the version to go to")
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		if cmd.Flags().Changed("to") && to < 1 {
			return Usagef("--to: %d: a whole number from 1 is allowed", to)
		}
		answer, err := c.Rollback(ctx, args[0], to, client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.RolledBack)
	})
}
