package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func versionsCommand(s *session) *cobra.Command {
	var page client.Page
	cmd := &cobra.Command{
		Use:   "versions NAME",
		Short: "List the versions of a service",
		Long: `List the versions of a service, the newest first: how each one stands, how many
live replicas run it, whether a rollback to it would work as far as is known, who
made it and why, and what it changed against the version before it.`,
		Example: "  sluice versions sentiment\n  sluice versions sentiment --limit 20 --before 180",
		Args:    takes("NAME"),
	}
	cmd.Flags().IntVar(&page.Limit, "limit", 0, "show the newest that many; 0 is all")
	cmd.Flags().IntVar(&page.Before, "before", 0, "show only versions with a lower number, for the next page")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if page.Limit < 0 || page.Before < 0 {
			return Usagef("--limit and --before: a whole number from 0 is allowed")
		}
		list, err := c.Versions(ctx, args[0], page)
		if err != nil {
			return err
		}
		return s.show(struct {
			Versions []api.Version `json:"versions"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"VERSION", "STATE", "SERVING", "ROLLBACK", "CREATOR", "AGE", "CHANGED", "MESSAGE"}}
			for _, v := range list {
				serving := ""
				if v.Serving > 0 {
					serving = strconv.Itoa(v.Serving)
				}
				rows = append(rows, []string{strconv.Itoa(v.Number), stateOf(v), serving, verdictOf(v), v.Creator, age(v.CreatedAt.Time), v.Summary, v.Message})
			}
			table(w, rows...)
			if n := len(list); page.Limit > 0 && n == page.Limit && list[n-1].Number > 1 {
				fmt.Fprintf(s.err, "older ones: sluice versions %s --limit %d --before %d\n", args[0], page.Limit, list[n-1].Number)
			}
		})
	})
}

func stateOf(v api.Version) string {
	var words []string
	for _, s := range []struct {
		holds bool
		word  string
	}{{v.Current, "current"}, {v.Latest, "latest"}, {v.Completed, "completed"}, {v.Pinned, "pinned"}} {
		if s.holds {
			words = append(words, s.word)
		}
	}
	return strings.Join(words, ", ")
}

// verdictOf is the preflight's word, "" before it has one.
func verdictOf(v api.Version) string {
	if v.Preflight == nil {
		return ""
	}
	return string(v.Preflight.Verdict)
}

func versionCommand(s *session) *cobra.Command {
	var file bool
	cmd := &cobra.Command{
		Use:   "version NAME N",
		Short: "Show one version of a service",
		Long: `Show one version of a service with the configuration it keeps, sorted into image,
model, resources, command, environment, checks, strategy and the rest. What the
configuration does not name, and what holds therefore, is marked as default.

--file prints the configuration alone, as a service file: it can be edited and
given to "sluice apply" or "sluice diff -f".

The program's own version is shown by "sluice --version".`,
		Example: "  sluice version sentiment 2\n  sluice version sentiment 2 --file > service.yaml",
		Args:    takes("NAME", "N"),
	}
	cmd.Flags().BoolVar(&file, "file", false, "print the service file alone")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		n, err := whole("N", args[1], 1)
		if err != nil {
			return err
		}
		v, err := c.Version(ctx, args[0], n)
		if err != nil {
			return err
		}
		if file {
			return s.writeFile(v)
		}
		return s.show(v, func(w io.Writer) { versionTable(w, &v) })
	})
}

// writeFile writes the service file that a version keeps: YAML, or JSON where
// that was asked for.
func (s *session) writeFile(v api.Version) error {
	doc, err := api.ParseDocument(v.Config)
	if err != nil {
		return err
	}
	if s.output == formatJSON {
		return s.show(doc, nil)
	}
	_, err = io.WriteString(s.out, doc.YAML())
	return err
}

// fileLine is a file of a version with its content, and what becomes of it.
func fileLine(d api.Digest) string {
	switch {
	case d.Stat == "" && d.Kind != api.FileImage:
		return d.Path + " (was not there)"
	case d.SHA256 == "":
		return d.Path + " (not read yet)"
	case d.Retained:
		return d.Path + " " + d.SHA256 + " (a copy is kept)"
	}
	return d.Path + " " + d.SHA256
}

func versionTable(w io.Writer, v *api.Version) {
	state := stateOf(*v)
	if v.Serving > 0 {
		state = strings.TrimPrefix(fmt.Sprintf("%s, serving %d", state, v.Serving), ", ")
	}
	head := [][2]string{{"Version", strconv.Itoa(v.Number)}, {"State", state}, {"Creator", v.Creator},
		{"Created", when(v.CreatedAt)}, {"Message", v.Message}, {"Changed", v.Summary}}
	if verdict := verdictOf(*v); verdict != "" {
		head = append(head, [2]string{"Rollback", verdict})
	}
	for _, d := range v.Digests {
		head = append(head, [2]string{"File", fileLine(d)})
	}
	pairs(w, head)
	for _, section := range v.Sections {
		fmt.Fprintf(w, "\n%s\n", section.Title)
		widest := 0
		for _, f := range section.Fields {
			widest = max(widest, len(f.Path))
		}
		for _, f := range section.Fields {
			writeField(w, widest, f)
		}
	}
}

// writeField writes text of several lines below its path.
func writeField(w io.Writer, widest int, f api.ConfigField) {
	var text string
	if json.Unmarshal(f.Value, &text) != nil || text == "" {
		text = string(f.Value)
	}
	if strings.Contains(strings.TrimSuffix(text, "\n"), "\n") {
		fmt.Fprintf(w, "  %s\n", f.Path)
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			fmt.Fprintln(w, "    "+oneLine(line))
		}
		return
	}
	mark := ""
	if f.Default {
		mark = "  (default)"
	}
	fmt.Fprintf(w, "  %-*s  %s%s\n", widest, f.Path, oneLine(text), mark)
}

func pinCommand(s *session) *cobra.Command {
	return pinning(s, true, &cobra.Command{
		Use:   "pin NAME N",
		Short: "Keep a version for good",
		Long: `Keep a version for good: it is not removed, whatever limits are set on how many
versions are kept, and neither are copies of its files.`,
		Example: "  sluice pin sentiment 7 -m 'the last one before the new model'",
	})
}

func unpinCommand(s *session) *cobra.Command {
	return pinning(s, false, &cobra.Command{
		Use:     "unpin NAME N",
		Short:   "Let a pinned version go with the others",
		Long:    `Let a pinned version go with the others, when the limits that are set say so.`,
		Example: "  sluice unpin sentiment 7",
	})
}

func pinning(s *session, pinned bool, cmd *cobra.Command) *cobra.Command {
	cmd.Args = takes("NAME", "N")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		n, err := whole("N", args[1], 1)
		if err != nil {
			return err
		}
		answer, err := c.Pin(ctx, args[0], n, pinned, client.Because(f.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Steady)
	})
}
