package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func rollbackCommand(s *session) *cobra.Command {
	ask := api.Rollback{}
	cmd := &cobra.Command{
		Use:   "rollback NAME",
		Short: "Go back to an earlier version",
		Long: `Go back to an earlier version.

Without --to it is the version that the rollout in progress came from, else the
highest completed one below the current version; the answer says which. A
rollback follows the bounds in force now and never changes the number of
replicas, the group or rolling_strategy. It keeps the replicas that still run
the version.

It is looked at first whether the version still has all that it needs, as
"sluice preflight" does. One that would fail is refused with the reason;
--force goes on nevertheless.

A rollback ignores the update plan, its batches and its gates, and is as fast
as the bounds allow; --planned has the plan lead it.`,
		Example: "  sluice rollback sentiment --wait\n  sluice rollback sentiment --to 2 -m 'v3 is too slow'",
		Args:    takes("NAME"),
	}
	cmd.Flags().IntVar(&ask.Version, "to", 0, "the version to go to")
	cmd.Flags().BoolVar(&ask.Force, "force", false, "go on although it would fail")
	cmd.Flags().BoolVar(&ask.Planned, "planned", false, "let the update plan lead it")
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		if cmd.Flags().Changed("to") && ask.Version < 1 {
			return Usagef("--to: %d: a whole number from 1 is allowed", ask.Version)
		}
		answer, err := c.Rollback(ctx, args[0], ask, client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.RolledBack)
	})
}

func preflightCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "preflight NAME [N]",
		Short: "Look whether versions can be gone back to",
		Long: `Look whether a rollback to a version would work: whether its model, its program
and other files are as they were recorded or a copy of them is kept, whether its
configuration is still accepted, its replicas can be started and can ever fit.

Without N it looks at all versions that are kept. With N, the exit code is 4 if
a rollback to it would be refused. Files that are not as they were recorded are
read, so it may take long.`,
		Example: "  sluice preflight sentiment\n  sluice preflight sentiment 2",
		Args:    cobra.RangeArgs(1, 2),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		n := 0
		if len(args) == 2 {
			var err error
			if n, err = whole("N", args[1], 1); err != nil {
				return err
			}
		}
		list, err := c.Preflight(ctx, args[0], n)
		if err != nil {
			return err
		}
		err = s.show(struct {
			Preflights []api.VersionPreflight `json:"preflights"`
		}{list}, func(w io.Writer) { printPreflights(w, list, n != 0) })
		if err == nil && n != 0 && len(list) == 1 && wouldFail(list[0]) {
			return &refusedError{fmt.Sprintf("a rollback to version %d would fail", n)}
		}
		return err
	})
}

// printPreflights shows what is wrong, and all findings where one version was
// asked for.
func printPreflights(w io.Writer, list []api.VersionPreflight, all bool) {
	rows := [][]string{{"VERSION", "VERDICT", "SUBJECT", "FINDING"}}
	for _, p := range list {
		shown := 0
		for _, f := range p.Findings {
			if !all && f.Verdict == "ok" {
				continue
			}
			rows = append(rows, []string{strconv.Itoa(p.Version), p.Verdict, f.Subject, f.Verdict + ": " + f.Reason})
			shown++
		}
		if shown == 0 {
			rows = append(rows, []string{strconv.Itoa(p.Version), p.Verdict, "", "it has all that it needs"})
		}
	}
	table(w, rows...)
}

func wouldFail(p api.VersionPreflight) bool {
	for _, f := range p.Findings {
		if f.Blocks {
			return true
		}
	}
	return false
}
