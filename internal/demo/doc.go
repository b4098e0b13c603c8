// Package demo is `sluice demo`: the whole story of a release on this machine,
// with real processes, real traffic and a verdict at the end.
//
// In a temporary directory it starts `sluice server` as its own process, deploys
// version 1 of the example model server (package digits) with four replicas, keeps
// the test images coming through the gateway and checks every answer; meanwhile
// it updates to version 2, tries version 3, whose model does not load, and rolls
// back. Then it sets a plan with a gate and tries version 4, which answers some
// requests with errors: the gate takes it back. Four streams are open all the while, each for longer than the update takes.
// Then it counts: every request sent has a valid answer, or is lost or cut, every
// stream is whole or cut, and one that is not as it should be ends the command with
// an error.
//
// It uses Sluice as any user does: the programs through their command line, the
// server through package client. So what it shows, a reader can type.
//
// # Numbers
//
// A request belongs to the phase in which it was sent. It is lost when it has no
// valid answer (no connection, another status than 200, a body that is not the
// answer to this request) and cut when its answer began and broke off. An error
// that the model itself gives as its answer, with status 500, came whole through
// the gateway: it is counted as an error, not as lost, and only version 4 may give
// any. A stream is whole when it has an event for each digit that was sent, and its
// end; every other one is cut, one that was refused too. Latency
// counts from the moment at which the request was due, if earlier ones kept its
// worker from sending it then: a stall is seen by every request it delays.
// Quantiles are exact, of all answered requests.
//
// The shortest possible duration of a rollout under its bounds is its rounds
// times the median time from a replica's start to its readiness. An update of 4
// replicas with max_surge 1 and max_unavailable 0 replaces one at a time, so it
// has 4 rounds; a first create starts all at once: one round; a rollback to
// replicas that never ended: none.
package demo
