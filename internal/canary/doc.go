// Package canary is the core of groups: how the traffic of services that share
// an address is divided (share.go), how it is moved gradually to one of them
// (shift.go), how that one's version becomes the version of the others
// (promotion.go), and how it is taken out (abandon.go). It reads no clock, disk
// or socket.
//
// # The contract
//
// The caller keeps a Shift or a Promotion, both plain data, and calls
//
//	d := DecideShift(shift, group, now)
//
// when something of the group has changed, and at the latest at d.Wake. It
// stores d.Shift together with d.Set and d.Scale, in one transaction, and carries
// them out. Decisions come from what is observed and not from what was done:
// killed between any two of these, it calls again and goes on. What a person
// asks for (begin, pause, resume, abort) is a function that gives a changed
// Shift or Promotion, or refuses.
//
// # The bound of load
//
// A replica's load is share / ready replicas of its member. Before a shift, a
// replica carried 1 / reference, where reference is the number of ready replicas
// of all members that had a share. No decision takes a member's load above
// max_load / reference (rule 23); a crash may, and then nothing more is moved to
// where it happened. An abort is not held back by it.
//
// Neighbours: internal/controller calls this package and acts; internal/traffic
// says what a gateway makes of the weights. Rule numbers in comments are those
// of the project's design document.
package canary
