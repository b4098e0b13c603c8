package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

var update = flag.Bool("update", false, "rewrite the recorded results")

// TestFiles reads whole service files and compares what comes out with the
// record beside them.
func TestFiles(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.*")
	inputs = slices.DeleteFunc(inputs, func(path string) bool { return strings.HasSuffix(path, ".golden") })
	if err != nil || len(inputs) < 4 {
		t.Fatalf("service files in testdata: %v, %v", inputs, err)
	}
	for _, path := range inputs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			compareRecord(t, path+".golden", []byte(describe(data)))
		})
	}
}

func describe(data []byte) string {
	var b strings.Builder
	doc, err := api.ParseDocument(data)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, doc.JSON(), "", "  "); err != nil {
		return err.Error()
	}
	fmt.Fprintf(&b, "-- normal form --\n%s\n-- warnings --\n", pretty.String())
	for _, w := range api.Warnings(doc) {
		b.WriteString(w + "\n")
	}
	b.WriteString("-- result --\n")
	spec, err := api.Parse(doc)
	if err != nil {
		return b.String() + err.Error() + "\n"
	}
	typed, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return b.String() + err.Error()
	}
	return b.String() + string(typed) + "\n"
}

func compareRecord(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; look at the difference and record it with -update\ngot:\n%s", path, got)
	}
}

func TestReference(t *testing.T) {
	compareRecord(t, "../docs/service-file.md", api.ServiceFileReference())
}

func TestYAMLAndJSONAreTheSame(t *testing.T) {
	read := func(path string) api.Document {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return document(t, string(data))
	}
	a, b := read("testdata/sentiment.json"), read("testdata/sentiment.yaml")
	if !a.Equal(b) {
		t.Errorf("the two spellings differ:\n%s\n%s", a.JSON(), b.JSON())
	}
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func document(t tester, text string) api.Document {
	t.Helper()
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return doc
}
