package digits

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDataSet: the file is the one that DATA.md tells of, and is divided as it
// says.
func TestDataSet(t *testing.T) {
	page, err := os.ReadFile("data/DATA.md")
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(dataset)); !strings.Contains(string(page), sum) {
		t.Errorf("sha256 of the data set is %s, DATA.md says otherwise", sum)
	}
	train, test := TrainSet(), TestSet()
	if len(train) != 1198 || len(test) != 599 {
		t.Errorf("%d for training and %d for testing, want 1198 and 599", len(train), len(test))
	}
	var count [Classes]int
	seen := map[Sample]bool{}
	for _, s := range train {
		seen[s] = true
	}
	for _, s := range test {
		count[s.Label]++
		if seen[s] {
			t.Errorf("an image of %d is in both parts", s.Label)
		}
	}
	for digit, n := range count {
		if n < 45 || n > 75 {
			t.Errorf("%d test images of %d, want about 60", n, digit)
		}
	}
}

func TestDamagedDataSet(t *testing.T) {
	if _, err := readSamples(dataset[:len(dataset)/2]); err == nil {
		t.Error("half a data set: no error")
	}
}
