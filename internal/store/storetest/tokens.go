package storetest

import (
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// testTokens: by name, replaced by name, and gone for good when dropped.
func testTokens(t *testing.T, open Open) {
	s := open()
	a, b, c := filled[store.Token](1), filled[store.Token](20), store.Token{Name: "c", Role: api.RoleViewer}
	a.Name, b.Name = "a", "b"
	used := b
	used.LastUsedAt = instant(99)
	for _, put := range []store.Token{c, b, a, used} {
		if err := s.PutToken(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "a", "not-there"} {
		if err := s.DropToken(t.Context(), name); err != nil {
			t.Fatalf("DropToken(%s): %v", name, err)
		}
	}
	twice(t, s, open, func(s store.Store) {
		list, err := s.Tokens(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Tokens", list, []store.Token{used, c})
	})
}
