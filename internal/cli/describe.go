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

func describeCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "describe NAME",
		Short: "Show everything about a service",
		Long: `Show everything about a service: how it is and why, its versions, the rollout in
progress and what it waits for, its replicas and its last events.

-o json and -o yaml give the service alone, with the configuration in force.`,
		Example: "  sluice describe sentiment\n  sluice describe sentiment -o yaml",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		service, err := c.Service(ctx, args[0])
		if err != nil {
			return err
		}
		if s.output != formatTable {
			return s.show(service, nil)
		}
		replicas, err := c.Replicas(ctx, args[0])
		if err != nil {
			return err
		}
		events, err := c.Events(ctx, args[0], 0, 10)
		if err != nil {
			return err
		}
		describe(s.out, &service, replicas, events)
		return nil
	})
}

func describe(w io.Writer, s *api.Service, replicas []api.Replica, events []api.Event) {
	status := string(s.Status)
	if s.Reason != "" {
		status += " (" + s.Reason + ")"
	}
	rows := [][2]string{{"Name", s.Name}, {"Status", status}}
	if s.Message != "" {
		rows = append(rows, [2]string{"Message", s.Message})
	}
	if p := s.Plan; p != nil {
		rows = append(rows, [2]string{"Plan", planLine(p)})
	}
	n := s.Replicas
	rows = append(rows,
		[2]string{"Version", fmt.Sprintf("%d current, %d latest", s.CurrentVersion, s.LatestVersion)},
		[2]string{"Endpoint", s.Endpoint},
		[2]string{"Replicas", fmt.Sprintf("%d desired: %d live, %d ready (%d updated, %d kept), %d draining, %d failed",
			n.Desired, n.Live, n.Ready, n.Updated, n.Kept, n.Draining, n.Failed)})
	rows = append(rows, rolloutRows(s.Rollout)...)
	if s.Group != "" {
		rows = append(rows, [2]string{"Group", s.Group}, [2]string{"Traffic", fmt.Sprintf("%s, %.1f%% of the group", s.Traffic.State, 100*s.Traffic.Share)})
	}
	rows = append(rows, frozenRows(s.Frozen)...)
	rows = append(rows,
		[2]string{"Created", when(s.CreatedAt)}, [2]string{"Changed", when(s.UpdatedAt)}, [2]string{"Revision", fmt.Sprint(s.Revision)})
	for i, warning := range s.Warnings {
		head := "Warnings"
		if i > 0 {
			head = ""
		}
		rows = append(rows, [2]string{head, warning})
	}
	pairs(w, rows)
	if len(replicas) > 0 {
		fmt.Fprintln(w, "\nReplicas")
		replicaTable(w, replicas)
	}
	if len(events) > 0 {
		fmt.Fprintln(w, "\nLast events")
		for _, e := range events {
			eventLine(w, e)
		}
	}
}

func rolloutRows(ro *api.Rollout) [][2]string {
	if ro == nil {
		return nil
	}
	line := fmt.Sprintf("%s: %s, %s", ro.ID, route(ro), ro.Phase)
	if !ro.Phase.Ended() {
		line += fmt.Sprintf(", %d of %d updated", ro.Updated, ro.Total)
		if ro.TargetUpdated != ro.Total {
			line += fmt.Sprintf(", target %d", ro.TargetUpdated)
		}
	}
	rows := [][2]string{{"Rollout", line + ", by " + ro.Creator + " " + age(ro.StartedAt.Time) + " ago"}}
	if ro.WaitingFor != "" {
		rows = append(rows, [2]string{"Waiting for", ro.WaitingFor})
	}
	if ro.Message != "" {
		rows = append(rows, [2]string{"", ro.Message})
	}
	return rows
}

// route says what a rollout goes from and to: "update from version 2 to 3".
func route(ro *api.Rollout) string {
	switch {
	case ro.Kind == api.KindRestart:
		return fmt.Sprintf("restart of version %d", ro.ToVersion)
	case ro.FromVersion == 0:
		return fmt.Sprintf("%s of version %d", ro.Kind, ro.ToVersion)
	}
	return fmt.Sprintf("%s from version %d to %d", ro.Kind, ro.FromVersion, ro.ToVersion)
}

func when(t api.Time) string {
	return t.Local().Format("2006-01-02 15:04:05") + " (" + age(t.Time) + " ago)"
}

// pairs writes two aligned columns, names and what they are.
func pairs(w io.Writer, rows [][2]string) {
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row[0]))
	}
	for _, row := range rows {
		name := row[0]
		if name != "" {
			name += ":"
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-*s  %s", widest+1, name, oneLine(row[1])), " "))
	}
}
