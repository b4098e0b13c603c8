// Command train makes the example models again, the same to the byte:
//
//	go run ./examples/digits/cmd/train -o examples/digits/models
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"sluice.dev/sluice/examples/digits"
	"sluice.dev/sluice/examples/digits/training"
)

func main() {
	out := flag.String("o", "", "folder to write v1/model.bin to v5/model.bin into")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: train -o FOLDER")
		os.Exit(2)
	}
	if err := train(*out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func train(out string) error {
	files, err := training.Files()
	if err != nil {
		return err
	}
	for _, version := range digits.Versions {
		dir := filepath.Join(out, "v"+version)
		if err := digits.WriteModel(dir, files[version]); err != nil {
			return err
		}
		fmt.Printf("%s  %d bytes\n", filepath.Join(dir, digits.FileName), len(files[version]))
	}
	return nil
}
