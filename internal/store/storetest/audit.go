package storetest

import (
	"context"
	"errors"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// testAudit: entries come back as they were, in order, by each field that a query
// has, page by page and after the service is gone.
func testAudit(t *testing.T, open Open) {
	s := open()
	first := filled[api.AuditEntry](3)
	first.Seq, first.Service, first.Group, first.Outcome, first.Time = 0, "a", "", api.AuditDone, api.At(instant(0))
	var all []api.AuditEntry
	for i := range 9 {
		e := first
		if i > 0 {
			e = api.AuditEntry{Time: api.At(instant(i)), Actor: []string{"ann", "bob", ""}[i%3], Outcome: api.AuditOutcomes[i%4], Times: 1, Detail: "it's \"so\""}
			if i%2 == 0 {
				e.Service = "a"
			} else {
				e.Group = "g"
			}
		}
		if err := s.AppendAudit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	commit(t, s, store.Change{Name: "a", Service: service("a", 1)}, store.Change{Name: "a", Delete: true})
	read := func(s store.Store, q store.AuditQuery) []api.AuditEntry {
		t.Helper()
		list, err := s.Audit(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	twice(t, s, open, func(s store.Store) {
		list := read(s, store.AuditQuery{})
		for i := range list {
			if list[i].Seq <= 0 || i > 0 && list[i].Seq <= list[i-1].Seq {
				t.Fatalf("Seq of entry %d is %d", i, list[i].Seq)
			}
			all[i].Seq = list[i].Seq
		}
		equal(t, "all", list, all)
		for _, c := range []struct {
			name string
			q    store.AuditQuery
			want []api.AuditEntry
		}{
			{"the newest", store.AuditQuery{Limit: 2}, all[7:]},
			{"the oldest", store.AuditQuery{Limit: 2, Oldest: true}, all[:2]},
			{"the next page", store.AuditQuery{After: all[1].Seq, Limit: 3, Oldest: true}, all[2:5]},
			{"after the last", store.AuditQuery{After: all[8].Seq}, []api.AuditEntry{}},
			{"of a group", store.AuditQuery{AuditFilter: api.AuditFilter{Service: "g"}}, []api.AuditEntry{all[1], all[3], all[5], all[7]}},
			{"by actor", store.AuditQuery{AuditFilter: api.AuditFilter{Actor: "bob"}}, []api.AuditEntry{all[1], all[4], all[7]}},
			{"by outcome", store.AuditQuery{AuditFilter: api.AuditFilter{Outcome: api.AuditRefused}}, []api.AuditEntry{all[2], all[6]}},
			{"since and until", store.AuditQuery{AuditFilter: api.AuditFilter{Since: api.At(instant(2)), Until: api.At(instant(4))}}, all[2:4]},
			{"all at once", store.AuditQuery{After: all[0].Seq, Oldest: true, AuditFilter: api.AuditFilter{Service: "a", Actor: "bob", Outcome: api.AuditDone, Since: api.At(instant(1)), Until: api.At(instant(8))}}, all[4:5]},
		} {
			equal(t, c.name, read(s, c.q), c.want)
		}
	})
	testAuditGoesOn(t, open, first, all[8].Seq)
}

// testAuditGoesOn: an entry that was given up is not there, and the next one is.
func testAuditGoesOn(t *testing.T, open Open, e api.AuditEntry, last int64) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AppendAudit(ctx, e); !errors.Is(err, context.Canceled) {
		t.Errorf("AppendAudit: %v, want context.Canceled", err)
	}
	if err := s.AppendAudit(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Audit(t.Context(), store.AuditQuery{After: last}); err != nil || len(list) != 1 {
		t.Errorf("%d entries after the last, %v", len(list), err)
	}
	closeStore(t, s)
}
