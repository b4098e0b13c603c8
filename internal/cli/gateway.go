package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
)

// gatewayRestartCommand goes below `gateway`, which is not of this package.
func gatewayRestartCommand(s *session) *cobra.Command {
	return accessCommand(s, &cobra.Command{
		Use:   "restart",
		Short: "Restart the server's gateway without losing a request",
		Long: `Have another process take over from the gateway that the server started: after
an update of the program, or a change of its settings in server.yaml and a
restart of the server.

Both hold the listening socket until the new one has the routing table, so that
no connect is refused. The old one answers what it has in hand, tells callers to
connect anew, and ends with its last stream or WebSocket, after an hour at the
latest (gateway.retire_seconds). Drains wait for both.`,
		Example: "  sluice gateway restart",
		Args:    takes(),
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := c.RestartGateway(ctx)
		if err != nil {
			return err
		}
		return s.show(r, func(w io.Writer) {
			fmt.Fprintf(w, "gateway %s (process %d) has taken over on %s; %s (process %d) ends when what it has in hand has ended\n",
				r.ID, r.Pid, r.Listen, r.Before, r.PidBefore)
		})
	})
}
