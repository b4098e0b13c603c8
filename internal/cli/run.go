package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Options are what the command line is run with.
type Options struct {
	Version string // of the program
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Commands are added to those of this package. Their errors end in the same
	// exit codes: see Usagef and ExitCode.
	Commands []*cobra.Command
}

// Run runs one command and returns the exit code.
func Run(ctx context.Context, o Options) int {
	root, started := newRoot(o)
	root.SetArgs(append([]string{}, o.Args...)) // never nil, which means os.Args
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !*started {
		err = &usageError{fmt.Errorf("%w\nsee `%s --help`", trimmed(err), cmd.CommandPath())}
	}
	if err != nil {
		fmt.Fprintln(o.Stderr, "sluice: "+explain(err))
	}
	return ExitCode(err)
}

// New makes the whole tree of commands, for documentation and tests; Run runs it.
func New(o Options) *cobra.Command {
	root, _ := newRoot(o)
	return root
}

// newRoot also gives a flag that tells errors of a command from errors in how it
// was written: it is set once flags and arguments have been accepted.
func newRoot(o Options) (root *cobra.Command, started *bool) {
	started = new(bool)
	s := &session{in: o.Stdin, out: o.Stdout, err: o.Stderr}
	root = &cobra.Command{
		Use:   "sluice",
		Short: "Release changes to inference services without losing a request",
		Long: `Sluice releases changes to inference services without losing a request.

"sluice server" runs the control plane; all other commands talk to it. A service
is described by a service file; each change of it is a version, and a rollout
brings the replicas from one version to the next while requests go on.

Exit codes: 0 the state that the command asked for is reached; 1 time is up, or
Sluice itself could not do it; 2 wrong usage or an invalid file; 3 not found;
4 refused; 5 it ended otherwise: paused by a failure, superseded, rolled back.`,
		Example: `  sluice create -f service.yaml --wait
  sluice update sentiment --set model_path=models/v2 --wait
  sluice rollback sentiment --wait`,
		Version:           o.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRun:  func(*cobra.Command, []string) { *started = true },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(o.Stdin)
	root.SetOut(o.Stdout)
	root.SetErr(o.Stderr)
	root.SetVersionTemplate("sluice {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	s.flags(root)
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run Sluice:"},
		&cobra.Group{ID: "change", Title: "Change a service:"},
		&cobra.Group{ID: "look", Title: "Look at services:"},
		&cobra.Group{ID: "access", Title: "Say who may do what:"},
	)
	root.AddCommand(
		createCommand(s), updateCommand(s), applyCommand(s), scaleCommand(s), restartCommand(s), pauseCommand(s), resumeCommand(s),
		stopCommand(s), startCommand(s), rollbackCommand(s), pinCommand(s), unpinCommand(s), planCommand(s), releaseCommand(s), shiftCommand(s), promoteCommand(s), abandonCommand(s), mirrorCommand(s), freezeCommand(s), unfreezeCommand(s), importCommand(s), verifyCommand(s), deleteCommand(s))
	root.AddCommand(
		previewCommand(s), listCommand(s), describeCommand(s), groupsCommand(s), groupCommand(s), compareTrafficCommand(s), statusCommand(s), replicasCommand(s), gatewaysCommand(s), eventsCommand(s), logsCommand(s),
		versionsCommand(s), versionCommand(s), diffCommand(s), exportCommand(s), preflightCommand(s), artifactsCommand(s), historyCommand(s))
	root.AddCommand(tokenCommand(s), auditCommand(s), consoleCommand(s))
	for _, cmd := range o.Commands {
		if cmd.GroupID == "" {
			cmd.GroupID = "run"
		}
		if cmd.Name() == "gateway" {
			cmd.AddCommand(gatewayRestartCommand(s))
		}
		root.AddCommand(cmd)
	}
	return root, started
}

// action runs a command of this package: Ctrl-C or SIGTERM ends its context.
func action(do func(ctx context.Context, cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return do(ctx, cmd, args)
	}
}
