package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/cli"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// TestReference holds docs/cli.md and what the commands say of themselves
// together.
func TestReference(t *testing.T) {
	t.Setenv("SLUICE_DATA", "")
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "~")
	const path = "../../docs/cli.md"
	want := cli.Reference(cli.New(cli.Options{Version: version, Commands: commands()}))
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/cli.md is not what the commands say (%v); go test ./cmd/sluice -run TestReference -update writes it", err)
	}
}

func TestCommandsAreDocumented(t *testing.T) {
	for _, cmd := range commands() {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s needs one sentence, details and an example", cmd.Name())
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 83 {
				t.Errorf("%s: a line of its help is %d wide: %s", cmd.Name(), len(line)-1, line)
			}
		}
	}
}
