// Package preview says beforehand what an update will do. It runs the decisions
// of package rollout, the very same functions, on a rollout.Model of the service:
// a copy of its real state, processes that take as long as this service's took so
// far (Seen), and a copy of the account of its resource group. It reads no clock,
// disk or socket, and changes nothing that is not its own copy.
//
// What it cannot know it assumes and says so: that every new replica comes up,
// that nobody interferes, that gateways acknowledge within rollout.AckDelay, and,
// where nothing was measured, how long processes take. What a failure would leave
// is part of each step.
//
// Neighbours: the controller makes the Input and shows the answer; internal/sim
// compares it with what then happens.
package preview
