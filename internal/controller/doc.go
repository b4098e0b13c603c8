// Package controller carries out what the core decides. For each service it
// observes (runtime, gateways), decides (package rollout) and acts, woken by
// events and never polling; see pass.go for one turn of that.
//
// Contract: what a turn decides is committed to the store before it is acted
// upon, so the controller may be killed at any instruction and a later one goes
// on from what is stored and seen. A change that a person asks for is committed
// before it is answered, and is refused whole or made whole.
//
// Neighbours: it is given a store, a runtime and the gateways as interfaces and
// knows no implementation of them; the API server is its caller.
package controller
