package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// write prints the result for a person; the verdict is the last line.
func (r *Result) write(out io.Writer) error {
	var b strings.Builder
	r.writePhases(&b)
	b.WriteByte('\n')
	r.writeRollouts(&b)
	b.WriteByte('\n')
	if r.Failed != "" {
		fmt.Fprintf(&b, "Version 3, as Sluice told it: %s\n\n", r.Failed)
	}
	for _, p := range r.Phases {
		for _, fault := range p.Faults {
			fmt.Fprintf(&b, "%s: %s\n", p.Name, fault)
		}
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(&b, "not as it should be: %s\n", problem)
	}
	fmt.Fprintf(&b, "%s\n", r.Verdict)
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Result) writePhases(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	const row = "%s\t%.1f s\t%s\t%d\t%d\t%.1f ms\t%.1f ms\t%s\t\n"
	width := len("PHASE")
	for _, p := range r.Phases {
		width = max(width, len(p.Name))
	}
	// Text is flush left, numbers flush right, which one tabwriter does not do.
	name := func(s string) string { return s + strings.Repeat(" ", width-len(s)) }
	fmt.Fprintf(w, "%s\tTIME\tSENT\tLOST\tCUT\tP50\tP99\tRIGHT\t\n", name("PHASE"))
	seconds := 0.0
	for _, p := range r.Phases {
		fmt.Fprintf(w, row, name(p.Name), p.Seconds, grouped(p.Sent), p.Lost, p.Cut, p.P50, p.P99, percent(p))
		seconds += p.Seconds
	}
	fmt.Fprintf(w, "%s\t%.1f s\t%s\t%d\t%d\t\t\t\t\n", name("all"), seconds, grouped(r.Sent), r.Lost, r.Cut)
	w.Flush()
}

func percent(p PhaseResult) string {
	if len(p.Answers) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*p.Accuracy)
}

func (r *Result) writeRollouts(b *strings.Builder) {
	if len(r.Rollouts) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "ROLLOUT\tENDED\tTOOK\tSHORTEST\tRATIO\tREADY\tLIVE\n")
	for _, ro := range r.Rollouts {
		shortest, ratio := "-", "-"
		if ro.Rounds > 0 {
			shortest = fmt.Sprintf("%.2f s = %d x %.2f s", ro.ShortestSeconds, ro.Rounds, ro.StartSeconds)
			ratio = fmt.Sprintf("%.2f", ro.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f s\t%s\t%s\t>= %d\t<= %d\n", ro.title(), ro.Phase, ro.Seconds, shortest, ratio, ro.FewestReady, ro.MostLive)
	}
	w.Flush()
	b.WriteString("SHORTEST is rounds x the median time from a replica's start to its readiness; max_surge 1 and\n" +
		"max_unavailable 0 replace one replica a round. READY and LIVE are the bounds seen.\n")
}

func (ro RolloutResult) title() string {
	if ro.FromVersion == 0 {
		return fmt.Sprintf("%s %d", ro.Kind, ro.ToVersion)
	}
	return fmt.Sprintf("%s %d to %d", ro.Kind, ro.FromVersion, ro.ToVersion)
}
