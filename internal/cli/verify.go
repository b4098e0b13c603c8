package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
	"sluice.dev/sluice/internal/verify"
)

// verification is what `sluice verify` was given.
type verification struct {
	options verify.Options
	update  update
	headers []string
	data    string
	body    string
	message string

	changes, watchOnly bool
}

func verifyCommand(s *session) *cobra.Command {
	v := &verification{}
	cmd := &cobra.Command{
		Use:   "verify NAME [--update -f FILE | --update --set PATH=VALUE | --watch-only]",
		Short: "Prove that a release of a service loses no request",
		Long: `Prove that a release of a service loses no request: keep a steady load on its
endpoint while it is restarted, and count what became of every request. With
--update it is updated instead, with --watch-only nothing is changed.

The load begins 5 s before the release and goes on until the last old replica is
gone, and then for a tail. Nothing is released when requests are lost before, or
when the service does not keep up. The requests are real ones: choose one that
does no harm.

A request is lost without an answer or with a status of 400 or above, cut when
its answer broke off or outlasted --timeout, and late when it took longer than
--late. Requests go to the endpoint that the service reports and nowhere else;
redirects are not followed. Each has an X-Request-Id of its own. Whether one ran
twice can only be told from a file to which the service itself appends a line
with the id of each request that it runs: --ids-file names it. A service with a
token needs --header "Authorization: TOKEN".

Exit codes: 0 none lost or cut, none run twice, and the release ended as it
should; 1 otherwise; 3 no such service; 4 refused; 5 none lost or cut, but the
release ended otherwise, or there was nothing to release.`,
		Example: `  sluice verify sentiment --path /v2/health/ready
  sluice verify sentiment --path /predict -d '{"text": "good"}' --header 'Content-Type: application/json'
  sluice verify sentiment --path /predict --body request.json --update --set model_path=models/v2
  sluice verify sentiment --watch-only --duration 2m -o json`,
		Args:              takes("NAME"),
		GroupID:           "change",
		ValidArgsFunction: s.completeService,
	}
	v.flags(cmd)
	cmd.RunE = action(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if v.watchOnly && !cmd.Flags().Changed("duration") {
			v.options.Limit = time.Minute
		}
		if !cmd.Flags().Changed("method") && (v.data != "" || v.body != "") {
			v.options.Method = http.MethodPost
		}
		return v.run(ctx, s, args[0])
	})
	return cmd
}

func (v *verification) flags(cmd *cobra.Command) {
	f, o := cmd.Flags(), &v.options
	f.BoolVar(&v.changes, "update", false, "update the service, by -f or --set or both, instead of restarting it")
	fileFlag(cmd, &v.update.path, "with --update: a service file, or the part of one that changes")
	f.StringArrayVar(&v.update.sets, "set", nil, "with --update: set one value, PATH=VALUE; may be given more than once")
	f.BoolVar(&v.watchOnly, "watch-only", false, "change nothing: only send and count, for --duration")
	f.StringVarP(&v.message, "message", "m", "sluice verify", "why, for the record")

	f.StringVar(&o.Path, "path", "", "what is asked for, behind the service's endpoint")
	f.StringVar(&o.Method, "method", http.MethodGet, "the HTTP method; POST when there is a body")
	f.StringVar(&v.body, "body", "", "a file with the body of each request")
	f.StringVarP(&v.data, "body-text", "d", "", "the body of each request")
	f.StringArrayVar(&v.headers, "header", nil, "a header of each request, \"Name: value\"; may be given more than once")

	f.Float64Var(&o.Rate, "rate", 20, "requests a second, at most 1000")
	f.IntVar(&o.Callers, "concurrency", 16, "how many requests may be in hand at a time")
	f.DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long a request may take, to the end of its answer")
	f.DurationVar(&o.Limit, "duration", verify.MaxLimit, "how long it may take, at most 10m; with --watch-only, how long it takes (default 1m then)")
	f.DurationVar(&o.Before, "before", 5*time.Second, "how long the load goes on before the release")
	f.DurationVar(&o.Tail, "tail", 3*time.Second, "how long the load goes on after the end of the last old replica")
	f.DurationVar(&o.Late, "late", 0, "what takes longer is late (default 3 times the p99 before the release, at least 100ms)")
	f.StringVar(&o.IDsFile, "ids-file", "", "a file to which the service appends the X-Request-Id of each request it runs, one a line")
	f.BoolVar(&o.AllowRemote, "allow-remote", false, "send the load although the endpoint is not on this machine")
}

func (v *verification) run(ctx context.Context, s *session, name string) error {
	if err := v.read(s); err != nil {
		return err
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	report, err := verify.Run(ctx, c, name, v.options, v.plan(s, c, name), func(line string) { fmt.Fprintln(s.err, oneLine(line)) })
	if v.update.file != nil {
		err = v.update.file.blame(err)
	}
	if report == nil {
		return s.withToken(err)
	}
	if shown := s.show(report, func(w io.Writer) { verifyTable(w, report) }); shown != nil {
		return shown
	}
	if err != nil {
		return s.withToken(err)
	}
	return verdict(report)
}

// read checks the flags and reads the files.
func (v *verification) read(s *session) error {
	switch {
	case v.changes && v.watchOnly:
		return Usagef("--update changes the service and --watch-only does not: give one of them")
	case !v.changes && (v.update.path != "" || len(v.update.sets) > 0):
		return Usagef("-f and --set say what --update changes: give --update too")
	case v.changes && v.update.path == "" && len(v.update.sets) == 0:
		return Usagef("--update: say what to change: -f FILE, --set PATH=VALUE, or both")
	case v.body != "" && v.data != "":
		return Usagef("--body and --body-text are both the body: give one of them")
	}
	v.options.Body = []byte(v.data)
	if v.body != "" {
		var err error
		if v.options.Body, err = os.ReadFile(v.body); err != nil {
			return Usagef("--body: %w", err)
		}
	}
	v.options.Header = http.Header{}
	for _, h := range v.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return Usagef("--header %q: it is written \"Name: value\"", h)
		}
		v.options.Header.Add(name, strings.TrimSpace(value))
	}
	if file, from := s.authority(); file != "" {
		var err error
		if v.options.TLS, err = client.TrustedBy(file); err != nil {
			return Usagef("%s: %w", from, err)
		}
	}
	if err := v.options.Check(); err != nil {
		return Usagef("%w", err)
	}
	return nil
}

func (v *verification) plan(s *session, c *client.Client, name string) verify.Release {
	switch {
	case v.watchOnly:
		return verify.Release{}
	case v.changes:
		return verify.Release{What: "update", Do: func(ctx context.Context) (client.Answer, error) {
			return v.update.run(ctx, s, c, name, &changeFlags{message: v.message})
		}}
	}
	return verify.Release{What: "restart", Do: func(ctx context.Context) (client.Answer, error) {
		return c.Restart(ctx, name, client.Because(v.message))
	}}
}

// verdict is the error for what was found.
func verdict(r *verify.Report) error {
	switch {
	case r.OK:
		return nil
	case r.Release != nil && !r.Release.Reached && len(r.Problems) == 1:
		return &otherwiseError{r.Problems[0]}
	}
	return errors.New(strings.Join(r.Problems, "\n"))
}

func verifyTable(w io.Writer, r *verify.Report) {
	ms := func(v float64) string { return fmt.Sprintf("%.1f ms", v) }
	rows := [][]string{{"PHASE", "TIME", "SENT", "LOST", "CUT", "LATE", "P50", "P99"}}
	for _, p := range r.Phases {
		rows = append(rows, []string{p.Name, fmt.Sprintf("%.1f s", p.Seconds), fmt.Sprint(p.Sent), fmt.Sprint(p.Lost), fmt.Sprint(p.Cut), fmt.Sprint(p.Late), ms(p.P50), ms(p.P99)})
	}
	table(w, rows...)
	fmt.Fprintln(w)
	rows = [][]string{{"VERSION", "ANSWERS", "LATE", "P50", "P99"}}
	for _, a := range r.Versions {
		rows = append(rows, []string{fmt.Sprint(a.Version), fmt.Sprint(a.Answers), fmt.Sprint(a.Late), ms(a.P50), ms(a.P99)})
	}
	table(w, rows...)
	if len(r.Faults) > 0 {
		fmt.Fprintln(w)
		for _, fault := range r.Faults {
			fmt.Fprintln(w, oneLine(fault))
		}
	}
	fmt.Fprintln(w)
	if r.Release != nil {
		fmt.Fprintf(w, "%s: %s (%s)\n", r.Release.What, oneLine(r.Release.Text), span(time.Duration(r.Release.Seconds*float64(time.Second))))
	}
	fmt.Fprintln(w, r.Verdict)
}
