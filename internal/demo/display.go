package demo

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/api"
)

// display shows the story while it goes on.
type display interface {
	// say prints lines that stay.
	say(text string)
	// begin names the step that begins, and the command that does the same; ""
	// for none.
	begin(title, command string)
	// show is called ten times a second and more, with how things are.
	show(v view)
	// end says how the step ended.
	end(ok bool, text string)
}

// view is how things are at one moment of a step.
type view struct {
	since    time.Duration // since the story began
	step     time.Duration // since the step began
	replicas []api.Replica
	live     live
	message  string // of the service
}

// newDisplay draws a block again and again where out is a terminal, and prints
// lines elsewhere.
func newDisplay(out io.Writer) display {
	if f, ok := out.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		size := func() (columns int, ok bool) {
			w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
			if err != nil {
				return 0, false
			}
			if w.Col == 0 {
				return 80, true
			}
			return int(w.Col), true
		}
		if _, ok := size(); ok {
			return &screen{out: out, columns: func() int { n, _ := size(); return n }}
		}
	}
	return &lines{out: out}
}

// crew are the replicas of one version by what a watcher can see of them.
type crew struct {
	version, ready, starting, draining, failed int
}

func crews(replicas []api.Replica) []crew {
	var list []crew
	for _, r := range replicas {
		i := slices.IndexFunc(list, func(c crew) bool { return c.version == r.Version })
		if i < 0 {
			list = append(list, crew{version: r.Version})
			i = len(list) - 1
		}
		switch c := &list[i]; r.Phase {
		case api.ReplicaReady:
			c.ready++
		case api.ReplicaDraining, api.ReplicaStopped:
			c.draining++
		case api.ReplicaFailed:
			c.failed++
		default:
			c.starting++
		}
	}
	slices.SortFunc(list, func(a, b crew) int { return a.version - b.version })
	return list
}

// words says a crew as "v1: 3 ready, 1 draining".
func (c crew) words() string {
	var parts []string
	for _, p := range []struct {
		n    int
		name string
	}{{c.ready, "ready"}, {c.starting, "starting"}, {c.draining, "draining"}, {c.failed, "failed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	return fmt.Sprintf("v%d: %s", c.version, strings.Join(parts, ", "))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// took is how long something took, in seconds, for a person.
func took(seconds float64) string {
	if seconds < 0.1 {
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.2f s", seconds)
}

// wrap breaks a text into indented lines.
func wrap(text string) string { return fold(text, "    ") }

// fold breaks a text into lines that begin with the indent.
func fold(text, indent string) string {
	const width = 76
	out, line := "", indent
	for _, word := range strings.Fields(text) {
		if line != indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out, line = out+line+"\n", indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return out + line
}

func accuracy(l live) string {
	if l.Accuracy < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*l.Accuracy)
}
