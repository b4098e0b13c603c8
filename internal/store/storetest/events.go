package storetest

import (
	"fmt"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

func testEvents(t *testing.T, open Open) {
	s := open()
	var all []api.Event
	for i := range 1200 {
		name := []string{"a", "b"}[i%2]
		c := store.Change{Name: name, Events: []api.Event{event(name, fmt.Sprint("E", i))}}
		if i == 7 {
			c.Events[0].Service = "" // is of the change's service
		}
		all = append(all, commit(t, s, c)...)
	}
	var ofB []api.Event
	for i, e := range all {
		if i > 0 && e.Seq <= all[i-1].Seq {
			t.Fatalf("Seq %d follows %d", e.Seq, all[i-1].Seq)
		}
		if e.Service == "b" {
			ofB = append(ofB, e)
		}
	}
	twice(t, s, open, func(s store.Store) {
		for _, c := range []struct {
			name string
			q    store.EventQuery
			want []api.Event
		}{
			{"default limit is the newest 1000", store.EventQuery{}, all[200:]},
			{"all", store.EventQuery{Limit: 5000}, all},
			{"of one service", store.EventQuery{Service: "b"}, ofB},
			{"newest three of one", store.EventQuery{Service: "b", Limit: 3}, ofB[597:]},
			{"after", store.EventQuery{After: all[1190].Seq}, all[1191:]},
			{"after, of one", store.EventQuery{Service: "b", After: ofB[590].Seq}, ofB[591:]},
			{"after, the newest two", store.EventQuery{After: all[10].Seq, Limit: 2}, all[1198:]},
			{"after the last", store.EventQuery{After: all[1199].Seq}, []api.Event{}},
			{"of nobody", store.EventQuery{Service: "nobody"}, []api.Event{}},
		} {
			equal(t, c.name, events(t, s, c.q), c.want)
		}
	})
}

// testEventFilters asks for events by each of their fields, and by all at once.
func testEventFilters(t *testing.T, open Open) {
	s := open()
	var list []api.Event
	for i := range 8 {
		e := api.Event{Time: api.At(instant(i)), Type: []string{"normal", "warning"}[i%2], Reason: []string{"Updated", "It's \"so\""}[i/2%2],
			Version: i / 4, Message: "x"}
		if i >= 4 {
			e.Replica, e.Actor, e.Rollout = "a-1-1", "ann", "a-r1"
		}
		list = append(list, e)
	}
	all := commit(t, s, store.Change{Name: "a", Events: list}, store.Change{Name: "b", Events: list})
	a := all[:8]
	twice(t, s, open, func(s store.Store) {
		for _, c := range []struct {
			name string
			f    api.EventFilter
			want []api.Event
		}{
			{"type", api.EventFilter{Type: "warning"}, []api.Event{a[1], a[3], a[5], a[7]}},
			{"reason", api.EventFilter{Reason: "It's \"so\""}, []api.Event{a[2], a[3], a[6], a[7]}},
			{"rollout", api.EventFilter{Rollout: "a-r1"}, a[4:]},
			{"version", api.EventFilter{Version: 1}, a[4:]},
			{"replica", api.EventFilter{Replica: "a-1-1"}, a[4:]},
			{"actor", api.EventFilter{Actor: "ann"}, a[4:]},
			{"since", api.EventFilter{Since: instant(6)}, a[6:]},
			{"since, between two", api.EventFilter{Since: instant(5).Add(time.Millisecond)}, a[6:]},
			{"all at once", api.EventFilter{Type: "normal", Reason: "Updated", Rollout: "a-r1", Version: 1, Replica: "a-1-1", Actor: "ann", Since: instant(1)}, a[4:5]},
			{"none", api.EventFilter{Actor: "bob"}, []api.Event{}},
		} {
			equal(t, c.name, events(t, s, store.EventQuery{Service: "a", EventFilter: c.f}), c.want)
		}
		f := api.EventFilter{Actor: "ann"}
		equal(t, "of all services", events(t, s, store.EventQuery{EventFilter: f}), append(append([]api.Event{}, a[4:]...), all[12:]...))
		equal(t, "the newest of those", events(t, s, store.EventQuery{Service: "a", After: a[4].Seq, Limit: 2, EventFilter: f}), a[6:])
	})
}
