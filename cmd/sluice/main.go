// Command sluice releases changes to inference services without losing a
// request. This package wires the parts together; each command that needs the
// server's parts is here, the others are in internal/cli.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"sluice.dev/sluice/internal/cli"
)

// version is this program's, from the build.
var version = func() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}()

func main() {
	os.Exit(cli.Run(context.Background(), cli.Options{
		Version: version,
		Args:    os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Commands: commands(),
	}))
}

// executable is a path of this very program, also when its file has been
// replaced or removed since it was started (as `go run` does).
func executable() string {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
