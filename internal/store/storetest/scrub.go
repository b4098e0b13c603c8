package storetest

import (
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// testScrub: nothing is lost by it, before and after changes.
func testScrub(t *testing.T, open Open) {
	s := open()
	c := everything("a")
	commit(t, s, c)
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit(t, s, store.Change{Name: c.Name, Events: []api.Event{{Reason: "After"}}})
	twice(t, s, open, func(s store.Store) {
		if n := len(load(t, s)); n != 1 {
			t.Errorf("%d services", n)
		}
		if list := events(t, s, store.EventQuery{Service: c.Name}); len(list) == 0 || list[len(list)-1].Reason != "After" {
			t.Errorf("%+v", list)
		}
	})
}
