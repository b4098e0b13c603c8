// Package load asks an HTTP service at a steady rate and says what became of
// each request: answered, lost or cut.
//
// Contract: requests are due at fixed times, whatever the service does; one that
// could not be sent when it was due counts its latency from then, so that a stall
// is seen by all the requests that it delays. Every request that was begun is
// waited for. A request is sent once: one that broke is never repeated silently.
//
// The demo and package verify are built on it; it knows nothing of Sluice.
package load
