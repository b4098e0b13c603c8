package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// auditFlags are how entries are chosen.
type auditFlags struct {
	filter       api.AuditFilter
	outcome      string
	since, until string
	after        int64
	limit        int
	export       bool
}

func auditCommand(s *session) *cobra.Command {
	f := &auditFlags{}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who asked for what, and what became of it",
		Long: `Show the audit log: every change that was asked for, with who asked, from where
and why, and what became of it, and every request that was turned away for its
token. No entry is ever changed or removed. It needs a token of role admin.

An entry is done, unchanged (it was so already), refused or failed. What Sluice
does by itself, such as a gate that stops a rollout, is in "sluice events".

--export writes all that is chosen as JSON lines, the oldest first, however much
it is. Given the last seq as --after, the next export goes on from there.`,
		Example: "  sluice audit --service sentiment --since 24h\n  sluice audit --outcome refused\n  sluice audit --export > audit.jsonl",
		Args:    takes(),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.filter.Service, "service", "", "only what was about this service, or this group")
	flags.StringVar(&f.filter.Actor, "actor", "", "only what was asked for with the token of this name")
	flags.StringVar(&f.outcome, "outcome", "", "only what was done, unchanged, refused or failed")
	flags.StringVar(&f.since, "since", "", "only from then on: 90s, 15m, 2h ago, or 2026-12-27T08:00:00Z")
	flags.StringVar(&f.until, "until", "", "only before then, written likewise")
	flags.Int64Var(&f.after, "after", 0, "only those with a higher seq, as -o json shows it")
	flags.IntVar(&f.limit, "limit", 50, "the newest that many; 0 is as many as the server gives (1000)")
	flags.BoolVar(&f.export, "export", false, "write all of them, as JSON lines")
	_ = cmd.RegisterFlagCompletionFunc("outcome", cobra.FixedCompletions([]string{"done", "unchanged", "refused", "failed"}, cobra.ShellCompDirectiveNoFileComp))
	cmd = accessCommand(s, cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		if f.export {
			if flags.Changed("limit") {
				return Usagef("--export writes all of them; leave --limit out, or --export")
			}
			return s.exportAudit(ctx, c, f)
		}
		list, err := c.Audit(ctx, f.after, f.limit, f.filter)
		if err != nil {
			return err
		}
		return s.show(struct {
			Audit []api.AuditEntry `json:"audit"`
		}{list}, func(w io.Writer) { auditTable(w, list) })
	})
	cmd.GroupID = "access"
	return cmd
}

// check says what is wrong with the flags, and completes the filter.
func (f *auditFlags) check() error {
	f.filter.Outcome = api.AuditOutcome(f.outcome)
	switch {
	case f.outcome != "" && !slices.Contains(api.AuditOutcomes, f.filter.Outcome):
		return Usagef("--outcome: %q: done, unchanged, refused and failed are allowed", f.outcome)
	case f.after < 0:
		return Usagef("--after: %d: 0 or more is allowed", f.after)
	case f.limit < 0 || f.limit > 1000:
		return Usagef("--limit: %d: 0 to 1000 is allowed", f.limit)
	}
	since, err := api.ParseSince("--since", f.since, time.Now())
	if err != nil {
		return Usagef("%w", err)
	}
	until, err := api.ParseSince("--until", f.until, time.Now())
	if err != nil {
		return Usagef("%w", err)
	}
	f.filter.Since, f.filter.Until = api.At(since), api.At(until)
	return nil
}

func (s *session) exportAudit(ctx context.Context, c *client.Client, f *auditFlags) error {
	lines, err := c.ExportAudit(ctx, f.after, f.filter)
	if err != nil {
		return err
	}
	defer lines.Close()
	if _, err := io.Copy(s.out, lines); err != nil {
		return fmt.Errorf("the export broke off, so what was written is not all: %w", err)
	}
	return nil
}

func auditTable(w io.Writer, list []api.AuditEntry) {
	rows := [][]string{{"TIME", "ACTOR", "OUTCOME", "OPERATION", "ABOUT", "WHAT"}}
	for _, e := range list {
		what := e.Text
		if e.Detail != "" {
			what = e.Detail
		}
		if e.Message != "" {
			what = strings.TrimPrefix(what+" ("+e.Message+")", " ")
		}
		operation := e.Operation
		if operation == "" {
			operation = strings.TrimSpace(e.Method + " " + e.Path)
		}
		rows = append(rows, []string{e.Time.Local().Format(time.DateTime), e.Actor, string(e.Outcome), operation, e.Service + e.Group + e.TokenName, what})
	}
	table(w, rows...)
}
