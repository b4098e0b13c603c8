package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"sluice.dev/sluice/api"
)

// ask calls grpc.health.v1 over cleartext HTTP/2.
func (a Address) ask(ctx context.Context, c *api.GRPCCheck) (what string, err error) {
	at := a.hostPort(c.Port)
	what = "grpc Health/Check at " + at
	if c.Service != "" {
		what += " of service " + strconv.Quote(c.Service)
	}
	var refused atomic.Pointer[error] // grpc's own words for it are long
	conn, err := grpc.NewClient("passthrough:///"+at,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithUserAgent("sluice-probe"), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
		grpc.WithContextDialer(func(ctx context.Context, at string) (net.Conn, error) {
			conn, err := dial(ctx, at)
			if err != nil {
				refused.Store(&err)
			}
			return conn, err
		}))
	if err != nil {
		return what, err
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: c.Service})
	if why := refused.Load(); err != nil && why != nil {
		return what, *why
	}
	return what, verdict(answer, err)
}

func verdict(answer *grpc_health_v1.HealthCheckResponse, err error) error {
	switch s := status.Convert(err); {
	case err == nil && answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING:
		return nil
	case err == nil:
		return fmt.Errorf("it answers %s", answer.GetStatus())
	case s.Code() == codes.Unimplemented:
		return errors.New("UNIMPLEMENTED: the server has no grpc.health.v1 Health service; register it there, or use http_get or tcp_socket")
	case s.Code() == codes.NotFound:
		return errors.New("NOT_FOUND: the server's Health service does not know this service; correct grpc.service, or leave it out to ask about the whole server")
	default:
		return fmt.Errorf("%s: %s", s.Code(), s.Message())
	}
}
