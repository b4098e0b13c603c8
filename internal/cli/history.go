package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func historyCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "history NAME [ID]",
		Short: "List the rollouts of a service, or tell the story of one",
		Long: `List the rollouts of a service, the newest first: what each one was, how it
ended, who began it and why, how long it took, and the requests meanwhile.

With the ID of one: every action on it with who did it and when, its duration
against what the preview said, the requests, errors and latency of each version
while it lasted, and the replicas that failed.`,
		Example: "  sluice history sentiment\n  sluice history sentiment sentiment-r17",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return takes("NAME", "ID")(cmd, args)
			}
			return takes("NAME")(cmd, args)
		},
	}, func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 2 {
			ro, err := c.Rollout(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return s.show(ro, func(w io.Writer) { tell(w, ro) })
		}
		list, err := c.Rollouts(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(struct {
			Rollouts []api.Rollout `json:"rollouts"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"ID", "KIND", "FROM", "TO", "PHASE", "CREATOR", "AGE", "DURATION", "REQUESTS", "ERRORS", "WHY", "MESSAGE"}}
			for _, v := range list {
				from := ""
				if v.FromVersion != 0 {
					from = strconv.Itoa(v.FromVersion)
				}
				requests, errors := requestsOf(v.History)
				rows = append(rows, []string{v.ID, string(v.Kind), from, strconv.Itoa(v.ToVersion), string(v.Phase), v.Creator,
					age(v.StartedAt.Time), duration(v), requests, errors, v.Why, v.Message})
			}
			table(w, rows...)
		})
	})
}

// requestsOf are those of all versions together.
func requestsOf(h *api.RolloutHistory) (requests, errors string) {
	if h == nil {
		return "", ""
	}
	var n, wrong uint64
	for _, v := range h.Traffic {
		n, wrong = n+v.Requests, wrong+v.Errors
	}
	return strconv.FormatUint(n, 10), strconv.FormatUint(wrong, 10)
}

func duration(ro api.Rollout) string {
	if ro.EndedAt == nil {
		return span(time.Since(ro.StartedAt.Time)) + " so far"
	}
	return span(ro.EndedAt.Sub(ro.StartedAt.Time))
}

// tell writes all that is known of one rollout.
func tell(w io.Writer, ro api.Rollout) {
	what := fmt.Sprintf("%s of version %d", ro.Kind, ro.ToVersion)
	if ro.FromVersion != 0 && ro.FromVersion != ro.ToVersion {
		what = fmt.Sprintf("%s from version %d to %d", ro.Kind, ro.FromVersion, ro.ToVersion)
	}
	rows := [][2]string{{"Rollout", ro.ID + ": " + what}, {"Phase", string(ro.Phase)}, {"Creator", ro.Creator}}
	if ro.Why != "" {
		rows = append(rows, [2]string{"Why", ro.Why})
	}
	if ro.Message != "" {
		rows = append(rows, [2]string{"Message", ro.Message})
	}
	rows = append(rows, [2]string{"Started", when(ro.StartedAt)})
	took := duration(ro)
	if ro.History != nil && ro.History.Expected != nil {
		took += "; the preview said " + span(time.Duration(*ro.History.Expected*float64(time.Second)))
	}
	pairs(w, append(rows, [2]string{"Duration", took}))
	if ro.History == nil {
		fmt.Fprintln(w, "\nIt began under an earlier release, which kept no history of it.")
		return
	}
	tellActions(w, ro)
	tellTraffic(w, ro.History.Traffic)
	tellFailures(w, ro)
}

// sinceBegin is how long after the begin of the rollout something was.
func sinceBegin(ro api.Rollout, t api.Time) string {
	return "+" + span(max(0, t.Sub(ro.StartedAt.Time)))
}

func tellActions(w io.Writer, ro api.Rollout) {
	h := ro.History
	fmt.Fprintln(w, "\nActions")
	rows := [][]string{{"AFTER", "WHO", "ACTION", "WHAT"}}
	for i, a := range h.Actions {
		if h.ActionsLeft > 0 && i > 0 && i == len(h.Actions)-api.LastRolloutActions {
			rows = append(rows, []string{"", "", "", fmt.Sprintf("%d more are left out here", h.ActionsLeft)})
		}
		who := a.Actor
		if who == "" {
			who = "Sluice"
		}
		rows = append(rows, []string{sinceBegin(ro, a.At), who, a.Action, a.Text})
	}
	table(w, rows...)
}

func tellTraffic(w io.Writer, traffic []api.VersionTraffic) {
	if len(traffic) == 0 {
		fmt.Fprintln(w, "\nThere were no requests while it lasted.")
		return
	}
	fmt.Fprintln(w, "\nRequests while it lasted")
	rows := [][]string{{"VERSION", "REQUESTS", "ERRORS", "CANCELED", "P50", "P95", "P99"}}
	for _, v := range traffic {
		rows = append(rows, []string{strconv.Itoa(v.Version), strconv.FormatUint(v.Requests, 10), strconv.FormatUint(v.Errors, 10),
			strconv.FormatUint(v.Canceled, 10), latency(v.P50), latency(v.P95), latency(v.P99)})
	}
	table(w, rows...)
}

// latency is at most that much: 2.5ms, 340ms, 1.2s.
func latency(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	d := time.Duration(*seconds * float64(time.Second))
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func tellFailures(w io.Writer, ro api.Rollout) {
	h := ro.History
	if h.FailureCount == 0 {
		return
	}
	fmt.Fprintln(w, "\nFailed replicas")
	rows := [][]string{{"REPLICA", "VERSION", "AFTER", "WHY"}}
	for _, f := range h.Failures {
		rows = append(rows, []string{f.Replica, strconv.Itoa(f.Version), sinceBegin(ro, f.At), f.Reason})
	}
	table(w, rows...)
	if more := h.FailureCount - len(h.Failures); more > 0 {
		fmt.Fprintf(w, "%d more failed.\n", more)
	}
}
