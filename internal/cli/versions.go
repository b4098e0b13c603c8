package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func versionsCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "versions NAME",
		Short: "List the versions of a service",
		Long: `List the versions of a service, the newest first: who made each one and why, and
whether a rollout to it has completed once.`,
		Example: "  sluice versions sentiment",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		list, err := c.Versions(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(struct {
			Versions []api.Version `json:"versions"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"VERSION", "STATE", "CREATOR", "AGE", "MESSAGE"}}
			for _, v := range list {
				rows = append(rows, []string{strconv.Itoa(v.Number), stateOf(v), v.Creator, age(v.CreatedAt.Time), v.Message})
			}
			table(w, rows...)
		})
	})
}

func stateOf(v api.Version) string {
	var words []string
	if v.Current {
		words = append(words, "current")
	}
	if v.Completed {
		words = append(words, "completed")
	}
	if v.Pinned {
		words = append(words, "pinned")
	}
	return strings.Join(words, ", ")
}

func versionCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "version NAME N",
		Short: "Show one version of a service",
		Long: `Show one version of a service with the configuration it keeps.

The program's own version is shown by "sluice --version".`,
		Example: "  sluice version sentiment 2",
		Args:    takes("NAME", "N"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		n, err := whole("N", args[1], 1)
		if err != nil {
			return err
		}
		v, err := c.Version(ctx, args[0], n)
		if err != nil {
			return err
		}
		return s.show(v, func(w io.Writer) {
			pairs(w, [][2]string{{"Version", strconv.Itoa(v.Number)}, {"State", stateOf(v)}, {"Creator", v.Creator},
				{"Created", when(v.CreatedAt)}, {"Message", v.Message}})
			for _, d := range v.Digests {
				fmt.Fprintf(w, "File:     %s %s\n", d.Path, d.SHA256)
			}
			if text, err := yaml.JSONToYAML(v.Config); err == nil {
				fmt.Fprintf(w, "\n%s", text)
			}
		})
	})
}

func diffCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "diff NAME A B",
		Short: "Compare two versions of a service",
		Long: `Compare two versions of a service, field by field: what version B adds (+),
removes (-) and changes (~) against version A.`,
		Example: "  sluice diff sentiment 2 3",
		Args:    takes("NAME", "A", "B"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		from, err := whole("A", args[1], 1)
		if err != nil {
			return err
		}
		to, err := whole("B", args[2], 1)
		if err != nil {
			return err
		}
		diff, err := c.Diff(ctx, args[0], from, to)
		if err != nil {
			return err
		}
		return s.show(diff, func(w io.Writer) {
			if len(diff.Changes) == 0 {
				fmt.Fprintf(w, "versions %d and %d do not differ\n", from, to)
			}
			for _, change := range diff.Changes {
				fmt.Fprintln(w, changeLine(change))
			}
		})
	})
}

func changeLine(c api.FieldChange) string {
	switch c.Op {
	case "add":
		return "+ " + c.Path + ": " + compact(c.To)
	case "remove":
		return "- " + c.Path + ": " + compact(c.From)
	}
	return "~ " + c.Path + ": " + compact(c.From) + " -> " + compact(c.To)
}

func compact(value json.RawMessage) string { return oneLine(string(value)) }

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
