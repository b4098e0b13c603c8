// Package gateway is the data plane: a process of its own that takes requests
// from callers and hands each to one ready replica. It gets its routing table
// from the control plane (packages wire and hub) and goes on with the last one
// it got when the control plane is away. It decides nothing about replicas.
//
// What it promises:
//
//   - A request runs at most once. It is tried on another replica only when no
//     byte of it can have reached the first (the connection could not be made,
//     or the kernel took none of it); every other failure is told to the caller.
//     That is why requests go upstream through a client of our own (upstream.go):
//     net/http's repeats a GET whose connection broke, and hides from its user
//     whether a byte was written.
//   - Once a table is acknowledged, no request is picked for a replica that it
//     does not hold of which no byte is written yet (design rule 8; endpoint.go
//     has the argument).
//   - Nothing is buffered: bytes go on as they come, both ways at the same time.
//   - What is in hand when a replica leaves the table is finished, be it a
//     request, a stream or a WebSocket, and is counted as in flight until then.
//
// One request, step by step: handler.go finds the service, checks its token and
// body's size; pick.go chooses a replica (limits.go, ramp.go); forward.go sends the request (request.go,
// body.go; both sides read and write by socket_linux.go); pass.go passes the answer on (response.go, chunked.go); tunnel.go and
// h2.go do so for upgrades and for gRPC; problem.go is what a caller gets when
// it does not work. At a group's address choose.go finds the member first, by
// name, rule or exact split (group.go; traffic.Split), and another one when no
// replica of it takes the request. mirror.go makes copies of requests beside
// them, and copy.go sends these. table.go puts tables in force, link.go and report.go talk
// to the control plane. handover.go lets one gateway follow another at the same
// address; the one that was followed retires (retire.go, goaway.go).
package gateway
