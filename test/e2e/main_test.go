package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sluice.dev/sluice/internal/testserver"
)

// patience is how long a condition may take to come about on a busy machine.
// Nothing is expected to take a tenth of it.
const patience = 60 * time.Second

// atOnce is how many tests run side by side. They mostly wait.
const atOnce = 4

// program is the sluice binary under test, built once.
var program string

// buildFlags are those it is built with: under `go test -race` it looks for data
// races too (race_on_test.go), and tests fail when it reports one.
var buildFlags []string

func TestMain(m *testing.M) {
	testserver.MaybeRun()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	_ = flag.Set("test.parallel", fmt.Sprint(atOnce))
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // a test runs it as another user
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "sluice")
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", program, "sluice.dev/sluice/cmd/sluice")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build sluice:", err)
		return 1
	}
	return m.Run()
}
