// Command accuracy prints how well each version of the example model does on
// the test images, at how many it fails, and how long it takes for one:
//
//	go run ./examples/digits/cmd/accuracy
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"sluice.dev/sluice/examples/digits"
)

func main() {
	if err := table(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func table(out io.Writer) error {
	test := digits.TestSet()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "VERSION\tKIND\tPARAMETERS\tACCURACY ON %d TEST IMAGES\tFAILS AT\tTIME FOR ONE\n", len(test))
	for _, version := range digits.Versions {
		file, err := digits.ModelFile(version)
		if err != nil {
			return err
		}
		m, err := digits.Decode(file)
		if err != nil {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\tfails to load: %v\n", version, err)
			continue
		}
		began := time.Now()
		accuracy, failures := m.Accuracy(test)
		each := time.Since(began) / time.Duration(len(test))
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f%%\t%d\t%.3f ms\n", version, m.Kind, m.Parameters(), 100*accuracy, failures, each.Seconds()*1000)
	}
	return w.Flush()
}
