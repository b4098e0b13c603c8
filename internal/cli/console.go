package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// mostHours is how long a link may be shared: a session lasts no longer.
const mostHours = 168

func consoleCommand(s *session) *cobra.Command {
	var share, unshare bool
	var hours int
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Print a link that opens the web console",
		Long: `Print a link that opens the web console, logged in with your token: the page
never sees the token. The link logs one browser in, within five minutes.

With --share, the link is for others: many may open it, 50 at a time, until its
hours are over. They look at everything that a viewer may look at, under the
name "shared by" and yours, and change nothing. What they have open ends with the
hours, with --unshare, and when your token is revoked.`,
		Example: "  sluice console\n  sluice console --share --hours 8\n  sluice console --unshare",
		Args:    takes(),
	}
	cmd.Flags().BoolVar(&share, "share", false, "make a link for others, who look and change nothing")
	cmd.Flags().IntVar(&hours, "hours", 24, "how long a shared link is good: 1 to 168")
	cmd.Flags().BoolVar(&unshare, "unshare", false, "end all links that you have shared, and what was opened with them")
	cmd = accessCommand(s, cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		switch {
		case unshare && (share || cmd.Flags().Changed("hours")):
			return Usagef("--unshare ends links; leave out --share and --hours")
		case unshare:
			return s.unshare(ctx, c)
		case !share && cmd.Flags().Changed("hours"):
			return Usagef("--hours is about a shared link; add --share")
		case hours < 1 || hours > mostHours:
			return Usagef("--hours: %d: 1 to %d are allowed", hours, mostHours)
		}
		return s.link(ctx, c, share, hours)
	})
	cmd.GroupID = "look"
	return cmd
}

func (s *session) link(ctx context.Context, c *client.Client, share bool, hours int) error {
	ask := c.ConsoleLink
	if share {
		ask = func(ctx context.Context) (api.ConsoleLink, error) { return c.ShareConsole(ctx, hours) }
	}
	link, err := ask(ctx)
	if err != nil {
		return err
	}
	return s.show(link, func(w io.Writer) {
		fmt.Fprintln(w, link.URL)
		until := link.ExpiresAt.Local().Format(time.DateTime)
		if share {
			fmt.Fprintf(s.err, "good until %s, for everybody who has it; who opens it looks and changes nothing\n", until)
			return
		}
		fmt.Fprintf(s.err, "good once, until %s, with the role %s\n", until, link.Role)
	})
}

func (s *session) unshare(ctx context.Context, c *client.Client) error {
	n, err := c.UnshareConsole(ctx)
	if err != nil {
		return err
	}
	return s.show(map[string]int{"links": n}, func(w io.Writer) {
		if n == 1 {
			fmt.Fprintln(w, "1 shared link has ended")
			return
		}
		fmt.Fprintf(w, "%d shared links have ended\n", n)
	})
}
