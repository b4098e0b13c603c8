// Package verify proves on an operator's own service that a release loses no
// request: it keeps a bounded load on the service's endpoint while the service is
// released, and reports what became of every request.
//
// Contract: traffic goes only to the endpoint that the service reports, on this
// machine unless told otherwise, at most MaxRate requests a second for at most
// MaxLimit. Nothing is released when the service loses requests, or does not keep
// up, before that. The load goes on until the release has ended and the last
// replica that it drains is gone, and then for a tail: a replica that drops
// requests does so at its end. A request counts in the phase in which it was
// sent.
//
//   - lost: no answer, or one with a status of 400 or above
//   - cut: the answer began and broke off, or lasted longer than the time-out
//   - late: the answer took longer than Options.Late, or than 3 times the p99
//     before the release and at least 100 ms
//   - run twice: counted in a file that the service writes (Options.IDsFile). It
//     cannot be seen from outside: what a replica counts ends with it.
//
// It is used by internal/cli, talks to the server through package client and to
// the service through package load.
package verify
