package demo

import "time"

// pace is how long the story takes over its steps.
type pace struct {
	steady   time.Duration // a phase in which nothing is done
	least    time.Duration // of any other phase, so that its numbers mean something
	paused   time.Duration // the failed update is left alone
	streams  time.Duration // each is open; longer than a step of the update, and than the whole of it
	minReady int           // seconds for which a new replica serves before the next is replaced
}

var (
	// unhurried is for people. Without min_ready_seconds an update of these small
	// models is over before anybody can see it.
	unhurried = pace{steady: 4 * time.Second, least: 2 * time.Second, paused: 3 * time.Second, streams: 5 * time.Second, minReady: 1}
	// brief is for tests: the same story, with every step as short as it can be.
	brief = pace{steady: time.Second, least: 500 * time.Millisecond, paused: 500 * time.Millisecond, streams: 1500 * time.Millisecond}
)
