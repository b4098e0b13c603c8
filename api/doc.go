// Package api holds the public types of Sluice: the service file, and what the
// HTTP API, the Go client and the command line say about services, versions,
// rollouts, replicas and events.
//
// It is plain data with parsing, defaults and validation; it decides nothing
// and touches no clock, disk or socket. Every other package may import it, it
// imports none of them.
package api
