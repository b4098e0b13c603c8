package testserver

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// withGRPC serves gRPC on the same port: the methods of protocols.go. Without
// -grpc it has no health service, as a server that never registered it.
func (s *server) withGRPC(next http.Handler) http.Handler {
	calls := grpc.NewServer()
	calls.RegisterService(s.model(), nil)
	if s.grpc {
		grpc_health_v1.RegisterHealthServer(calls, &health{ready: s.isReady})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			calls.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type health struct {
	grpc_health_v1.UnimplementedHealthServer
	ready func() bool
}

func (h *health) Check(_ context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if r.Service != "" && r.Service != "model" {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	answer := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if h.ready() {
		answer = grpc_health_v1.HealthCheckResponse_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: answer}, nil
}
