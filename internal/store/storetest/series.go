package storetest

import (
	"context"
	"errors"
	"testing"

	"sluice.dev/sluice/internal/series"
	"sluice.dev/sluice/internal/store"
)

// testSeries: hours come back as they were put last, of one service or of all; old
// ones go, and those of a deleted service do.
func testSeries(t *testing.T, open Open) {
	s := open()
	hour := func(service string, n int64, points string) series.Hour {
		return series.Hour{Service: service, Hour: n, Points: []byte(points)}
	}
	put := func(s store.Store, before int64, hours ...series.Hour) {
		t.Helper()
		if err := s.PutSeries(t.Context(), hours, before); err != nil {
			t.Fatal(err)
		}
	}
	read := func(s store.Store, service string, from int64) []series.Hour {
		t.Helper()
		list, err := s.Series(t.Context(), service, from)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, name := range []string{"b", "a", "a-1"} {
		commit(t, s, store.Change{Name: name, Service: service(name, 1)})
	}
	put(s, 0, hour("a", 500_001, "one"), hour("a", 499_999, "\x00\xff\x01"), hour("b", 500_000, "b"), hour("nobody", 500_000, "x"), hour("a-1", 500_000, "a1"))
	put(s, 0, hour("a", 500_001, "two"))
	twice(t, s, open, func(s store.Store) {
		equal(t, "all", read(s, "", 0), []series.Hour{hour("a", 499_999, "\x00\xff\x01"), hour("a-1", 500_000, "a1"), hour("b", 500_000, "b"), hour("a", 500_001, "two")})
		equal(t, "of one", read(s, "a", 0), []series.Hour{hour("a", 499_999, "\x00\xff\x01"), hour("a", 500_001, "two")})
		equal(t, "from an hour on", read(s, "a", 500_000), []series.Hour{hour("a", 500_001, "two")})
		equal(t, "of nobody", read(s, "nobody", 0), []series.Hour{})
	})
	s = open()
	put(s, 500_000, hour("b", 500_001, "later"))
	commit(t, s, store.Change{Name: "a", Delete: true})
	commit(t, s, store.Change{Name: "a", Service: service("a", 1)})
	put(s, 0)
	twice(t, s, open, func(s store.Store) {
		equal(t, "what is left", read(s, "", 0), []series.Hour{hour("a-1", 500_000, "a1"), hour("b", 500_000, "b"), hour("b", 500_001, "later")})
	})
	s = open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutSeries(ctx, []series.Hour{hour("b", 500_002, "never")}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("PutSeries: %v, want context.Canceled", err)
	}
	closeStore(t, s)
}
