package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func told(reason, actor, rollout string) api.Event {
	return api.Event{Time: api.At(time.Unix(100, 0)), Type: "normal", Reason: reason, Actor: actor, Rollout: rollout, Message: reason + " it is"}
}

// TestLedgerNotes: what is an action, what a failure, and what neither.
func TestLedgerNotes(t *testing.T) {
	failed := told("ReplicaFailed", "", "r1")
	failed.Replica, failed.Version, failed.Message = "s-2-7", 2, "replica s-2-7 failed: exit code 3: no memory"
	for _, c := range []struct {
		name    string
		event   api.Event
		want    string // "action actor", or "failure reason"
		changed bool
	}{
		{"begun", told("Updated", "ann", "r1"), "Updated ann", true},
		{"a change by somebody during it", told("Scaled", "bob", "r1"), "Scaled bob", true},
		{"one that this package does not know", told("Whatever", "bob", "r1"), "Whatever bob", true},
		{"a pause by a gate", told("RolloutPaused", "", "r1"), "RolloutPaused ", true},
		{"a batch", told("BatchBegan", "", "r1"), "BatchBegan ", true},
		{"gates", told("GatesPassed", "", "r1"), "GatesPassed ", true},
		{"its end", told("RolloutCompleted", "", "r1"), "RolloutCompleted ", true},
		{"a replica that failed", failed, "failure s-2-7 2 exit code 3: no memory", true},
		{"a replica that is ready", told("ReplicaReady", "", "r1"), "", false},
		{"of another rollout", told("Updated", "ann", "r2"), "", false},
		{"of none", told("Updated", "ann", ""), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, changed := history.Begin("r1", "why").Note([]api.Event{c.event})
			var got []string
			for _, a := range l.History.Actions {
				got = append(got, a.Action+" "+a.Actor)
			}
			for _, f := range l.History.Failures {
				got = append(got, fmt.Sprint("failure ", f.Replica, " ", f.Version, " ", f.Reason))
			}
			if strings.Join(got, "; ") != c.want || changed != c.changed {
				t.Errorf("noted %q, changed %v", got, changed)
			}
		})
	}
}

// TestLedgerIsBounded: the beginning and the end stay, and what is left out is
// counted; the ledger noted from stays as it was.
func TestLedgerIsBounded(t *testing.T) {
	l := history.Begin("r1", "")
	for i := range 1200 {
		before, n := l, len(l.History.Actions)
		action, failure := told(fmt.Sprint("A", i), "ann", "r1"), told("ReplicaFailed", "", "r1")
		l, _ = l.Note([]api.Event{action, failure})
		if len(before.History.Actions) != n || n > 0 && before.History.Actions[n-1].Action != fmt.Sprint("A", i-1) {
			t.Fatalf("noting event %d changed what was noted before", i)
		}
	}
	a := l.History.Actions
	if len(a) != 500 || l.History.ActionsLeft != 700 || a[0].Action != "A0" || a[49].Action != "A49" || a[50].Action != "A750" || a[499].Action != "A1199" {
		t.Errorf("%d actions, %d left out: %s, %s, %s ... %s", len(a), l.History.ActionsLeft, a[0].Action, a[49].Action, a[50].Action, a[499].Action)
	}
	if len(l.History.Failures) != 100 || l.History.FailureCount != 1200 {
		t.Errorf("%d failures of %d", len(l.History.Failures), l.History.FailureCount)
	}
}

func tally(requests, errors uint64, latency ...uint64) history.Tally {
	return history.Tally{Requests: requests, Errors: errors, Latency: latency}
}

// TestCount reads counters that grow, begin anew, and are not all there yet.
func TestCount(t *testing.T) {
	type step struct {
		how     history.Read
		reading map[int]history.Tally
	}
	one := func(t history.Tally) map[int]history.Tally { return map[int]history.Tally{1: t} }
	for _, c := range []struct {
		name  string
		steps []step
		want  string // "version: requests errors latency"
	}{
		{"what was counted before is not its own", []step{{history.First, one(tally(100, 5, 90, 10))}, {history.Settled, one(tally(130, 6, 115, 15))}}, "1: 30 1 [25 5]"},
		{"a version that comes later is all its own", []step{{history.First, one(tally(100, 0, 100))},
			{history.Settled, map[int]history.Tally{1: tally(110, 0, 110), 2: tally(7, 1, 0, 7)}}}, "1: 10 0 [10]; 2: 7 1 [0 7]"},
		{"no reading", []step{{history.First, one(tally(100, 0))}, {history.Settled, nil}, {history.Settled, one(tally(103, 0))}}, "1: 3 0 []"},
		{"counters that began anew", []step{{history.First, one(tally(100, 0))}, {history.Settled, one(tally(150, 0))}, {history.Settled, one(tally(20, 0))},
			{history.Settled, one(tally(25, 0))}}, "1: 55 0 []"},
		{"a latency that went back is a new count too", []step{{history.First, one(tally(0, 0))}, {history.Settled, one(tally(4, 0, 4))}, {history.Settled, one(tally(9, 0, 3, 6))},
			{history.Settled, one(tally(10, 0, 4, 6))}}, "1: 5 0 [5]"},
		{"gateways that come back one after the other", []step{{history.First, one(tally(0, 0))}, {history.Settled, one(tally(1000, 0))}, {history.Early, one(tally(400, 0))},
			{history.Early, one(tally(1010, 0))}, {history.Settled, one(tally(1020, 0))}}, "1: 1020 0 []"},
		{"begun before all gateways are back", []step{{history.First, nil}, {history.Early, one(tally(5000, 9))}, {history.Settled, one(tally(5010, 9))}}, "1: 10 0 []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var accounts []history.Account
			for _, s := range c.steps {
				accounts, _ = history.Count(accounts, s.reading, s.how)
			}
			var got []string
			for _, a := range accounts {
				got = append(got, fmt.Sprint(a.Version, ": ", a.Sum.Requests, " ", a.Sum.Errors, " ", a.Sum.Latency))
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got %s, want %s", strings.Join(got, "; "), c.want)
			}
		})
	}
}

func TestCountSaysWhetherAnythingCame(t *testing.T) {
	accounts, changed := history.Count(nil, map[int]history.Tally{1: tally(5, 0)}, history.First)
	if changed {
		t.Error("a first reading is no traffic")
	}
	if _, changed = history.Count(accounts, map[int]history.Tally{1: tally(5, 0)}, history.Settled); changed {
		t.Error("the same reading again is no traffic")
	}
	if _, changed = history.Count(accounts, map[int]history.Tally{1: tally(6, 0)}, history.Settled); !changed {
		t.Error("one more request is")
	}
}

func TestTraffic(t *testing.T) {
	bounds := []float64{0.001, 0.01, 0.1}
	accounts := []history.Account{
		{Version: 1, Sum: tally(100, 2, 50, 45, 4, 1)}, {Version: 2}, {Version: 3, Sum: history.Tally{Canceled: 1}},
		{Version: 4, Sum: tally(3, 9, 0, 0, 0, 3)},
	}
	var got []string
	show := func(q *float64) string {
		if q == nil {
			return "-"
		}
		return fmt.Sprint(*q)
	}
	for _, v := range history.Traffic(accounts, bounds) {
		got = append(got, fmt.Sprint(v.Version, ": ", v.Requests, " ", v.Errors, " ", v.Canceled, " ", show(v.P50), " ", show(v.P95), " ", show(v.P99)))
	}
	want := "1: 100 2 0 0.001 0.01 0.1; 3: 0 0 1 - - -; 4: 3 3 0 0.1 0.1 0.1"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
}
