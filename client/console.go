package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice.dev/sluice/api"
)

// ConsoleLink makes a link that logs a browser in to the console as the caller,
// once, within five minutes.
func (c *Client) ConsoleLink(ctx context.Context) (api.ConsoleLink, error) {
	return c.consoleLink(ctx, map[string]any{})
}

// ShareConsole makes a link with which others look at the console for so many
// hours, 1 to 168, and change nothing.
func (c *Client) ShareConsole(ctx context.Context, hours int) (api.ConsoleLink, error) {
	return c.consoleLink(ctx, map[string]any{"share": true, "hours": hours})
}

func (c *Client) consoleLink(ctx context.Context, body map[string]any) (api.ConsoleLink, error) {
	r := put(body, "console", "links")
	r.method = http.MethodPost
	link, err := call[api.ConsoleLink](ctx, c, r)
	if err != nil {
		return link, err
	}
	// The server knows itself by the name it was asked under; behind a proxy that
	// adds TLS, only this end knows the whole address.
	own, err := url.Parse(link.URL)
	base, baseErr := url.Parse(c.base)
	if err == nil && baseErr == nil {
		own.Scheme, own.Host = base.Scheme, base.Host
		link.URL = own.String()
	}
	return link, nil
}

// UnshareConsole ends all links that the caller has shared, and what was opened
// with them; it tells how many there were.
func (c *Client) UnshareConsole(ctx context.Context) (int, error) {
	out, err := call[struct{ Links int }](ctx, c, &request{method: http.MethodDelete, path: []string{"console", "links"}})
	return out.Links, err
}
