package training

import (
	"bytes"
	"testing"

	"sluice.dev/sluice/examples/digits"
)

// TestRepeatable trains again: the committed models are what comes out, to the
// byte.
func TestRepeatable(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(digits.Versions) {
		t.Errorf("%d models, want %d", len(files), len(digits.Versions))
	}
	for _, version := range digits.Versions {
		committed, err := digits.ModelFile(version)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files[version], committed) {
			t.Errorf("version %s: another model than models/v%s/model.bin; run cmd/train if the recipe was changed on purpose", version, version)
		}
	}
}
