package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func previewCommand(s *session) *cobra.Command {
	u := &update{}
	cmd := &cobra.Command{
		Use:   "preview NAME [-f FILE] [--set PATH=VALUE]...",
		Short: "Say what an update would do, step by step; change nothing",
		Long: `Say what an update would do, step by step; change nothing.

It takes what "sluice update" takes. The server makes the same decisions on a
model of the service, with the start-up and drain times that were measured of it,
or with assumptions, and says which. A line of the table is all that happens at
one moment: what is done, the live replicas of the old and of the new version,
those that drain, the part of the requests that go to the new version, and what is
left if the next new replica fails there.`,
		Example: `  sluice preview sentiment --set model_path=models/v2
  sluice preview sentiment -f service.yaml --replace -o json`,
		Args: takes("NAME"),
	}
	u.flags(cmd)
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		p, err := u.preview(ctx, s, c, args[0])
		if err != nil {
			return u.blame(err)
		}
		return s.show(p, func(w io.Writer) { previewTable(w, &p) })
	})
}

func (u *update) preview(ctx context.Context, s *session, c *client.Client, name string) (api.Preview, error) {
	if err := u.read(s); err != nil {
		return api.Preview{}, err
	}
	if len(u.sets) == 0 {
		return c.Preview(ctx, name, u.document(), u.how())
	}
	doc, _, err := u.set(ctx, c, name)
	if err != nil {
		return api.Preview{}, err
	}
	return c.Preview(ctx, name, doc, client.Replace)
}

func previewTable(w io.Writer, p *api.Preview) {
	pairs(w, previewHead(p))
	if len(p.Steps) > 0 {
		fmt.Fprintln(w, "\nSteps")
		stepTable(w, p.Steps)
	}
	if len(p.Batches) > 1 || p.Plan != nil && p.Plan.Phase == api.PlanInEffect {
		fmt.Fprintln(w, "\nBatches")
		batchTable(w, p.Batches)
	}
	fmt.Fprintln(w)
	pairs(w, previewFoot(p))
	if len(p.Warnings) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWarnings")
	for _, v := range p.Warnings {
		fmt.Fprintln(w, "- "+oneLine(v.Message))
		if v.Hint != "" {
			fmt.Fprintln(w, "  -> "+oneLine(v.Hint))
		}
	}
}

func previewHead(p *api.Preview) [][2]string {
	rows := [][2]string{{"Update", p.Text}}
	if p.FromVersion != p.ToVersion {
		rows = append(rows, [2]string{"Version", fmt.Sprintf("%d to %d", p.FromVersion, p.ToVersion)})
	}
	if len(p.Changes) > 0 {
		rows = append(rows, [2]string{"Changes", strings.Join(p.Changes, ", ")})
	}
	if p.Supersedes != nil {
		rows = append(rows, [2]string{"Meets", p.Supersedes.Text})
	}
	b := p.Bounds
	rows = append(rows, [2]string{"Bounds", fmt.Sprintf("%d desired; at most %d live (max_surge %d), at least %d ready (max_unavailable %d)",
		b.Desired, b.Desired+b.MaxSurge, b.MaxSurge, max(0, b.Desired-b.MaxUnavailable), b.MaxUnavailable)})
	if p.Plan != nil && p.Plan.Phase == api.PlanInEffect {
		rows = append(rows, [2]string{"Plan", planLead(p.Plan)})
	}
	return rows
}

func planLead(p *api.Plan) string {
	switch {
	case p.Batch != nil:
		return fmt.Sprintf("automatic: batches of %s, %s apart", p.Batch.Size, p.Batch.Interval)
	case p.TargetUpdated != nil:
		return fmt.Sprintf("manual: %s of %d replicas", p.TargetUpdated, p.Total)
	}
	return "all replicas"
}

func stepTable(w io.Writer, steps []api.PreviewStep) {
	rows := [][]string{{"TIME", "STEP", "OLD", "NEW", "DRAINING", "READY", "LIVE", "TO NEW", "IF THE NEXT NEW ONE FAILS"}}
	for i := range steps {
		st := &steps[i]
		rows = append(rows, []string{after(st.At), strings.Join(stepWords(st.Actions), ", "), strconv.Itoa(st.Old), strconv.Itoa(st.New),
			strconv.Itoa(st.Draining), strconv.Itoa(st.Ready), strconv.Itoa(st.Live), toNew(st.PreviewCounts), failureWords(st.Failure)})
	}
	table(w, rows...)
}

// stepVerbs are actions on replicas as a line of the table has them.
var stepVerbs = map[string]string{"create": "start", "terminate": "SIGTERM to", "kill": "SIGKILL to"}

// afterwards are those that are seen rather than done.
var afterwards = map[string]string{"ready": "ready", "remove": "ended", "pending": "without room", "fail": "failed"}

func stepWords(actions []api.PreviewAction) (words []string) {
	for _, a := range actions {
		verb, seen := stepVerbs[a.Do], afterwards[a.Do]
		switch {
		case a.Do == "begin", a.Do == "settle": // nothing that anybody would wait for
			continue
		case a.Replicas == 0:
			words = append(words, strings.ReplaceAll(a.Do, "_", " "))
		case seen != "":
			words = append(words, fmt.Sprintf("%d of v%d %s", a.Replicas, a.Version, seen))
		default:
			if verb == "" {
				verb = a.Do
			}
			words = append(words, fmt.Sprintf("%s %d of v%d", verb, a.Replicas, a.Version))
		}
	}
	if len(words) == 0 {
		words = []string{strings.ReplaceAll(actions[0].Do, "_", " ")}
	}
	return words
}

// toNew is the part of the requests that the new version gets.
func toNew(c api.PreviewCounts) string {
	if c.Ready == 0 {
		return ""
	}
	return fmt.Sprintf("%d%%", (100*c.Updated+c.Ready/2)/c.Ready)
}

func failureWords(f *api.PreviewFailure) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("%s: %d old, %d new stay, %d serve", strings.ReplaceAll(string(f.Phase), "_", " "), f.Old, f.New, f.Ready)
}

func batchTable(w io.Writer, batches []api.PreviewBatch) {
	rows := [][]string{{"BATCH", "UPDATED", "STARTS AFTER", "AT, IF IT BEGAN NOW", "TAKES"}}
	for _, b := range batches {
		takes := ""
		if b.Duration != nil {
			takes = after(*b.Duration)
		}
		rows = append(rows, []string{strconv.Itoa(b.Number), strconv.Itoa(b.Target), after(b.Starts), b.StartsAt.Local().Format(time.TimeOnly), takes})
	}
	table(w, rows...)
}

func previewFoot(p *api.Preview) [][2]string {
	ends := p.End.Text
	if len(p.Steps) > 0 {
		ends = fmt.Sprintf("%s after %s: %s", p.End.Phase, after(p.End.At), p.End.Text)
	}
	if p.End.Quiet > p.End.At {
		ends += fmt.Sprintf(" (the last old one has ended after %s)", after(p.End.Quiet))
	}
	rows := [][2]string{{"Ends", ends}}
	if len(p.Steps) > 0 {
		k := p.Peak
		needs := fmt.Sprintf("%d processes", k.Processes)
		for _, part := range []struct {
			is   bool
			text string
		}{{k.CPU > 0, fmt.Sprintf("%g cores", k.CPU)}, {k.MemoryMB > 0, fmt.Sprintf("%d MB of memory", k.MemoryMB)}, {k.GPU > 0, fmt.Sprintf("%d gpus", k.GPU)}} {
			if part.is {
				needs += ", " + part.text
			}
		}
		if k.Resource != "" {
			needs += ", in resource group " + k.Resource
		}
		rows = append(rows,
			[2]string{"Ready", fmt.Sprintf("never fewer than %d (after %s)", p.LowestReady.Replicas, after(p.LowestReady.At))},
			[2]string{"Live", fmt.Sprintf("never more than %d (after %s)", p.HighestLive.Replicas, after(p.HighestLive.At))},
			[2]string{"Peak", needs})
	}
	for i := range p.Steps {
		if f := p.Steps[i].Failure; f != nil {
			rows = append(rows, [2]string{"If one fails", f.WayOut})
			break
		}
	}
	if len(p.Steps) == 0 {
		return rows
	}
	rows = append(rows, [2]string{"Start", timeWords(p.Times.Startup)}, [2]string{"In hand", timeWords(p.Times.InHand)}, [2]string{"Exit", timeWords(p.Times.Exit)})
	return append(rows, [2]string{"Assumed", strings.Join(p.Assumes, "; ")})
}

func timeWords(t api.PreviewTime) string {
	if t.Measured == 0 {
		return after(t.Seconds) + ", " + t.Basis
	}
	return fmt.Sprintf("%s, %s, the slowest %s, measured since %s", after(t.Seconds), t.Basis, after(t.Slowest), t.Since.Local().Format(time.DateTime))
}

// after is a time from the acceptance of the update.
func after(seconds float64) string { return span(time.Duration(seconds * float64(time.Second))) }
