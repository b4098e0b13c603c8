package client

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

// NewToken is a token that was just made. Secret, the token itself, is shown
// this one time.
type NewToken struct {
	api.Token
	Secret string `json:"token"`
}

// Tokens lists all API tokens by name. It needs the role admin, as all that
// follows here.
func (c *Client) Tokens(ctx context.Context) ([]api.Token, error) {
	out, err := call[struct{ Tokens []api.Token }](ctx, c, get("tokens"))
	return out.Tokens, err
}

// CreateToken makes a token; a name that is taken is refused (CodeExists).
func (c *Client) CreateToken(ctx context.Context, name string, role api.Role) (NewToken, error) {
	r := put(map[string]string{"name": name, "role": string(role)}, "tokens")
	r.method = http.MethodPost
	return call[NewToken](ctx, c, r)
}

// RevokeToken has a token refused from now on.
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	resp, err := c.open(ctx, &request{method: http.MethodDelete, path: []string{"tokens", name}})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
