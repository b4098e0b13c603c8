package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

func commit(t rapid.TB, s store.Store, changes ...store.Change) []api.Event {
	t.Helper()
	events, err := s.Commit(context.Background(), changes...)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return events
}

func load(t rapid.TB, s store.Store) []store.Snapshot {
	t.Helper()
	list, err := s.Load(context.Background())
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return list
}

func events(t rapid.TB, s store.Store, q store.EventQuery) []api.Event {
	t.Helper()
	list, err := s.Events(context.Background(), q)
	if err != nil {
		t.Fatalf("Events: %v", err)
	}
	return list
}

func closeStore(t rapid.TB, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// twice runs see on the store as it is and once more after it was opened again.
func twice(t *testing.T, s store.Store, open Open, see func(s store.Store)) {
	t.Helper()
	see(s)
	closeStore(t, s)
	s = open()
	see(s)
	closeStore(t, s)
}

func testEmpty(t *testing.T, open Open) {
	twice(t, open(), open, func(s store.Store) {
		if list := load(t, s); len(list) != 0 {
			t.Errorf("Load of an empty store: %d services", len(list))
		}
		if list := events(t, s, store.EventQuery{}); len(list) != 0 {
			t.Errorf("Events of an empty store: %d", len(list))
		}
		if _, err := s.Rollouts(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Rollouts of an unknown service: %v, want ErrNotFound", err)
		}
		if got, err := s.Commit(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("Commit of nothing: %v, %v", got, err)
		}
	})
}

func testRoundTrip(t *testing.T, open Open) {
	s := open()
	// "b" before "a", and names that SQL or a file system could stumble over.
	names := []string{"b", "a", "a-1", "x_y"}
	var told []api.Event
	for _, name := range names {
		told = append(told, commit(t, s, everything(name))...)
	}
	twice(t, s, open, func(s store.Store) {
		var want []store.Snapshot
		for _, name := range []string{"a", "a-1", "b", "x_y"} {
			want = append(want, store.Snapshot{
				Service:  *service(name, 2),
				Replicas: []store.Replica{replica(name, 1), replica(name, 12), replica(name, 3)},
				Versions: []store.Version{version(1), version(2)},
			})
		}
		equal(t, "Load", load(t, s), want)
		equal(t, "Events", events(t, s, store.EventQuery{}), told)
		got, err := s.Rollouts(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Rollouts", got, []store.Rollout{oneRollout("a", 2), oneRollout("a", 1)})
	})
}

// testReplace overwrites each kind of record; what is not named stays.
func testReplace(t *testing.T, open Open) {
	s := open()
	commit(t, s, everything("a"))
	later, second, ended := service("a", 7), replica("a", 12), oneRollout("a", 1)
	later.Config, later.Warnings, later.Core.Rollout, later.Core.Base = nil, nil, nil, nil
	second.Core.CreatedAt, second.Handle = time.Time{}, nil
	ended.Message = "changed"
	newer := version(1)
	newer.Current = true
	commit(t, s, store.Change{
		Name: "a", Service: later, Versions: []store.Version{newer, version(3)},
		Rollouts: []store.Rollout{ended}, PutReplicas: []store.Replica{second, replica("a", 4)},
		DropReplicas: []string{"a-1", "not-there"}, DropVersions: []int{2, 9},
	})
	// A change without the service record leaves it as it is.
	commit(t, s, store.Change{Name: "a", DropReplicas: []string{"a-3"}})
	twice(t, s, open, func(s store.Store) {
		got := load(t, s)
		equal(t, "Load", got, []store.Snapshot{{
			Service: *later, Replicas: []store.Replica{second, replica("a", 4)},
			Versions: []store.Version{newer, version(3)},
		}})
		if got[0].Service.Config != nil {
			t.Errorf("an absent configuration came back as %q", got[0].Service.Config)
		}
		list, err := s.Rollouts(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Rollouts", list, []store.Rollout{oneRollout("a", 2), ended})
	})
}

// testDelete: all of the service goes but its events; another of a name that
// begins alike stays; the name can be used again and starts empty.
func testDelete(t *testing.T, open Open) {
	s := open()
	commit(t, s, everything("a"), everything("a-1"))
	commit(t, s, store.Change{Name: "a", Delete: true, Events: []api.Event{event("a", "Deleted")}})
	commit(t, s, store.Change{Name: "never-was", Delete: true})
	if _, err := s.Rollouts(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Rollouts of a deleted service: %v, want ErrNotFound", err)
	}
	if list := load(t, s); len(list) != 1 || list[0].Service.Core.Name != "a-1" || len(list[0].Replicas) != 3 {
		t.Fatalf("after the deletion of a: %s", text(t, list))
	}
	commit(t, s, store.Change{Name: "a", Service: service("a", 1)})
	twice(t, s, open, func(s store.Store) {
		equal(t, "made again", load(t, s)[0], store.Snapshot{Service: *service("a", 1)})
		var reasons []string
		for _, e := range events(t, s, store.EventQuery{Service: "a"}) {
			reasons = append(reasons, e.Reason)
		}
		equal(t, "events", reasons, []string{"Created", "ReplicaReady", "Deleted"})
	})
}

// testAtomic: the last of three changes fails; nothing of the first two stays,
// and the store goes on.
func testAtomic(t *testing.T, open Open) {
	s := open()
	before := commit(t, s, everything("a"))
	orphan := store.Change{Name: "ghost", PutReplicas: []store.Replica{replica("ghost", 1)}, Events: []api.Event{event("ghost", "Never")}}
	update := store.Change{Name: "a", Service: service("a", 9), DropReplicas: []string{"a-1"}, Events: []api.Event{event("a", "Never")}}
	if _, err := s.Commit(t.Context(), update, everything("b"), orphan); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Commit of a replica without its service: %v, want ErrNotFound", err)
	}
	twice(t, s, open, func(s store.Store) {
		list := load(t, s)
		if len(list) != 1 || len(list[0].Replicas) != 3 {
			t.Fatalf("a failed commit left something: %s", text(t, list))
		}
		equal(t, "service", list[0].Service, *service("a", 2))
		equal(t, "events", events(t, s, store.EventQuery{}), before)
	})
	s = open()
	after := commit(t, s, store.Change{Name: "a", Events: []api.Event{event("a", "Next")}})
	if after[0].Seq <= before[len(before)-1].Seq {
		t.Errorf("Seq %d after %d", after[0].Seq, before[len(before)-1].Seq)
	}
	closeStore(t, s)
}

func testRefused(t *testing.T, open Open) {
	s := open()
	commit(t, s, everything("a"))
	for name, c := range map[string]store.Change{
		"record of another service": {Name: "a", Service: service("b", 1)},
		"deleted and written":       {Name: "a", Delete: true, Service: service("a", 1)},
		"deleted with a replica":    {Name: "a", Delete: true, PutReplicas: []store.Replica{replica("a", 1)}},
		"version without service":   {Name: "b", Versions: []store.Version{version(1)}},
		"rollout without service":   {Name: "b", Rollouts: []store.Rollout{oneRollout("b", 1)}},
	} {
		c.Events = []api.Event{event("a", "Never")}
		if _, err := s.Commit(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if list := events(t, s, store.EventQuery{}); len(list) != 2 {
		t.Errorf("refused changes left events: %s", text(t, list))
	}
	closeStore(t, s)
}

func testCancelled(t *testing.T, open Open) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, everything("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v, want context.Canceled", err)
	}
	if _, err := s.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v, want context.Canceled", err)
	}
	if list := load(t, s); len(list) != 0 {
		t.Errorf("a cancelled commit left something")
	}
	closeStore(t, s)
}

// testRolloutOrder: newest first means the last inserted, whatever the clock
// said; a later replacement does not move it.
func testRolloutOrder(t *testing.T, open Open) {
	s := open()
	commit(t, s, store.Change{Name: "a", Service: service("a", 1)})
	var want []store.Rollout
	for i := range 12 { // 10 sorts before 2 where numbers are taken for text
		r := oneRollout("a", i)
		r.StartedAt = api.At(instant(100 - i))
		commit(t, s, store.Change{Name: "a", Rollouts: []store.Rollout{r}})
		want = append([]store.Rollout{r}, want...)
	}
	want[11].Message = "later"
	commit(t, s, store.Change{Name: "a", Rollouts: []store.Rollout{want[11]}})
	twice(t, s, open, func(s store.Store) {
		got, err := s.Rollouts(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Rollouts", got, want)
		one, err := s.Rollout(t.Context(), "a", "a-r10")
		equal(t, "Rollout", one, want[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, not := range [][2]string{{"a", "a-r99"}, {"b", "a-r1"}} {
			if _, err := s.Rollout(t.Context(), not[0], not[1]); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Rollout%q: %v, want ErrNotFound", not, err)
			}
		}
	})
}

func testGateways(t *testing.T, open Open) {
	s := open()
	g := store.Gateway{ID: "g1", Pid: 77, StartTime: 1 << 63, Listen: "127.0.0.1:8080", SeenAt: instant(1)}
	h := store.Gateway{ID: "g0", Pid: 78}
	seen := g
	seen.SeenAt = instant(9)
	for _, put := range []store.Gateway{g, h, seen} {
		if err := s.PutGateway(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"g0", "g0", "not-there"} {
		if err := s.DropGateway(t.Context(), id); err != nil {
			t.Fatalf("DropGateway(%s): %v", id, err)
		}
	}
	twice(t, s, open, func(s store.Store) {
		list, err := s.Gateways(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Gateways", list, []store.Gateway{seen})
	})
}

func testEpoch(t *testing.T, open Open) {
	for want := uint64(1); want <= 6; {
		s := open()
		for range 2 {
			got, err := s.NextEpoch(t.Context())
			if err != nil || got != want {
				t.Fatalf("NextEpoch: %d, %v; want %d", got, err, want)
			}
			want++
		}
		closeStore(t, s)
	}
}

// testConcurrent: many writers and readers at once; every commit is whole in
// every read, and each reader sees what was answered before it began.
func testConcurrent(t *testing.T, open Open) {
	s := open()
	const writers, rounds = 8, 12
	var wg sync.WaitGroup
	for w := range writers {
		name := fmt.Sprint("s", w)
		wg.Go(func() {
			for i := 1; i <= rounds; i++ {
				r := replica(name, 1)
				r.Core.Starts = i
				_, err := s.Commit(context.Background(), store.Change{
					Name: name, Service: service(name, i), PutReplicas: []store.Replica{r},
					Events: []api.Event{event(name, fmt.Sprint(i))},
				})
				if err != nil {
					t.Errorf("Commit: %v", err)
					return
				}
				list, err := s.Load(context.Background())
				if err != nil {
					t.Errorf("Load: %v", err)
					return
				}
				checkWhole(t, list, name, i)
			}
		})
	}
	wg.Wait()
	if n := len(events(t, s, store.EventQuery{})); n != writers*rounds {
		t.Errorf("%d events, want %d", n, writers*rounds)
	}
	closeStore(t, s)
}

func checkWhole(t *testing.T, list []store.Snapshot, own string, answered int) {
	seen := 0
	for _, snapshot := range list {
		name, at := snapshot.Service.Core.Name, snapshot.Service.Core.Latest
		if len(snapshot.Replicas) != 1 || snapshot.Replicas[0].Core.Starts != at {
			t.Errorf("%s: service at %d with replicas %s", name, at, text(t, snapshot.Replicas))
		}
		if name == own {
			seen = at
		}
	}
	if seen != answered {
		t.Errorf("%s: read %d after %d was answered", own, seen, answered)
	}
}
