package cli

import (
	"testing"

	"sluice.dev/sluice/api"
)

// What a version's page says of a file, and so of whether its original is still
// needed.
func TestFileLine(t *testing.T) {
	for want, d := range map[string]api.Digest{
		"/m (was not there)":      {Path: "/m"},
		"/m (not read yet)":       {Path: "/m", Stat: "s"},
		"/m abc":                  {Path: "/m", Stat: "s", SHA256: "abc"},
		"/m abc (a copy is kept)": {Path: "/m", Stat: "s", SHA256: "abc", Retained: true},
		"m:1 (not read yet)":      {Path: "m:1", Kind: api.FileImage},
		"m:1 sha256:1":            {Path: "m:1", Kind: api.FileImage, SHA256: "sha256:1"},
	} {
		if got := fileLine(d); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}
