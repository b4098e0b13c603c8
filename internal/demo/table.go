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
	if r.Gated != nil {
		r.Gated.write(&b)
		b.WriteByte('\n')
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
	var flush strings.Builder
	w := tabwriter.NewWriter(&flush, 0, 0, 2, ' ', tabwriter.AlignRight)
	const row = "%s\t%.1f s\t%s\t%d\t%d\t%d\t%.1f ms\t%.1f ms\t%s\t\n"
	width := len("PHASE")
	for _, p := range r.Phases {
		width = max(width, len(p.Name))
	}
	// Text is flush left, numbers flush right, which one tabwriter does not do.
	name := func(s string) string { return s + strings.Repeat(" ", width-len(s)) }
	fmt.Fprintf(w, "%s\tTIME\tSENT\tLOST\tCUT\t5XX\tP50\tP99\tACCURACY\t\n", name("PHASE"))
	seconds := 0.0
	for _, p := range r.Phases {
		fmt.Fprintf(w, row, name(p.Name), p.Seconds, grouped(p.Sent), p.Lost, p.Cut, p.errors(), p.P50, p.P99, percent(p))
		seconds += p.Seconds
	}
	fmt.Fprintf(w, "%s\t%.1f s\t%s\t%d\t%d\t%d\t\t\t\t\n", name("all"), seconds, grouped(r.Sent), r.Lost, r.Cut, r.Errors)
	w.Flush()
	for line := range strings.Lines(flush.String()) {
		// Flush right puts the space between columns before the first, too.
		b.WriteString(strings.TrimRight(line[2:], " \n") + "\n")
	}
	if r.Errors > 0 {
		b.WriteString("5XX are answers of the model itself, with status 500; callers got them whole.\n" +
			"LOST and CUT are requests that got no answer, or a part of one.\n")
	}
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
	fmt.Fprint(w, "ROLLOUT\tPHASE\tTOOK\tSHORTEST\tRATIO\tREADY\tLIVE\n")
	for _, ro := range r.Rollouts {
		shortest, ratio := "-", "-"
		if ro.Rounds > 0 {
			shortest = fmt.Sprintf("%.2f s = %d x %.2f s", ro.ShortestSeconds, ro.Rounds, ro.StartSeconds)
			ratio = fmt.Sprintf("%.2f", ro.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t>= %d\t<= %d\n", ro.title(), ro.Phase, took(ro.Seconds), shortest, ratio, ro.FewestReady, ro.MostLive)
	}
	w.Flush()
	fmt.Fprintf(b, "SHORTEST is the shortest possible: rounds x the median time from a replica's\n"+
		"start to its readiness, %d s of it min_ready_seconds. With max_surge %d and\n"+
		"max_unavailable %d each round replaces one replica. READY and LIVE are the\n"+
		"fewest ready and the most live replicas seen.\n", r.minReady, surge, unavailable)
}

func (ro RolloutResult) title() string {
	if ro.FromVersion == 0 {
		return fmt.Sprintf("%s %d", ro.Kind, ro.ToVersion)
	}
	return fmt.Sprintf("%s %d to %d", ro.Kind, ro.FromVersion, ro.ToVersion)
}
