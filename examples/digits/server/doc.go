// Package server serves one digits model over HTTP by the Open Inference
// Protocol v2: the handler, and Run, which is the whole program.
//
// What a release system needs of a model server, it does: it loads its model
// before it listens and exits at once with one line when it cannot; it is ready
// as soon as it listens; at SIGTERM it takes no new connection, answers every
// request in hand and exits 0.
package server
