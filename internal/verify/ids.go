package verify

import (
	"bufio"
	"errors"
	"io"
	"os"
	"regexp"
)

// ranTwice counts the requests of a run whose id stands more than once in the
// file, and those that stand in it at all. The service appends a line for each
// request that it runs, so the file outlives the replica that ran it.
func ranTwice(file, run string) (twice, seen int, err error) {
	in, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	id := regexp.MustCompile(regexp.QuoteMeta(run) + `[0-9]+`)
	runs := map[string]int{}
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadBytes('\n')
		if found := id.Find(line); found != nil {
			runs[string(found)]++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
	}
	for _, n := range runs {
		if n > 1 {
			twice++
		}
	}
	return twice, len(runs), nil
}
