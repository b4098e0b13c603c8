package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func eventsCommand(s *session) *cobra.Command {
	var follow bool
	var tail int
	var after int64
	var since string
	var filter api.EventFilter
	cmd := &cobra.Command{
		Use:   "events NAME",
		Short: "List what happened to a service",
		Long: `List what happened to a service, the oldest first. Events of a deleted service
stay readable.

--follow goes on as things happen, until Ctrl-C; with -o json each event is then
one line.

The other flags choose: only those events are listed of which all is true that
is given. --rollout takes the ID that "sluice history" shows.`,
		Example: "  sluice events sentiment --follow\n  sluice events sentiment --type warning --since 2h\n  sluice events sentiment --rollout sentiment-r17 --reason ReplicaFailed",
		Args:    takes("NAME"),
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "go on as things happen")
	cmd.Flags().IntVar(&tail, "tail", 50, "the last that many; 0 is as many as the server gives (1000)")
	cmd.Flags().Int64Var(&after, "after", 0, "only those with a higher seq, as -o json shows it")
	cmd.Flags().StringVar(&since, "since", "", "only from then on: 90s, 15m, 2h ago, or 2026-12-27T08:00:00Z")
	cmd.Flags().StringVar(&filter.Type, "type", "", "only this type: normal or warning")
	cmd.Flags().StringVar(&filter.Reason, "reason", "", "only this reason, such as ReplicaFailed")
	cmd.Flags().StringVar(&filter.Rollout, "rollout", "", "only those of this rollout")
	cmd.Flags().IntVar(&filter.Version, "version", 0, "only those about this version")
	cmd.Flags().StringVar(&filter.Replica, "replica", "", "only those about this replica")
	cmd.Flags().StringVar(&filter.Actor, "actor", "", "only what was asked for with the token of this name")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"normal", "warning"}, cobra.ShellCompDirectiveNoFileComp))
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if err := checkEvents(cmd, tail, after, since, &filter); err != nil {
			return err
		}
		list, err := c.FindEvents(ctx, args[0], after, tail, filter)
		if err != nil {
			return err
		}
		if follow {
			return s.followEvents(ctx, c, args[0], after, filter, list)
		}
		return s.show(struct {
			Events []api.Event `json:"events"`
		}{list}, func(w io.Writer) {
			for _, e := range list {
				eventLine(w, e)
			}
		})
	})
}

// checkEvents says what is wrong with the flags, and completes the filter.
func checkEvents(cmd *cobra.Command, tail int, after int64, since string, filter *api.EventFilter) (err error) {
	switch {
	case tail < 0 || tail > 1000:
		return Usagef("--tail: %d: 0 to 1000 is allowed", tail)
	case after < 0:
		return Usagef("--after: %d: 0 or more is allowed", after)
	case filter.Version < 0 || cmd.Flags().Changed("version") && filter.Version == 0:
		return Usagef("--version: %d: a whole number from 1 is allowed", filter.Version)
	case filter.Type != "" && filter.Type != "normal" && filter.Type != "warning":
		return Usagef("--type: %q: normal and warning are allowed", filter.Type)
	}
	if filter.Since, err = api.ParseSince("--since", since, time.Now()); err != nil {
		return Usagef("%w", err)
	}
	return nil
}

func (s *session) followEvents(ctx context.Context, c *client.Client, name string, after int64, filter api.EventFilter, list []api.Event) error {
	for _, e := range list {
		after = e.Seq
		if err := s.item(e, func(w io.Writer) { eventLine(w, e) }); err != nil {
			return err
		}
	}
	for news, err := range c.Watch(ctx, client.WatchOptions{Service: name, After: after}) {
		switch {
		case err != nil && refused(err):
			return err
		case err != nil:
			fmt.Fprintln(s.err, err.Error()+"; trying again")
		case news.Event != nil && filter.Takes(*news.Event):
			if err := s.item(news.Event, func(w io.Writer) { eventLine(w, *news.Event) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// eventLine has fixed columns, so that lines that come later stand in them, too.
func eventLine(w io.Writer, e api.Event) {
	line := fmt.Sprintf("%s  %-7s  %-20s  %s", e.Time.Local().Format("2006-01-02 15:04:05"), e.Type, e.Reason, oneLine(e.Message))
	if e.Actor != "" {
		line += " (by " + e.Actor + ")"
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

func logsCommand(s *session) *cobra.Command {
	o := client.LogOptions{}
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show what replicas wrote",
		Long: `Show what replicas wrote to standard output and error. Without --replica it is
all of them, and each line begins with the replica's id.

--follow goes on as they write, until Ctrl-C.`,
		Example: "  sluice logs sentiment --follow\n  sluice logs sentiment --replica sentiment-3-7 --tail 0",
		Args:    takes("NAME"),
	}
	cmd.Flags().StringVar(&o.Replica, "replica", "", "only this replica")
	cmd.Flags().IntVar(&o.Tail, "tail", 100, "the last that many lines of each; 0 is all that is kept")
	cmd.Flags().BoolVar(&o.Follow, "follow", false, "go on as more is written")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if o.Tail < 0 {
			return Usagef("--tail: %d: 0 or more is allowed", o.Tail)
		}
		logs, err := c.Logs(ctx, args[0], o)
		if err != nil {
			return err
		}
		defer logs.Close()
		_, err = io.Copy(s.out, logs)
		if ctx.Err() != nil && o.Follow {
			return nil // Ctrl-C is how following ends
		}
		return err
	})
}
