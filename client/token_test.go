package client

import (
	"errors"
	"testing"

	"sluice.dev/sluice/api"
)

func TestTokens(t *testing.T) {
	c, _, web := connect(t)
	made, err := c.CreateToken(t.Context(), "ci", api.RoleViewer)
	if err != nil || made.Name != "ci" || made.Role != api.RoleViewer || made.Secret == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	var problem *Problem
	if _, err := c.CreateToken(t.Context(), "ci", api.RoleViewer); !errors.As(err, &problem) || problem.Code != CodeExists {
		t.Errorf("taken: %v", err)
	}
	viewer := New(web.URL, made.Secret)
	if _, err := viewer.Services(t.Context()); err != nil {
		t.Errorf("a viewer looks: %v", err)
	}
	if _, err := viewer.Tokens(t.Context()); !errors.As(err, &problem) || problem.Code != CodeForbidden {
		t.Errorf("a viewer looks at tokens: %v", err)
	}
	list, err := c.Tokens(t.Context())
	if err != nil || len(list) != 2 || list[1].Name != "ci" || list[1].LastUsedAt == nil {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.RevokeToken(t.Context(), "ci"); err != nil {
		t.Error(err)
	}
	if err := c.RevokeToken(t.Context(), "ci"); !errors.As(err, &problem) || problem.Code != CodeNotFound {
		t.Errorf("revoked twice: %v", err)
	}
	if _, err := viewer.Services(t.Context()); !errors.As(err, &problem) || problem.Code != CodeUnauthorized {
		t.Errorf("a revoked token: %v", err)
	}
}
