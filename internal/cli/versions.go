package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
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

func historyCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "history NAME",
		Short: "List the rollouts of a service",
		Long: `List the rollouts of a service, the newest first: what each one was, how it
ended, who began it and how long it took.`,
		Example: "  sluice history sentiment",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		list, err := c.Rollouts(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(struct {
			Rollouts []api.Rollout `json:"rollouts"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"ID", "KIND", "FROM", "TO", "PHASE", "CREATOR", "AGE", "DURATION", "MESSAGE"}}
			for _, v := range list {
				from := ""
				if v.FromVersion != 0 {
					from = strconv.Itoa(v.FromVersion)
				}
				rows = append(rows, []string{v.ID, string(v.Kind), from, strconv.Itoa(v.ToVersion), string(v.Phase), v.Creator,
					age(v.StartedAt.Time), duration(v), v.Message})
			}
			table(w, rows...)
		})
	})
}

func duration(ro api.Rollout) string {
	if ro.EndedAt == nil {
		return span(time.Since(ro.StartedAt.Time)) + " so far"
	}
	return span(ro.EndedAt.Sub(ro.StartedAt.Time))
}
