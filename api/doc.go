// Package api holds the public types of Sluice: the service file, and what the
// HTTP API, the Go client and the command line say about services, versions,
// rollouts, replicas and events.
//
// A service file goes ParseDocument (text to normal form), then Merge, Replace or
// Set (one Document from two), then Parse (validated, with defaults: a Spec).
// What a change asks for is told by Changes. All of them are made from one
// catalogue of keys, Keys, as is docs/service-file.md.
//
// It is plain data with parsing, defaults and validation; it decides nothing
// and touches no clock, disk or socket. Every other package may import it, it
// imports none of them.
package api
