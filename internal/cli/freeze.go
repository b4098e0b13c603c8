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

func freezeCommand(s *session) *cobra.Command {
	var until, reason string
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "freeze NAME",
		Short: "Refuse changes of a service or a group for a while",
		Long: `Refuse changes of a service, or of a group and its members, for a while: whoever
tries is told the reason and ends with exit code 4. A pause, and the replacement
of a single replica, are still allowed.`,
		Example: "  sluice freeze sentiment-prod --until 2026-12-27T08:00:00Z --reason 'year end'\n  sluice freeze sentiment --for 2h --reason 'incident 17'",
		Args:    takes("NAME"),
	}
	cmd.Flags().StringVar(&until, "until", "", "when changes are allowed again, as 2026-12-27T08:00:00Z")
	cmd.Flags().DurationVar(&span, "for", 0, "or how long they are not, as 2h")
	cmd.Flags().StringVar(&reason, "reason", "", "what a refused change is told")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		at := time.Now().Add(span)
		switch {
		case (until == "") == (span == 0):
			return Usagef("give one of --until and --for")
		case span < 0:
			return Usagef("--for: %s: it is not in the future", span)
		case reason == "":
			return Usagef("--reason is missing; a refused change is told it")
		case until != "":
			var err error
			if at, err = time.Parse(time.RFC3339, until); err != nil {
				return Usagef("--until: %q is no time; 2026-12-27T08:00:00Z is how one is written", until)
			}
		}
		if err := c.Freeze(ctx, args[0], at, reason, client.Because(f.message)); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "changes of %s are refused until %s\n", args[0], at.Local().Format(time.DateTime))
		return nil
	})
}

func unfreezeCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:     "unfreeze NAME",
		Short:   "Allow changes of a service or a group again",
		Long:    "Allow changes of a service or a group again before its freeze has run out.",
		Example: "  sluice unfreeze sentiment-prod",
		Args:    takes("NAME"),
	}, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		if err := c.Unfreeze(ctx, args[0], client.Because(f.message)); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "changes of %s are allowed\n", args[0])
		return nil
	})
}

// frozenRows says of what is frozen until when, by whom and why.
func frozenRows(f *api.Freeze) [][2]string {
	if f == nil {
		return nil
	}
	return [][2]string{{"Frozen", oneLine(fmt.Sprintf("until %s by %s: %s", f.Until.Local().Format(time.DateTime), f.By, f.Reason))}}
}

// pauseAll is the stop button: pause --all.
func (s *session) pauseAll(ctx context.Context, c *client.Client, f *changeFlags) error {
	paused, err := c.PauseAll(ctx, client.Because(f.message))
	if err != nil {
		return err
	}
	return s.show(map[string][]string{"paused": paused}, func(w io.Writer) {
		if len(paused) == 0 {
			fmt.Fprintln(w, "nothing to pause: no rollout and no shift is in progress")
			return
		}
		fmt.Fprintln(w, "paused: "+strings.Join(paused, ", "))
	})
}
