package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/examples/digits/server"
)

// signals are what ends the demo, in order. SIGHUP is the terminal's end.
var signals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// Command is `sluice demo`, with the hidden command that runs a replica.
// executable is this program; the demo copies it.
func Command(executable string) *cobra.Command {
	var keep, hurry bool
	output := table
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a model being released under real traffic, on this machine",
		Long: `Run the whole story of a release on this machine, in about half a minute.

In a temporary directory it starts a server, its gateway and four replicas of a
small model server, and keeps real requests coming and streams open. Meanwhile it
updates the model to a better version, tries one whose file is broken, rolls
back, and tries one that answers some requests with errors, which a gate takes
back at the first replica. At the end a table says what callers saw; the exit
code is not 0 if one request was lost or one stream cut.

It needs nothing and leaves nothing behind, also after Ctrl-C. --keep leaves
everything running and says what to try next.`,
		Example: `  sluice demo
  sluice demo --keep
  sluice demo -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), signals...)
			defer stop()
			pace := unhurried
			if hurry {
				pace = brief
			}
			return run(ctx, options{executable, keep, pace, output, cmd.OutOrStdout(), cmd.ErrOrStderr()})
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave everything running, and say what to try next")
	cmd.Flags().VarP(&output, "output", "o", "how the result is written: table, json or yaml")
	cmd.Flags().BoolVar(&hurry, "brief", false, "every step as short as it can be, for tests")
	_ = cmd.Flags().MarkHidden("brief")
	cmd.AddCommand(modelServer())
	return cmd
}

// modelServer runs one replica. It ends the process itself: its exit code and
// its last line are what Sluice shows of a replica that failed.
func modelServer() *cobra.Command {
	return &cobra.Command{
		Use:                "model-server",
		Short:              "Serve a model of the demo, as one replica",
		Hidden:             true,
		DisableFlagParsing: true,
		Run: func(cmd *cobra.Command, args []string) {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			os.Exit(server.Run(ctx, args, os.Getenv, cmd.ErrOrStderr()))
		},
	}
}

type options struct {
	executable string
	keep       bool
	pace       pace
	format     format
	out, log   io.Writer // the result; everything else
}

// run tells the story, cleans up, and prints the result.
func run(ctx context.Context, o options) error {
	show := newDisplay(o.log)
	box, err := newSandbox(o.executable, o.pace.minReady)
	if box == nil {
		return err
	}
	s := &story{box: box, pace: o.pace, show: show, tally: newTally(time.Now), began: time.Now(), result: &Result{minReady: o.pace.minReady, Problems: []string{}, Phases: []PhaseResult{}, Rollouts: []RolloutResult{}}}
	if err == nil {
		show.say(greeting(box.dir, o.keep))
		err = s.tell(ctx)
	}
	if ctx.Err() != nil {
		show.say("interrupted: everything is being ended")
		if err := box.end(); err != nil {
			return fmt.Errorf("the demo was interrupted: %w", err)
		}
		return errors.New("the demo was interrupted; nothing of it is left")
	}
	if err != nil {
		s.result.problem("%v", err)
		show.say(box.log())
	}
	if o.keep && box.serves() {
		s.result.Kept = box.kept()
	} else if err := box.end(); err != nil {
		s.result.problem("%v", err)
	}
	s.result.conclude()
	show.say("")
	err = s.result.print(o)
	if k := s.result.Kept; k != nil {
		show.say("\n" + k.next())
	}
	return err
}

func greeting(dir string, keep bool) string {
	fate := "removed at the end, also after Ctrl-C"
	if keep {
		fate = "kept, as --keep says"
	}
	return "A release under real traffic, in " + dir + "\n(" + fate + ")"
}
