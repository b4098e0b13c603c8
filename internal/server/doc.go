// Package server is Sluice's HTTP API (design.md 5): the paths under /api/v1,
// /healthz, /readyz, /metrics and /openapi.json, and the way into the console under
// /console. It turns requests into calls of Releases and their answers into JSON;
// it decides nothing.
//
// Contract: every error, also a wrong path, is a problem document (RFC 9457, see
// Problem); every change is made in the name of the identity behind the bearer
// token or the session (see auth.go and cookie.go); what openapi.json says is
// generated from the code that answers, and a test holds real answers against it.
//
// Neighbours: the controller is behind Releases; package client is the other end
// of the wire and shares nothing with this package but the types of api.
package server
