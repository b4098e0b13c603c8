package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func eventsCommand(s *session) *cobra.Command {
	var follow bool
	var tail int
	cmd := &cobra.Command{
		Use:   "events NAME",
		Short: "List what happened to a service",
		Long: `List what happened to a service, the oldest first. Events of a deleted service
stay readable.

--follow goes on as things happen, until Ctrl-C; with -o json each event is then
one line.`,
		Example: "  sluice events sentiment --follow",
		Args:    takes("NAME"),
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "go on as things happen")
	cmd.Flags().IntVar(&tail, "tail", 50, "the last that many; 0 is as many as the server gives (1000)")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if tail < 0 || tail > 1000 {
			return Usagef("--tail: %d: 0 to 1000 is allowed", tail)
		}
		list, err := c.Events(ctx, args[0], 0, tail)
		if err != nil {
			return err
		}
		if follow {
			return s.followEvents(ctx, c, args[0], list)
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

func (s *session) followEvents(ctx context.Context, c *client.Client, name string, list []api.Event) error {
	after := int64(0)
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
		case news.Event != nil:
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
