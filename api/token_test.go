package api_test

import (
	"testing"

	"sluice.dev/sluice/api"
)

func TestRoleIncludes(t *testing.T) {
	for _, c := range []struct {
		role, other api.Role
		want        bool
	}{
		{"viewer", "viewer", true}, {"viewer", "operator", false}, {"viewer", "admin", false},
		{"operator", "viewer", true}, {"operator", "operator", true}, {"operator", "admin", false},
		{"admin", "viewer", true}, {"admin", "operator", true}, {"admin", "admin", true},
		{"", "viewer", false}, {"", "", false}, {"root", "viewer", false}, {"admin", "root", false}, {"admin", "", false},
	} {
		if got := c.role.Includes(c.other); got != c.want {
			t.Errorf("%q includes %q: %v", c.role, c.other, got)
		}
	}
}
