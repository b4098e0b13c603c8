package api_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/api"
)

// FuzzServiceFile holds, for any bytes: nothing panics, an accepted text has one
// normal form, and whatever Parse refuses it refuses by an InvalidError.
func FuzzServiceFile(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/*.*")
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{current, "a: &a [*a]\n", "{a: {b: 1e5}, <<: {c: .inf}}", `{"metadata.eas.drain":null,"containers":[{"readiness_check.exec":1}]}`, "? a\n: b\n", "- !!int 'x'\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := api.ParseDocument(data)
		if err != nil {
			return
		}
		again, err := api.ParseDocument(doc.JSON())
		if err != nil || !again.Equal(doc) {
			t.Fatalf("the normal form %s is read as %s, %v", doc.JSON(), again.JSON(), err)
		}
		api.Warnings(doc)
		api.ReplicaKeys(doc)
		if c := api.Changes(doc, again); !c.Empty() {
			t.Fatalf("it differs from itself: %v", c)
		}
		spec, err := api.Parse(doc)
		if err != nil {
			var invalid *api.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				t.Fatalf("refused by %T %v", err, err)
			}
			return
		}
		api.Files(spec)
		whole, err := api.Merge(api.Document{}, doc)
		if err != nil {
			t.Fatalf("it parses, but is no update: %v", err)
		}
		if _, err := api.Parse(whole); err != nil {
			t.Fatalf("without its nulls it is refused: %v", err)
		}
	})
}
