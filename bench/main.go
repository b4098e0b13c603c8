// Command bench measures Sluice, one subcommand for each question, and puts
// what it finds beside the bars of the design and, for the gateway, beside peers
// in the same run: rounds are interleaved, so that a busy moment of the machine
// meets all of them, and ratios are taken round by round.
//
//	go run ./bench NAME [flags]      NAME -h shows its flags
//
// It prints a table, and with -json FILE writes every sample. A missed bar is
// said in the table and is not an error: figures are for reading, tests for
// judging. What it starts it ends, also after an error.
//
// Neighbours: it measures programs from outside (cmd/sluice as a process) and,
// where the design speaks of one part, that part (rollout.Decide, the
// controller, package sim). docs/benchmarks.md holds figures as measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"sluice.dev/sluice/internal/testserver"
)

// benchmark is one subcommand. Prepare declares its flags and returns what runs
// once they are read.
type benchmark struct {
	name, about string
	prepare     func(*flag.FlagSet) func(context.Context, *report) error
}

func benchmarks() []benchmark {
	return []benchmark{
		{"gateway", "requests through the gateway, a plain reverse proxy and nginx", gatewayFlags},
		{"rollout", "duration of a rollout against the shortest possible", rolloutFlags},
		{"decide", "one decision for 1 to 10,000 replicas", decideFlags},
		{"server", "time from the start of the server until it is ready", serverFlags},
		{"scale", "control plane with many services in a simulated runtime", scaleFlags},
		{"content", "hashing and keeping a large file, sha256sum and cp, and what they do to turns of the controller", contentFlags},
	}
}

func main() {
	if inChild() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// inChild does what the environment asks for and tells whether it asked: this
// program is also the backend, the load, the plain proxy and the replicas that
// it measures with.
func inChild() bool {
	testserver.MaybeRun()
	what, asked := os.LookupEnv(childVariable)
	if !asked {
		return false
	}
	if err := beChild(what, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench %s: %v\n", what, err)
		os.Exit(1)
	}
	return true
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return usage("name a benchmark")
	}
	for _, b := range benchmarks() {
		if b.name != args[0] {
			continue
		}
		flags := flag.NewFlagSet(b.name, flag.ContinueOnError)
		file := flags.String("json", "", "also write every sample to this file")
		measure := b.prepare(flags)
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		r := newReport(args)
		if err := measure(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		r.table(out)
		return r.write(*file)
	}
	return usage(fmt.Sprintf("%q is no benchmark", args[0]))
}

func usage(wrong string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; there are\n", wrong)
	for _, one := range benchmarks() {
		fmt.Fprintf(&b, "  go run ./bench %-8s  %s\n", one.name, one.about)
	}
	return fmt.Errorf("%s", strings.TrimRight(b.String(), "\n"))
}
