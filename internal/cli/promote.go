package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func promoteCommand(s *session) *cobra.Command {
	var into []string
	var keep int
	var maxLoad float64
	var scale, abort bool
	var w waiting
	cmd := &cobra.Command{
		Use:   "promote NAME",
		Short: "Make a canary's version the version of its group",
		Long: `Make a canary's version the version of the other members of its group: they are
updated by rolling updates, under their plans if they have any; traffic goes back
to them as far as their ready replicas carry it; then the canary is scaled to what
it keeps. It goes on by itself, also after the control plane was away. Given again
while it is in progress, it makes updates that failed once more.`,
		Example: "  sluice promote sentiment-next --wait\n  sluice promote sentiment-next --into sentiment --keep 1",
		Args:    takes("NAME"),
	}
	f := cmd.Flags()
	f.StringSliceVar(&into, "into", nil, "the services to update (default the only other one that is grouping)")
	f.IntVar(&keep, "keep", 0, "replicas that the canary keeps at the end")
	f.Float64Var(&maxLoad, "max-load", 0, "what a replica may be given while traffic moves, times what one carried before (default 1.25)")
	f.BoolVar(&scale, "scale", true, "scale the others up to what their traffic needs")
	f.BoolVar(&abort, "abort", false, "end the promotion in progress where it stands")
	w.add(f)
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		because := client.Because(flags.message)
		if abort {
			answer, err := c.AbortPromotion(ctx, args[0], because)
			if err != nil {
				return err
			}
			return s.finish(ctx, c, flags, answer, client.Steady)
		}
		ch := api.PromoteChange{Into: into}
		if f.Changed("keep") {
			ch.Keep = &keep
		}
		if f.Changed("max-load") {
			ch.MaxLoad = &maxLoad
		}
		if f.Changed("scale") {
			ch.Scale = &scale
		}
		if err := ch.Check(); err != nil {
			return Usagef("%v", err)
		}
		answer, err := c.Promote(ctx, args[0], ch, because)
		if err != nil {
			return err
		}
		if !w.wait {
			return s.finish(ctx, c, flags, answer, client.Steady)
		}
		fmt.Fprintln(s.err, answer.Text)
		return s.waitFor(ctx, w.timeout, func(ctx context.Context) (string, error) {
			v, err := c.Promotion(ctx, args[0])
			return promotionLine(&v), ended(err, v.Phase != api.PromotionRunning, v.Phase == api.PromotionCompleted, promotionLine(&v))
		})
	})
}

func promotionLine(v *api.Promotion) string {
	line := fmt.Sprintf("promotion of %s %s", v.Canary, v.Phase)
	switch {
	case v.Message != "":
		line += ": " + v.Message
	case v.WaitingFor != "":
		line += "; waiting for " + v.WaitingFor
	}
	return oneLine(line)
}

func abandonCommand(s *session) *cobra.Command {
	var stop bool
	cmd := &cobra.Command{
		Use:   "abandon NAME",
		Short: "Take a canary out of its group's traffic",
		Long: `Take a canary out of its group's traffic at once: the others get its share, and a
shift to it is aborted. With --stop its replicas end too, after what they have in
hand. It is refused when no other member is ready.`,
		Example: "  sluice abandon sentiment-next --stop",
		Args:    takes("NAME"),
	}
	cmd.Flags().BoolVar(&stop, "stop", false, "end its replicas too")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		answer, err := c.Abandon(ctx, args[0], stop, client.Because(flags.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, flags, answer, client.Steady)
	})
}
