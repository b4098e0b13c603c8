// Package rollout is the core of Sluice: it decides what happens to the
// replicas of one service, and it does nothing else. It reads no clock, disk or
// socket and starts no goroutine; a test forbids that.
//
// # The contract
//
// The caller keeps a State: what is wanted (Service), what was decided for and
// seen of each replica (Replica), and the time. It calls
//
//	d := Decide(&state)
//
// and carries out d.Steps in their order: first fold each into the state with
// Apply and store the result, then act on it (start a process, signal it, take
// it out of the routing table). It writes what it then sees (a process started,
// exited, passes its checks, every gateway has acknowledged) into the "Seen"
// fields and calls Decide again, at the latest at d.Wake. Killed between any
// two of these, it goes on from what it stored and sees.
//
// What a person asks for (update, rollback, restart, scale, pause, ...) is a
// function in intent.go that changes the State or refuses.
//
// # How it decides
//
// Every rollout, whatever its kind, is one question: which mix of versions is
// wanted (mix.go), and which replicas may be started and drained now so that
// the mix comes nearer without breaking the bounds (converge.go). An update
// wants N of the new version, a rollback N of the old one, a plan T of the new
// and N - T of the base. Below that, each replica has a life of its own: exits
// and deadlines (exits.go) and its graceful end (shutdown.go). Rule numbers in
// comments are those of the project's design document.
//
// Neighbours: the controller calls this package and acts; the preview, and the
// stories and properties that test it, run it in a Model of the world (model.go).
package rollout
