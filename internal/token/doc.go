// Package token knows who asks: it keeps the API tokens with their names and
// roles, makes new ones and revokes them.
//
// Contract: a token is shown once, when it is made; only a digest of it is kept.
// What Create and Revoke have answered holds for every request that is
// identified afterwards, and a Holder's Revoked channel ends what a revoked
// token still has open. The records are written first, so that an answer
// outlives a crash.
//
// Neighbours: the store behind Records; package server, which decides by the
// role what a request may do.
package token
