// Package cli is the command line of Sluice: every command that needs nothing
// but the HTTP API. Commands that need parts of the server are made by
// cmd/sluice and handed in as Options.Commands.
//
// Contract (design.md 2b and 5): results go to standard output, everything else
// to standard error; with -o json a result is the API's own object; progress is a
// bar on a terminal and plain lines elsewhere; exit codes are those of ExitCode.
//
// It talks to the server through package client alone, and reads service files
// through package api.
package cli
