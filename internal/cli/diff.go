package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// comparison is what `sluice diff` was given.
type comparison struct {
	path       string
	sideBySide bool
	all        bool
}

func diffCommand(s *session) *cobra.Command {
	d := comparison{}
	cmd := &cobra.Command{
		Use:   "diff NAME [A [B]] [-f FILE]",
		Short: "Compare two versions of a service, or a version with a file",
		Long: `Compare two versions of a service, field by field: what version B adds (+),
removes (-) and changes (~) against version A. Without B it is the current
version.

With -f the other side is a service file, read as "sluice apply" reads it: the
number of replicas, the group and the token stay as they are where the file does
not name them. Without A it is compared with the current version. Nothing is
changed.

--side-by-side shows the texts beside each other, what changed with a few lines
around it: < is only in A, > only in B, | differs.`,
		Example: `  sluice diff sentiment 2 3
  sluice diff sentiment -f service.yaml
  sluice diff sentiment 2 -y --all`,
		Args: d.args,
	}
	fileFlag(cmd, &d.path, "a service file to compare with")
	cmd.Flags().BoolVarP(&d.sideBySide, "side-by-side", "y", false, "show both texts beside each other")
	cmd.Flags().BoolVar(&d.all, "all", false, "with --side-by-side: show what does not differ, too")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		diff, to, err := d.ask(ctx, s, c, args)
		if err != nil {
			return err
		}
		return s.show(diff, func(w io.Writer) {
			switch {
			case diff.From == diff.To:
				fmt.Fprintf(w, "version %d is compared with itself: nothing differs\n", diff.From)
			case len(diff.Changes) == 0 && !d.all:
				fmt.Fprintf(w, "version %d and %s do not differ\n", diff.From, to)
			case d.sideBySide:
				writeBeside(w, paint(w), diff, to, d.all)
			default:
				for _, change := range diff.Changes {
					fmt.Fprintln(w, paint(w)(change.Op, changeLine(change)))
				}
			}
		})
	})
}

// args takes NAME, A and B, of which A and B may be missing.
func (d *comparison) args(cmd *cobra.Command, args []string) error {
	names := []string{"NAME", "A", "B"}
	switch {
	case d.path != "" && len(args) > 2:
		return fmt.Errorf("-f takes the place of B; give one of the two")
	case d.all && !d.sideBySide:
		return fmt.Errorf("--all goes with --side-by-side")
	case d.path == "" && len(args) < 2:
		return takes("NAME", "A, or -f FILE,")(cmd, args)
	}
	return takes(names[:min(3, max(1, len(args)))]...)(cmd, args)
}

// ask has the server compare; to is what the other side is called.
func (d *comparison) ask(ctx context.Context, s *session, c *client.Client, args []string) (diff api.Diff, to string, err error) {
	numbers := [2]int{}
	for i, text := range args[1:] {
		if numbers[i], err = whole([]string{"A", "B"}[i], text, 1); err != nil {
			return diff, "", err
		}
	}
	if d.path == "" {
		diff, err = c.Diff(ctx, args[0], numbers[0], numbers[1], d.sideBySide)
		return diff, fmt.Sprintf("version %d", diff.To), err
	}
	file, doc, err := s.readWhole(d.path)
	if err != nil {
		return diff, "", err
	}
	if diff, err = c.DiffFile(ctx, args[0], numbers[0], doc, d.sideBySide); err != nil {
		return diff, "", file.blame(err)
	}
	return diff, file.label, nil
}

func changeLine(c api.FieldChange) string {
	switch c.Op {
	case api.LineAdd:
		return "+ " + c.Path + ": " + compact(c.To)
	case api.LineRemove:
		return "- " + c.Path + ": " + compact(c.From)
	}
	return "~ " + c.Path + ": " + compact(c.From) + " -> " + compact(c.To)
}

func compact(value json.RawMessage) string { return oneLine(string(value)) }

// painter colors a line by what became of it.
type painter func(op, line string) string

// paint colors for a person at a terminal who did not ask for no color.
func paint(w io.Writer) painter {
	if !terminal(w) || dumb() || os.Getenv("NO_COLOR") != "" {
		return func(_, line string) string { return line }
	}
	return func(op, line string) string {
		color := map[string]string{api.LineAdd: "32", api.LineRemove: "31", api.LineReplace: "33"}[op]
		if color == "" {
			return line
		}
		return "\x1b[" + color + "m" + line + "\x1b[0m"
	}
}

const (
	contextLines = 3
	// besideWidth is that of both texts together where there is no terminal.
	besideWidth = 120
)

// writeBeside writes both texts beside each other: all of them, or what differs
// with a few lines around it.
func writeBeside(w io.Writer, color painter, diff api.Diff, to string, all bool) {
	total := besideWidth
	if terminal(w) {
		total = width(w)
	}
	column := max(10, (total-3)/2)
	row := func(left, mark, right string) string {
		left, right = cut(oneLine(left), column), cut(oneLine(right), column)
		pad := strings.Repeat(" ", column-len([]rune(left)))
		return strings.TrimRight(left+pad+" "+mark+" "+right, " ")
	}
	fmt.Fprintln(w, row(fmt.Sprintf("version %d", diff.From), " ", to))
	shown := -1 // the last line that was
	for i, line := range diff.Lines {
		if !all && !nearChange(diff.Lines, i) {
			continue
		}
		if shown != i-1 {
			fmt.Fprintln(w, row("...", " ", "..."))
		}
		shown = i
		mark := map[string]string{api.LineAdd: ">", api.LineRemove: "<", api.LineReplace: "|"}[line.Op]
		if mark == "" {
			mark = " "
		}
		fmt.Fprintln(w, color(line.Op, row(line.From, mark, line.To)))
	}
	if shown >= 0 && shown != len(diff.Lines)-1 {
		fmt.Fprintln(w, row("...", " ", "..."))
	}
}

func nearChange(lines []api.DiffLine, i int) bool {
	for _, line := range lines[max(0, i-contextLines):min(len(lines), i+contextLines+1)] {
		if line.Op != api.LineSame {
			return true
		}
	}
	return false
}
