package demo

import (
	"fmt"
	"math"
	"testing"
	"time"

	"sluice.dev/sluice/internal/load"
)

func durations(ms ...int) []time.Duration {
	list := make([]time.Duration, len(ms))
	for i, n := range ms {
		list[i] = time.Duration(n) * time.Millisecond
	}
	return list
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		samples []int
		want    int
	}{{nil, 0}, {[]int{5}, 5}, {[]int{9, 1}, 5}, {[]int{9, 1, 2}, 2}, {[]int{8, 1, 2, 4}, 3}} {
		if got := median(durations(tt.samples...)); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("median(%v) = %v, want %d ms", tt.samples, got, tt.want)
		}
	}
}

func TestAStreamCountsInThePhaseInWhichItWasOpened(t *testing.T) {
	tally := newTally(newClock().now)
	tally.enter("one")
	old := tally.opening()
	tally.enter("two")
	tally.closed(tally.opening(), failures{4, 3}, "")
	tally.closed(tally.opening(), failures{4, 2}, "broke off")
	tally.opening()
	if l := tally.live(); l.Streams != 2 || l.Cut != 1 {
		t.Errorf("now: %+v", l)
	}
	tally.closed(old, failures{}, "")
	tally.leave()
	got := tally.results()
	if one, two := got[0].Streams, got[1].Streams; one != (StreamResult{1, 1, 0, 0}) || two != (StreamResult{3, 1, 1, 5}) || got[1].Faults[0] != "broke off" {
		t.Errorf("%+v", got)
	}
}

// clock is a time that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *clock                { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }
func right(version int) result {
	return result{version: version, right: true, latency: time.Millisecond}
}
func wrong(version int) result               { return result{version: version, latency: 3 * time.Millisecond} }
func broken(o load.Outcome, f string) result { return result{outcome: o, fault: f} }

func TestARequestCountsInThePhaseInWhichItWasSent(t *testing.T) {
	c := newClock()
	tally := newTally(c.now)
	tally.enter("one")
	early := tally.sending()
	c.pass(time.Second)
	tally.enter("two")
	tally.done(tally.sending(), wrong(2))
	tally.done(tally.sending(), broken(load.Cut, "broke off"))
	tally.done(early, right(1))
	c.pass(2 * time.Second)
	tally.leave()
	got := tally.results()
	one, two := got[0], got[1]
	if one.Name != "one" || one.Seconds != 1 || one.Sent != 1 || one.Lost+one.Cut != 0 || one.Accuracy != 1 || one.P50 != 1 || one.Answers[1] != 1 {
		t.Errorf("phase one: %+v", one)
	}
	if two.Seconds != 2 || two.Sent != 2 || two.Lost != 0 || two.Cut != 1 || two.Accuracy != 0 || two.P99 != 3 || two.Answers[2] != 1 || two.Faults[0] != "broke off" {
		t.Errorf("phase two: %+v", two)
	}
}

func TestFaultsAreKeptOnlyUpToALimit(t *testing.T) {
	tally := newTally(newClock().now)
	tally.enter("all")
	for i := range 3 * maxFaults {
		tally.done(tally.sending(), broken(load.Lost, fmt.Sprint(i)))
	}
	tally.leave()
	if got := tally.results()[0]; got.Lost != 3*maxFaults || len(got.Faults) != maxFaults || got.Faults[0] != "0" {
		t.Errorf("%+v", got)
	}
}

func TestLiveNumbersAreOfTheLastSeconds(t *testing.T) {
	c := newClock()
	tally := newTally(c.now)
	if got := tally.live(); got.Accuracy >= 0 || got.Sent != 0 {
		t.Errorf("before the first phase: %+v", got)
	}
	tally.enter("before")
	for range 100 {
		tally.done(tally.sending(), wrong(1))
	}
	c.pass(window + time.Second)
	tally.enter("update")
	for range 10 {
		tally.done(tally.sending(), wrong(1))
	}
	for range 30 {
		tally.done(tally.sending(), right(2))
	}
	tally.done(tally.sending(), broken(load.Lost, "no answer"))
	got := tally.live()
	if got.Sent != 141 || got.Lost != 1 || got.Cut != 0 {
		t.Errorf("since the beginning: %+v", got)
	}
	if math.Abs(got.Accuracy-0.75) > 1e-9 || got.Rate != 40/window.Seconds() {
		t.Errorf("accuracy %v and rate %v of 40 answers, 30 of them right", got.Accuracy, got.Rate)
	}
	if len(got.Shares) != 2 || got.Shares[0] != (share{1, 0.25}) || got.Shares[1] != (share{2, 0.75}) {
		t.Errorf("shares: %+v", got.Shares)
	}
}
