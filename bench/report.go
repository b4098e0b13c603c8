package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a benchmark found.
type report struct {
	Command  string     `json:"command"`
	At       time.Time  `json:"at"`
	Machine  machine    `json:"machine"`
	Notes    []string   `json:"notes,omitempty"`
	Measures []*measure `json:"measures"`
}

// measure is one figure over all rounds.
type measure struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Median  float64   `json:"median"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	Samples []float64 `json:"samples"`
	// AtMost is the bar of the design, and Of which of the figures it is meant.
	AtMost *float64 `json:"at_most,omitempty"`
	Of     string   `json:"of,omitempty"` // "median" or "max"
}

func newReport(args []string) *report {
	return &report{Command: "go run ./bench " + strings.Join(args, " "), At: time.Now().UTC().Round(time.Second), Machine: thisMachine()}
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// add takes one sample of a figure.
func (r *report) add(name, unit string, value float64) {
	m := r.find(name)
	if m == nil {
		m = &measure{Name: name, Unit: unit}
		r.Measures = append(r.Measures, m)
	}
	m.Samples = append(m.Samples, value)
	sorted := slices.Sorted(slices.Values(m.Samples))
	m.Min, m.Max, m.Median = sorted[0], sorted[len(sorted)-1], middle(sorted)
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (r *report) find(name string) *measure {
	for _, m := range r.Measures {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// bar puts the design's bar beside a figure, if it was measured.
func (r *report) bar(name, of string, atMost float64) {
	if m := r.find(name); m != nil {
		m.AtMost, m.Of = &atMost, of
	}
}

// verdict is "met" or "missed", "" without a bar.
func (m *measure) verdict() string {
	if m.AtMost == nil {
		return ""
	}
	value := m.Median
	if m.Of == "max" {
		value = m.Max
	}
	if value <= *m.AtMost {
		return "met"
	}
	return "missed"
}

func (r *report) table(out io.Writer) {
	fmt.Fprintf(out, "%s\n%s, %s\n\n", r.Command, r.At.Format(time.DateOnly), r.Machine)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEASURE\tMEDIAN\tMIN\tMAX\tUNIT\tBAR\t")
	for _, m := range r.Measures {
		bar := ""
		if m.AtMost != nil {
			bar = fmt.Sprintf("%s <= %s: %s", m.Of, figure(*m.AtMost), m.verdict())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Name, figure(m.Median), figure(m.Min), figure(m.Max), m.Unit, bar)
	}
	w.Flush()
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
}

// figure has three digits that count: 0.123, 1.23, 12.3, 123, 12345.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0:
		return "-" + figure(-v)
	case v < 1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (r *report) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
