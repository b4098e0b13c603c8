package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// lines shows the story where nothing can be drawn again: in a pipe, a file, a CI
// log. It prints a line when the replicas have changed, and one every two
// seconds.
type lines struct {
	out      io.Writer
	step     int
	replicas string        // as printed last
	next     time.Duration // when the next line is due, since the step began
}

const linePause = 2 * time.Second

func (l *lines) say(text string) { fmt.Fprintln(l.out, text) }

func (l *lines) begin(title, command string) {
	l.step++
	l.next = linePause
	fmt.Fprintf(l.out, "\n%d. %s\n", l.step, title)
	if command != "" {
		fmt.Fprintf(l.out, "   $ %s\n", command)
	}
}

func (l *lines) show(v view) {
	var parts []string
	for _, c := range crews(v.replicas) {
		parts = append(parts, c.words())
	}
	replicas := strings.Join(parts, "; ")
	if replicas == "" || replicas == l.replicas && v.step < l.next {
		return
	}
	l.replicas, l.next = replicas, v.step+linePause
	fmt.Fprintf(l.out, "   %5s  %s", seconds(v.step), replicas)
	if v.live.Sent > 0 {
		answers := []string{"answers"}
		for _, sh := range v.live.Shares {
			answers = append(answers, fmt.Sprintf("v%d %.0f%%", sh.Version, 100*sh.Part))
		}
		fmt.Fprintf(l.out, " | %s, accuracy %s, lost %d of %s", strings.Join(answers, " "), accuracy(v.live), v.live.Lost+v.live.Cut, grouped(v.live.Sent))
		if v.live.Errors > 0 {
			fmt.Fprintf(l.out, ", errors %d", v.live.Errors)
		}
	}
	fmt.Fprintln(l.out)
}

func (l *lines) end(ok bool, text string) {
	mark := "ok: "
	if !ok {
		mark = "FAILED: "
	}
	fmt.Fprintf(l.out, "   %s%s\n", mark, text)
}
