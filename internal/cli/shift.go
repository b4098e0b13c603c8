package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// shiftFlags are those of a shift.
type shiftFlags struct {
	steps, interval, file string
	maxLoad               float64
	scale                 bool
	waiting
}

// waiting are the flags of waiting for something that is no rollout.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) add(f *pflag.FlagSet) {
	f.BoolVar(&w.wait, "wait", false, "wait until it has ended, and exit accordingly")
	f.DurationVar(&w.timeout, "timeout", time.Hour, "how long --wait waits; 0 is for ever")
}

func shiftCommand(s *session) *cobra.Command {
	flags := &shiftFlags{}
	cmd := &cobra.Command{
		Use:   "shift NAME",
		Short: "Shift a group's traffic gradually to one member",
		Long: `Shift a group's traffic gradually to one member, in steps: percentages of the
group's requests, the rest stays with the others in their proportion.

No step gives a replica more than --max-load times what one carried before: until
enough are ready it waits and says for what, or, with --scale, has the member
scaled up. --file gives the same as JSON or YAML, and gates, which each step must
pass. "sluice group" shows how far it is; aborting goes back to the split before.`,
		Example: `  sluice shift sentiment-next --steps 1,5,25,50,100 --interval 5m --scale
  sluice shift pause sentiment-next
  sluice shift abort sentiment-next`,
		Args: takes("NAME"),
	}
	f := cmd.Flags()
	f.StringVar(&flags.steps, "steps", "", "percentages of the group's traffic, ascending (default 1,5,25,50,100)")
	f.StringVar(&flags.interval, "interval", "", "from when a step is carried to the next: 90s, 5m (the default), 1h")
	f.Float64Var(&flags.maxLoad, "max-load", 0, "what a replica may be given, times what one carried before (default 1.25)")
	f.BoolVar(&flags.scale, "scale", false, "scale the member up to what a step needs")
	f.StringVarP(&flags.file, "file", "f", "", "a shift as JSON or YAML, - for standard input; the other flags count over it")
	flags.waiting.add(f)
	cmd = changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, why *changeFlags) error {
		ch, err := s.shiftOf(f.Changed, flags)
		if err != nil {
			return err
		}
		answer, err := c.ChangeShift(ctx, args[0], ch, client.Because(why.message))
		if err != nil {
			return err
		}
		if !flags.wait {
			return s.finish(ctx, c, why, answer, client.Steady)
		}
		fmt.Fprintln(s.err, answer.Text)
		return s.waitFor(ctx, flags.timeout, func(ctx context.Context) (string, error) {
			v, err := c.Shift(ctx, args[0])
			return shiftLine(&v), ended(err, v.Phase.Ended(), v.Phase == api.ShiftCompleted, shiftLine(&v))
		})
	})
	cmd.AddCommand(shiftShowCommand(s), shiftPauseCommand(s, true), shiftPauseCommand(s, false), shiftAbortCommand(s))
	return cmd
}

// shiftOf reads the flags of a shift.
func (s *session) shiftOf(given func(flag string) bool, flags *shiftFlags) (ch api.ShiftChange, err error) {
	if flags.file != "" {
		data, err := s.readAll(flags.file)
		if err != nil {
			return ch, err
		}
		if ch, err = api.ParseShiftChange(data); err != nil {
			return ch, Usagef("%s: %v", flags.file, err)
		}
	}
	if given("steps") {
		if ch.Steps, err = percentages(flags.steps); err != nil {
			return ch, err
		}
	}
	if given("interval") {
		i, err := api.ParseInterval(flags.interval)
		if err != nil {
			return ch, Usagef("--interval: %v", err)
		}
		ch.Interval = &i
	}
	if given("max-load") {
		ch.MaxLoad = &flags.maxLoad
	}
	if given("scale") {
		ch.Scale = &flags.scale
	}
	if err := ch.Check(); err != nil {
		return ch, Usagef("%v", err)
	}
	return ch, nil
}

func percentages(text string) (list []int, err error) {
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(word), "%"))
		if err != nil {
			return nil, Usagef("--steps: %q: percentages separated by commas are allowed, as 1,5,25,50,100", text)
		}
		list = append(list, n)
	}
	return list, nil
}

// shiftLine is how far a shift is, in one line.
func shiftLine(v *api.Shift) string {
	line := fmt.Sprintf("shift to %s %s at %d%%", v.To, v.Phase, v.Percent)
	switch {
	case v.Message != "":
		line += ": " + v.Message
	case v.WaitingFor != "":
		line += "; waiting for " + v.WaitingFor
	}
	if v.NextStepAt != nil {
		line += ", not before " + v.NextStepAt.Local().Format(time.TimeOnly)
	}
	return oneLine(line)
}

// errGoesOn tells waitFor to go on.
var errGoesOn = errors.New("it goes on")

// ended is how waiting goes on after a look.
func ended(err error, over, well bool, text string) error {
	switch {
	case err != nil:
		return err
	case !over:
		return errGoesOn
	case !well:
		return &otherwiseError{text}
	}
	return nil
}

// waitFor looks twice a second until there is an end, and tells what is new.
func (s *session) waitFor(ctx context.Context, timeout time.Duration, look func(ctx context.Context) (string, error)) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	last := ""
	for {
		line, err := look(ctx)
		if line != last && (err == nil || errors.Is(err, errGoesOn)) {
			last = line
			fmt.Fprintln(s.err, line)
		}
		if !errors.Is(err, errGoesOn) {
			return err
		}
		select {
		case <-ctx.Done():
			return &unfinishedError{fmt.Sprintf("%s; it goes on: %s", context.Cause(ctx), line)}
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func shiftShowCommand(s *session) *cobra.Command {
	cmd := lookCommand(s, &cobra.Command{
		Use:     "show NAME",
		Short:   "Show the shift to a member",
		Long:    "Show the shift to a member: the one in progress, or the last one.",
		Example: "  sluice shift show sentiment-next",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		v, err := c.Shift(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(v, func(w io.Writer) { fmt.Fprintln(w, shiftLine(&v)) })
	})
	cmd.GroupID = ""
	return cmd
}

func shiftPauseCommand(s *session, paused bool) *cobra.Command {
	name, short := "pause", "Pause a shift: the weights in force stay"
	if !paused {
		name, short = "resume", "Let a paused shift go on"
	}
	cmd := changeCommand(s, &cobra.Command{
		Use:     name + " NAME",
		Short:   short,
		Long:    short + ". Its countdown stands still meanwhile.",
		Example: "  sluice shift " + name + " sentiment-next",
		Args:    takes("NAME"),
	}, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		answer, err := c.ChangeShift(ctx, args[0], api.ShiftChange{Paused: &paused}, client.Because(flags.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, flags, answer, client.Steady)
	})
	cmd.GroupID = ""
	return cmd
}

func shiftAbortCommand(s *session) *cobra.Command {
	cmd := changeCommand(s, &cobra.Command{
		Use:   "abort NAME",
		Short: "Go back to the split from before a shift",
		Long: `Go back to the split from before a shift, at once, whatever the load. Replicas
that the shift asked for go too.`,
		Example: "  sluice shift abort sentiment-next",
		Args:    takes("NAME"),
	}, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		answer, err := c.AbortShift(ctx, args[0], client.Because(flags.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, flags, answer, client.Steady)
	})
	cmd.GroupID = ""
	return cmd
}
