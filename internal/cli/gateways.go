package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func gatewaysCommand(s *session) *cobra.Command {
	var replicas bool
	cmd := lookCommand(s, &cobra.Command{
		Use:   "gateways [NAME]",
		Short: "Show the gateways and what they have in hand",
		Long: `Show the gateways that the server waits for: what each does with callers, how
many requests, streams and tunnels it has in hand, how old the oldest is, and
whether it has the newest routing table.

--replicas shows what is in hand for each replica that drains or has requests,
since when it drains, and when what is left is cut; with NAME for all replicas
of that service.`,
		Example: `  sluice gateways
  sluice gateways --replicas
  sluice gateways sentiment`,
		Args: cobra.MaximumNArgs(1),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		view, err := c.Gateways(ctx, strings.Join(args, ""))
		if err != nil {
			return err
		}
		return s.show(view, func(w io.Writer) {
			if replicas || len(args) > 0 {
				loadTable(w, view.Replicas)
				return
			}
			gatewayTable(w, view)
		})
	})
	cmd.Flags().BoolVar(&replicas, "replicas", false, "show what is in hand for each replica")
	return cmd
}

func gatewayTable(w io.Writer, view api.GatewayView) {
	rows := [][]string{{"ID", "PID", "LISTEN", "STATE", "CONNECTED", "TABLE", "IN FLIGHT", "OLDEST", "SEEN"}}
	for _, g := range view.Gateways {
		connected, table := "yes", "newest"
		if !g.Connected {
			connected = "no"
		}
		if g.Acked != view.Revision {
			table = fmt.Sprintf("%d behind", view.Revision-g.Acked)
			if g.Acked == 0 {
				table = "none yet"
			}
		}
		rows = append(rows, []string{g.ID, strconv.Itoa(g.Pid), g.Listen, string(g.State), connected, table,
			strconv.Itoa(g.InFlight), secondsOf(g.Oldest), ageOf(&g.SeenAt)})
	}
	table(w, rows...)
}

func loadTable(w io.Writer, list []api.ReplicaLoad) {
	if len(list) == 0 {
		fmt.Fprintln(w, "nothing is in hand, and no replica drains")
		return
	}
	rows := [][]string{{"REPLICA", "VERSION", "PHASE", "IN FLIGHT", "OLDEST", "DRAINS FOR", "CUT IN", "GATEWAYS"}}
	for _, r := range list {
		cut := ""
		if r.Deadline != nil {
			cut = max(0, time.Until(r.Deadline.Time).Round(time.Second)).String()
		}
		rows = append(rows, []string{r.Replica, strconv.Itoa(r.Version), string(r.Phase), strconv.Itoa(r.InFlight), secondsOf(r.Oldest),
			ageOf(r.DrainingSince), cut, strings.Join(r.Gateways, ",")})
	}
	table(w, rows...)
}

// secondsOf writes an age: 250ms, 12s, 1m5s.
func secondsOf(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	d := time.Duration(*seconds * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
