// Package traffic is the core of how requests reach replicas: what a routing
// table is and how one is made. It is plain data and pure functions; the
// gateway carries a table out, the controller makes it from what it knows.
package traffic

import "sluice.dev/sluice/api"

// Route is everything a gateway needs to serve one address. It is immutable
// once made; a change is a new Route.
type Route struct {
	Service   string     `json:"service"`
	Token     string     `json:"token,omitempty"` // callers must send it; "" for none
	GRPC      bool       `json:"grpc,omitempty"`  // HTTP/2 requests go upstream as cleartext HTTP/2
	Limits    api.Limits `json:"limits,omitzero"` // for each endpoint, at each gateway
	Endpoints []Endpoint `json:"endpoints"`       // ready replicas only
	Mirror    *Mirror    `json:"mirror,omitempty"`
	// Unavailable says why nothing is ready, for the body of a 503; it is set
	// whenever Endpoints is empty.
	Unavailable string `json:"unavailable,omitempty"`
	// RetryAfter is the number of seconds a 503 tells its caller to wait.
	RetryAfter int `json:"retry_after,omitempty"`
}

// Endpoint is one replica that may be given requests. Its Replica id together
// with its Address identify it: a replica restarted in place on another port is
// another endpoint.
type Endpoint struct {
	Replica string `json:"replica"`
	Version int    `json:"version"`
	Address string `json:"address"` // host:port
}
