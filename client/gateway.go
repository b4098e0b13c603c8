package client

import (
	"context"

	"sluice.dev/sluice/api"
)

// RestartGateway has another gateway process take over from the server's own,
// without losing a request, and returns when the new one accepts callers.
func (c *Client) RestartGateway(ctx context.Context) (api.GatewayRestart, error) {
	return call[api.GatewayRestart](ctx, c, put(nil, "gateway", "restart"))
}
