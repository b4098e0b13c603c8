// Package e2e checks the whole program from outside: the real sluice binary as
// a server with its gateway, real replica processes, and callers over real
// sockets. It knows nothing of the inside but what a user can see: the HTTP API,
// the gateway, exit codes, /proc, and what the replicas recorded about themselves
// (package testserver).
//
// Every test runs servers of its own on free ports, with data directories of
// their own, and ends them with `sluice down`; afterwards no process of the data
// directory may be left. Nothing here sleeps for a fixed time to let something
// happen: tests wait for conditions, for as long as patience allows.
package e2e
