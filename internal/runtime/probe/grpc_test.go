package probe

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"sluice.dev/sluice/api"
)

func serveGRPC(t *testing.T, register func(*grpc.Server)) Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	register(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Stop()
		<-served
	})
	return addressOf(t, l.Addr().String())
}

func TestProbeGRPC(t *testing.T) {
	with := serveGRPC(t, func(s *grpc.Server) {
		h := health.NewServer() // "" is SERVING
		h.SetServingStatus("good", grpc_health_v1.HealthCheckResponse_SERVING)
		h.SetServingStatus("bad", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		grpc_health_v1.RegisterHealthServer(s, h)
	})
	without := serveGRPC(t, func(*grpc.Server) {})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, tt := range []struct {
		name    string
		at      Address
		check   api.GRPCCheck
		timeout time.Duration
		want    string // "" for success
	}{
		{"the whole server", with, api.GRPCCheck{}, 5 * time.Second, ""},
		{"the nominal port", with, api.GRPCCheck{Port: 8000}, 5 * time.Second, ""},
		{"a service", with, api.GRPCCheck{Service: "good"}, 5 * time.Second, ""},
		{"one that does not serve", with, api.GRPCCheck{Service: "bad"}, 5 * time.Second, `of service "bad": it answers NOT_SERVING`},
		{"one that it does not know", with, api.GRPCCheck{Service: "x"}, 5 * time.Second, "correct grpc.service"},
		{"no health service", without, api.GRPCCheck{}, 5 * time.Second, "UNIMPLEMENTED: the server has no grpc.health.v1"},
		{"nothing listens", Address{Host: "127.0.0.1", Port: 1, Nominal: 8000}, api.GRPCCheck{}, 5 * time.Second, "grpc Health/Check at 127.0.0.1:1: connect: connection refused"},
		{"no answer", addressOf(t, silent.Addr().String()), api.GRPCCheck{}, 100 * time.Millisecond, "no answer within 100ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
			defer cancel()
			err := tt.at.Probe(ctx, api.Check{GRPC: &tt.check, Timeout: tt.timeout})
			if got := errorText(err); (tt.want == "") != (err == nil) || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
