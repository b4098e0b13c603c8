package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// changeFlags are those of a command that changes a service.
type changeFlags struct {
	message string
	wait    bool
	timeout time.Duration
	begun   time.Time // an update may be answered after its rollout has ended
}

func (f *changeFlags) add(cmd *cobra.Command, long bool) {
	cmd.Flags().StringVarP(&f.message, "message", "m", "", "why, for the record")
	if long {
		cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until the state asked for is reached, and exit accordingly")
		cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long --wait waits; 0 is for ever")
	}
}

// changeCommand makes a command that changes one service.
func changeCommand(s *session, cmd *cobra.Command, long bool, do func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error) *cobra.Command {
	flags := &changeFlags{}
	flags.add(cmd, long)
	cmd.GroupID = "change"
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = s.completeService
	}
	cmd.RunE = action(func(ctx context.Context, _ *cobra.Command, args []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		flags.begun = time.Now()
		return s.withToken(do(ctx, c, args, flags))
	})
	return cmd
}

// finish shows the answer to a change, after waiting for its goal if asked.
func (s *session) finish(ctx context.Context, c *client.Client, f *changeFlags, answer client.Answer, goal client.Goal) error {
	for _, warning := range answer.Warnings {
		fmt.Fprintln(s.err, "warning: "+oneLine(warning))
	}
	text := answer.Text
	if !answer.Changed {
		text = "nothing to change"
	}
	if !f.wait {
		return s.show(answer, func(w io.Writer) { fmt.Fprintln(w, text) })
	}
	if s.output == formatTable {
		fmt.Fprintln(s.out, text)
	}
	if f.begun.IsZero() {
		f.begun = time.Now()
	}
	end, err := s.wait(ctx, c, f.timeout, answer, goal)
	if err != nil {
		return err
	}
	if !end.Reached {
		if s.output != formatTable {
			if err := s.show(end.Service, nil); err != nil {
				return err
			}
		}
		return &otherwiseError{end.Text + nextStep(&end.Service)}
	}
	return s.show(end.Service, func(w io.Writer) {
		if end.Text != answer.Text {
			fmt.Fprintf(w, "%s (%s)\n", end.Text, span(time.Since(f.begun)))
		}
	})
}

// nextStep is what leads on from a failure.
func nextStep(s *api.Service) string {
	switch {
	case !rolling(s):
		return ""
	case s.Rollout.Reason == "gate":
		return fmt.Sprintf("\n`sluice resume %s` measures anew, `sluice plan rollback %s` goes back, `sluice plan set %s --no-gates` and a resume go on without", s.Name, s.Name, s.Name)
	case s.Rollout.Reason != "failure":
		return ""
	case s.Status == api.StatusFailed:
		return fmt.Sprintf("\n`sluice update %s` changes it, `sluice resume %s` tries again", s.Name, s.Name)
	}
	return fmt.Sprintf("\nwhat was ready serves on; `sluice rollback %s` goes back, `sluice resume %s` tries again", s.Name, s.Name)
}

func scaleCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "scale NAME N",
		Short: "Set the desired number of replicas",
		Long: `Set the desired number of replicas.

It acts at once, makes no version and no rollout, and is allowed while a rollout
is in progress or paused.`,
		Example: "  sluice scale sentiment 6 --wait",
		Args:    takes("NAME", "N"),
	}, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		n, err := whole("N", args[1], 0)
		if err != nil {
			return err
		}
		answer, err := c.Scale(ctx, args[0], n, client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Steady)
	})
}

func restartCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "restart NAME",
		Short: "Replace all replicas by others of the same version",
		Long: `Replace all replicas by others of the same version.

It is a rollout and follows the same bounds as an update. It is refused while
another rollout is in progress.`,
		Example: "  sluice restart sentiment --wait",
		Args:    takes("NAME"),
	}, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, err := c.Restart(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Rolled)
	})
}

func pauseCommand(s *session) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "pause NAME",
		Short: "Pause the rollout in progress",
		Long: `Pause the rollout in progress.

Old and new replicas go on serving in the numbers of this moment; one that
crashes is replaced in its own version. "sluice resume" lets it go on. --all
pauses every rollout and shift at once.`,
		Example: "  sluice pause sentiment -m 'latency looks odd'\n  sluice pause --all -m 'incident 17'",
		Args: func(cmd *cobra.Command, args []string) error {
			if all {
				return takes()(cmd, args)
			}
			return takes("NAME")(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every rollout and shift in progress")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		if all {
			return s.pauseAll(ctx, c, f)
		}
		answer, err := c.Pause(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Rolled)
	})
}

func resumeCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "resume NAME",
		Short: "Let a paused rollout go on",
		Long: `Let a paused rollout go on, whoever or whatever paused it.

After a failure it tries again: failed replicas are removed first and others are
started. Without a rollout it has failed replicas tried again.`,
		Example: "  sluice resume sentiment --wait",
		Args:    takes("NAME"),
	}, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, err := c.Resume(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, rolledIf(answer, api.RolloutRunning))
	})
}

func stopCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "stop NAME",
		Short: "End all replicas and keep the service",
		Long: `End all replicas and keep the service.

Requests in hand are finished first. A rollout in progress is paused; its mix of
versions is remembered and "sluice start" restores it.`,
		Example: "  sluice stop sentiment --wait",
		Args:    takes("NAME"),
	}, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, err := c.Stop(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Halted)
	})
}

func startCommand(s *session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "start NAME",
		Short: "Start a stopped service",
		Long: `Start a stopped service.

It comes back as it was, with the mix of a rollout that the stop paused, or with
the version that it was updated to while it was stopped.`,
		Example: "  sluice start sentiment --wait",
		Args:    takes("NAME"),
	}, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, err := c.Start(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, rolledIf(answer, api.RolloutRunning, api.RolloutPending))
	})
}

// rolledIf is Rolled when the rollout is in one of the phases, else Steady: what
// a start or a resume asks for depends on what it found.
func rolledIf(answer client.Answer, phases ...api.RolloutPhase) client.Goal {
	for _, phase := range phases {
		if answer.Rollout != nil && answer.Rollout.Phase == phase {
			return client.Rolled
		}
	}
	return client.Steady
}

func deleteCommand(s *session) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a service with all its versions",
		Long: `Delete a service with all its versions.

Requests in hand are finished first. It asks before it does so; --yes does not,
and is needed where nobody can be asked.`,
		Example: "  sluice delete sentiment --yes --wait",
		Args:    takes("NAME"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		if !yes {
			if err := s.confirmDelete(ctx, c, args[0]); err != nil {
				return err
			}
			f.begun = time.Now() // the answer took its time
		}
		answer, err := c.Delete(ctx, args[0], client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Gone)
	})
}

var errDeclined = errors.New("not deleted")

func (s *session) confirmDelete(ctx context.Context, c *client.Client, name string) error {
	if !terminal(s.in) {
		return Usagef("delete %s: standard input is no terminal, so nobody can be asked; --yes deletes without asking", name)
	}
	service, err := c.Service(ctx, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "Delete service %s, its %d replicas and %d versions? [y/N] ", name, service.Replicas.Live, service.LatestVersion)
	var answer string
	fmt.Fscanln(s.in, &answer) // nothing, or its end, is a no
	if answer != "y" && answer != "Y" && answer != "yes" {
		return errDeclined
	}
	return nil
}
