package storetest

import (
	"testing"

	"sluice.dev/sluice/internal/store"
)

// testGroups: by name, replaced by name, gone when dropped, and written in one
// transaction with the events that tell of it.
func testGroups(t *testing.T, open Open) {
	s := open()
	a, b := filled[store.Group](1), filled[store.Group](30)
	a.Name, b.Name = "a", "b"
	changed := b
	changed.Revision = 99
	for _, ch := range []store.Change{
		{Name: "b", Group: &b}, {Name: "a", Group: &a}, {Name: "b", Group: &changed}, {Name: "a", DropGroup: true}, {Name: "none", DropGroup: true},
	} {
		if _, err := s.Commit(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
	}
	twice(t, s, open, func(s store.Store) {
		list, err := s.Groups(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Groups", list, []store.Group{changed})
	})
}
