package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// testReopen drives a store and a plain model of it with random changes, some
// of which are refused, closes and opens it at random, and compares the two.
func testReopen(t *testing.T, fresh func(t testing.TB) Open) {
	rapid.Check(t, func(rt *rapid.T) {
		open := fresh(t)
		s := open()
		m := model{services: map[string]*store.Snapshot{}}
		for step := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			if rapid.IntRange(0, 3).Draw(rt, "reopen") == 0 {
				closeStore(rt, s)
				s = open()
			}
			changes := make([]store.Change, rapid.IntRange(1, 3).Draw(rt, "changes"))
			next := m.clone()
			ok := true
			for i := range changes {
				changes[i] = drawChange(rt, step)
				ok = ok && next.apply(changes[i])
			}
			got, err := s.Commit(rt.Context(), changes...)
			if ok != (err == nil) {
				rt.Fatalf("Commit: %v, model says ok=%v: %s", err, ok, text(rt, changes))
			}
			if ok {
				next.events = append(next.events, got...)
				m = next
			}
			m.compare(rt, s)
		}
		closeStore(rt, s)
	})
}

func drawChange(rt *rapid.T, step int) store.Change {
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
	c := store.Change{Name: name}
	for i := range rapid.IntRange(0, 2).Draw(rt, "events") {
		c.Events = append(c.Events, event(name, fmt.Sprint("E", step, i)))
	}
	switch rapid.IntRange(0, 5).Draw(rt, "kind") {
	case 0:
		c.Delete = true
		return c
	case 1, 2, 3:
		c.Service = service(name, rapid.IntRange(1, 9).Draw(rt, "version"))
	}
	few := rapid.SliceOfNDistinct(rapid.IntRange(1, 5), 0, 3, rapid.ID)
	for _, n := range few.Draw(rt, "versions") {
		c.Versions = append(c.Versions, version(n))
	}
	c.DropVersions = few.Draw(rt, "dropped versions")
	for _, n := range few.Draw(rt, "put") {
		r := replica(name, n)
		r.Core.Starts = step
		c.PutReplicas = append(c.PutReplicas, r)
	}
	for _, n := range few.Draw(rt, "drop") {
		c.DropReplicas = append(c.DropReplicas, fmt.Sprintf("%s-%d", name, n))
	}
	return c
}

// model is what a store should hold, in maps and slices.
type model struct {
	services map[string]*store.Snapshot
	events   []api.Event
}

func (m model) clone() model {
	services := map[string]*store.Snapshot{}
	for name, s := range m.services {
		services[name] = &store.Snapshot{Service: s.Service, Replicas: slices.Clone(s.Replicas), Versions: slices.Clone(s.Versions)}
	}
	return model{services, slices.Clone(m.events)}
}

// apply tells whether the change is acceptable.
func (m model) apply(c store.Change) bool {
	if c.Delete {
		delete(m.services, c.Name)
		return true
	}
	at := m.services[c.Name]
	if c.Service != nil {
		if at == nil {
			at = &store.Snapshot{}
			m.services[c.Name] = at
		}
		at.Service = *c.Service
	}
	if at == nil {
		return len(c.Versions)+len(c.PutReplicas) == 0
	}
	for _, v := range c.Versions {
		at.Versions = put(at.Versions, v, number)
	}
	at.Versions = slices.DeleteFunc(at.Versions, func(v store.Version) bool { return slices.Contains(c.DropVersions, v.Number) })
	slices.SortFunc(at.Versions, func(a, b store.Version) int { return cmp.Compare(a.Number, b.Number) })
	at.Replicas = slices.DeleteFunc(at.Replicas, func(r store.Replica) bool {
		return slices.Contains(c.DropReplicas, r.Core.ID)
	})
	for _, r := range c.PutReplicas {
		at.Replicas = put(at.Replicas, r, id)
	}
	return true
}

func number(v store.Version) int { return v.Number }
func id(r store.Replica) string  { return r.Core.ID }

// put replaces what has the key of v, or appends v.
func put[T any, K comparable](list []T, v T, key func(T) K) []T {
	for i := range list {
		if key(list[i]) == key(v) {
			list[i] = v
			return list
		}
	}
	return append(list, v)
}

func (m model) compare(rt *rapid.T, s store.Store) {
	var want []store.Snapshot
	for _, name := range slices.Sorted(maps.Keys(m.services)) {
		want = append(want, *m.services[name])
	}
	got := load(rt, s)
	if len(got) != len(want) {
		rt.Fatalf("%d services, want %d", len(got), len(want))
	}
	for i := range want {
		equal(rt, "service", got[i].Service, want[i].Service)
		equal(rt, "replicas", slices.Concat(got[i].Replicas, []store.Replica{}), slices.Concat(want[i].Replicas, []store.Replica{}))
		equal(rt, "versions", slices.Concat(got[i].Versions, []store.Version{}), slices.Concat(want[i].Versions, []store.Version{}))
	}
	equal(rt, "events", slices.Concat(events(rt, s, store.EventQuery{}), []api.Event{}), slices.Concat(m.events, []api.Event{}))
}
