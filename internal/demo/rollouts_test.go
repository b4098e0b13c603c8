package demo

import (
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		kind api.RolloutKind
		n    int
		want int
	}{
		{api.KindCreate, 4, 1}, {api.KindUpdate, 4, 4}, {api.KindUpdate, 1, 1},
		{api.KindRollback, 0, 0}, {api.KindRollback, 3, 3}, {api.KindRestart, 4, 4},
	} {
		if got := rounds(tt.kind, tt.n); got != tt.want {
			t.Errorf("rounds(%s, %d) = %d, want %d", tt.kind, tt.n, got, tt.want)
		}
	}
}

func TestMeasurePutsARolloutAgainstTheShortestPossible(t *testing.T) {
	start := newClock().at
	at := func(s float64) *api.Time { return api.AtPtr(start.Add(time.Duration(s * float64(time.Second)))) }
	ro := api.Rollout{Kind: api.KindUpdate, FromVersion: 1, ToVersion: 2, Phase: api.RolloutCompleted, StartedAt: api.At(start), EndedAt: at(5)}
	replica := func(version int, started, ready float64) api.Replica {
		return api.Replica{Version: version, StartedAt: at(started), ReadyAt: at(ready)}
	}
	var seen extremes
	for _, c := range []api.ReplicaCounts{{Ready: 4, Live: 5}, {Ready: 3, Live: 4}, {Ready: 4, Live: 4}} {
		seen.see(c)
	}
	got := measure(ro, []api.Replica{
		replica(2, 0, 1), replica(2, 1, 2.25), replica(2, 2.25, 3.25), replica(2, 3.25, 4.75),
		replica(1, -60, -50),              // drains yet
		replica(2, -60, -50),              // was there before
		{Version: 2, StartedAt: at(4.75)}, // never became ready
	}, seen)
	want := RolloutResult{
		Kind: api.KindUpdate, FromVersion: 1, ToVersion: 2, Phase: api.RolloutCompleted,
		Seconds: 5, Rounds: 4, StartSeconds: 1.125, ShortestSeconds: 4.5, Ratio: 5 / 4.5, FewestReady: 3, MostLive: 5,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := measure(ro, nil, seen); got.Rounds != 0 || got.Ratio != 0 || got.Seconds != 5 {
		t.Errorf("a rollout that replaced nothing: %+v", got)
	}
}
