package server

import (
	"context"
	"net/http"

	"sluice.dev/sluice/api"
)

type gatewayRestartOutput struct {
	Body api.GatewayRestart
}

type gatewaysInput struct {
	Service string `query:"service" maxLength:"100" doc:"all replicas of this service, and those alone"`
}

type gatewaysOutput struct {
	Body api.GatewayView
}

func (s *server) listGateways(ctx context.Context, in *gatewaysInput) (*gatewaysOutput, error) {
	view, err := s.cfg.Releases.Gateways(ctx, in.Service)
	view.Gateways, view.Replicas = orEmpty(view.Gateways), orEmpty(view.Replicas)
	return &gatewaysOutput{view}, err
}

func (s *server) routeGateway() {
	register(s, operation(http.MethodPut, prefix+"/gateway/restart", "restart-gateway", "gateway",
		"Restart the gateway without losing a request",
		"Another process takes over the listening socket once it has the routing table, and the answer comes when it accepts callers. "+
			"Streams and WebSockets end in the old one. It puts the gateway's settings of the configuration file in force, and another build of the program.",
	), s.restartGateway)
	register(s, operation(http.MethodGet, prefix+"/gateways", "list-gateways", "gateway",
		"Show the gateways and what is in hand", "Each gateway process, and each replica that drains or has requests in hand, with the age of its oldest one.", 404), s.listGateways)
}

func (s *server) restartGateway(ctx context.Context, _ *struct{}) (*gatewayRestartOutput, error) {
	if s.cfg.RestartGateway == nil {
		return nil, newProblem(http.StatusServiceUnavailable, codeUnavailable, "this server has no gateway of its own", "restart the gateway where it was started")
	}
	body, err := s.cfg.RestartGateway(ctx)
	return &gatewayRestartOutput{body}, err
}
