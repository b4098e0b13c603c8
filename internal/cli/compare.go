package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
)

func compareTrafficCommand(s *session) *cobra.Command {
	var window time.Duration
	cmd := &cobra.Command{
		Use:   "compare-traffic GROUP",
		Short: "Set the members of a group side by side",
		Long: `Set the members of a group side by side: requests, errors and latency of each in
the same window, and what gates make of them against the member with the largest
share.`,
		Example: "  sluice compare-traffic sentiment-prod --window 5m",
		Args:    takes("GROUP"),
	}
	cmd.Flags().DurationVar(&window, "window", time.Minute, "how long, up to now: 10s to 5m")
	cmd = lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if window < 10*time.Second || window > 5*time.Minute {
			return Usagef("--window: %s: 10s to 5m is allowed", window)
		}
		v, err := c.CompareTraffic(ctx, args[0], window)
		if err != nil {
			return err
		}
		return s.show(v, func(w io.Writer) {
			rows := [][]string{{"MEMBER", "SHARE", "MEASURED", "REQUESTS", "ERRORS", "P50", "P95", "P99"}}
			for _, m := range v.Members {
				measured := "-"
				if m.Measured != nil {
					measured = percent(*m.Measured)
				}
				rows = append(rows, []string{m.Service, percent(m.Share), measured, fmt.Sprint(m.Requests), fmt.Sprint(m.Errors),
					seconds(m.P50), seconds(m.P95), seconds(m.P99)})
			}
			table(w, rows...)
			fmt.Fprintf(w, "\nin the last %s, against %s\n", span(time.Duration(v.Seconds*float64(time.Second))), v.Reference)
			for _, m := range v.Members {
				for _, r := range m.Results {
					fmt.Fprintf(w, "%s: %s says %s: %s\n", m.Service, r.Gate, r.Outcome, oneLine(r.Message))
				}
			}
		})
	})
	cmd.ValidArgsFunction = s.completeGroup
	return cmd
}

func seconds(v float64) string {
	if v == 0 {
		return "-"
	}
	return time.Duration(v * float64(time.Second)).Round(10 * time.Microsecond).String()
}
