// Package series keeps what gateways measured of services over the last day: for
// each version requests, errors, latency and ready replicas, in steps of ten
// seconds for an hour and of a minute for a day.
//
// It is the core of it: plain data, no clock and no lock. Whoever keeps a Book (the
// controller) gives it a Reading every ten seconds, writes down the hours that it
// says have changed, and asks it for points. The store keeps hours as the bytes that
// this package makes of them; deltas, resets and quantiles are package history's.
//
// What is at rest costs next to nothing: equal steps that follow each other are one
// run, so a service whose replicas wait for requests is one run for each version,
// however long it waits. Nothing is made up: a step that was not measured is in no
// run.
package series
