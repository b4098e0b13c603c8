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

// Gateways shows the gateways, and the replicas that drain or have requests in
// hand; with a service, all of its replicas and those alone.
func (c *Client) Gateways(ctx context.Context, service string) (api.GatewayView, error) {
	r := get("gateways")
	if service != "" {
		r.with("service", service)
	}
	return call[api.GatewayView](ctx, c, r)
}
