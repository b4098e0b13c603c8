// Command accuracy prints how well each version of the example model does on
// the test images:
//
//	go run ./examples/digits/cmd/accuracy
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

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
	fmt.Fprintf(w, "VERSION\tKIND\tPARAMETERS\tACCURACY ON %d TEST IMAGES\n", len(test))
	for _, version := range digits.Versions {
		file, err := digits.ModelFile(version)
		if err != nil {
			return err
		}
		m, err := digits.Decode(file)
		if err != nil {
			fmt.Fprintf(w, "%s\t-\t-\tfails to load: %v\n", version, err)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f%%\n", version, m.Kind, m.Parameters(), 100*m.Accuracy(test))
	}
	return w.Flush()
}
