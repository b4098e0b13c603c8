package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"

	"sluice.dev/sluice/api"
)

// format is how results are written.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

// String, Set and Type make it a flag.
func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }
func (f *format) Set(s string) error {
	switch format(s) {
	case formatTable, formatJSON, formatYAML:
		*f = format(s)
		return nil
	}
	return fmt.Errorf("table, json and yaml are allowed")
}

// show writes a result: the API's object, or what table makes of it.
func (s *session) show(object any, table func(io.Writer)) error {
	if s.output == formatTable {
		table(s.out)
		return nil
	}
	text, err := s.encode(object)
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

func (s *session) encode(object any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(object); err != nil {
		return nil, err
	}
	if s.output == formatYAML {
		return yaml.JSONToYAML([]byte(b.String()))
	}
	return []byte(b.String()), nil
}

// item writes one object of a result without an end: one line of JSON, or one
// YAML document.
func (s *session) item(object any, table func(io.Writer)) error {
	switch s.output {
	case formatJSON:
		return json.NewEncoder(s.out).Encode(object)
	case formatYAML:
		if _, err := io.WriteString(s.out, "---\n"); err != nil {
			return err
		}
	}
	return s.show(object, table)
}

// table writes aligned columns: rows of cells, the first one the heads.
func table(w io.Writer, rows ...[]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = oneLine(row[i])
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// oneLine keeps text from breaking a table: an error message may hold anything.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// age is how long ago something was, in its largest unit: 12s, 5m, 3h, 2d.
func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := max(0, time.Since(t))
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func ageOf(t *api.Time) string {
	if t == nil {
		return ""
	}
	return age(t.Time)
}

// span is a duration a person reads: 340ms, 12.5s, 3m20s.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
