package main

import (
	"github.com/spf13/cobra"

	"sluice.dev/sluice/internal/demo"
)

// commands are those that need more than the API.
func commands() []*cobra.Command {
	return []*cobra.Command{serverCommand(), gatewayCommand(), downCommand(), demo.Command(executable())}
}
