package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func mirrorCommand(s *session) *cobra.Command {
	m := api.Mirror{}
	var off bool
	cmd := &cobra.Command{
		Use:   "mirror NAME",
		Short: "Copy a share of a service's requests to another service",
		Long: `Copy a share of a service's requests to another service. The copies' answers are
thrown away but measured; no caller waits for one, and none fails with one. Large
bodies, streams and gRPC are not copied.`,
		Example: "  sluice mirror sentiment --to sentiment-next --ratio 10\n  sluice mirror sentiment --off",
		Args:    takes("NAME"),
	}
	f := cmd.Flags()
	f.StringVar(&m.To, "to", "", "the service that gets the copies")
	f.IntVar(&m.Ratio, "ratio", 100, "how many of a hundred requests are copied")
	f.BoolVar(&off, "off", false, "copy no more")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		to := &m
		if off {
			to = nil
		} else if err := m.Check(); err != nil {
			return Usagef("%v", err)
		}
		answer, err := c.SetMirror(ctx, args[0], to, client.Because(flags.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, flags, answer, client.Steady)
	})
}
