// Command server serves a digits model:
//
//	go build -o bin/digits-server ./examples/digits/cmd/server
//	bin/digits-server --model examples/digits/models/v2 --port 8000
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sluice.dev/sluice/examples/digits/server"
)

func main() {
	// The signals are ours before the model loads: one that comes meanwhile
	// ends the program by its own way too.
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	os.Exit(server.Run(ctx, os.Args[1:], os.Getenv, os.Stderr))
}
