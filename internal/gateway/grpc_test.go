package gateway

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice.dev/sluice/internal/traffic"
)

// echo is a gRPC service without generated code: Say answers once, Chat answers
// each message as it comes.
var echo = grpc.ServiceDesc{
	ServiceName: "test.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		md, _ := metadata.FromIncomingContext(ctx)
		grpc.SetHeader(ctx, metadata.Pairs("x-first", "1"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-last", "2"))
		if in.Value == "fail" {
			return nil, status.Error(codes.FailedPrecondition, "as you wish: 100%")
		}
		return wrapperspb.String(in.Value + strings.Join(md["x-note"], "") + strings.Join(md["authorization"], "")), nil
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Chat", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		for {
			in := new(wrapperspb.StringValue)
			if err := s.RecvMsg(in); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if err := s.SendMsg(in); err != nil {
				return err
			}
		}
	}}},
}

func grpcReplica(t *testing.T) (*grpc.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	s.RegisterService(&echo, nil)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return s, l.Addr().String()
}

func grpcClient(t *testing.T, b *bench, authority string) (*grpc.ClientConn, context.Context) {
	t.Helper()
	c, err := grpc.NewClient(b.g.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(authority))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return c, ctx
}

func say(ctx context.Context, c *grpc.ClientConn, text string, options ...grpc.CallOption) (string, error) {
	out := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, "/test.Echo/Say", wrapperspb.String(text), out, options...)
	return out.Value, err
}

func TestGRPCCalls(t *testing.T) {
	b := start(t, Config{MaxBody: 1000})
	_, address := grpcReplica(t)
	b.apply(traffic.Route{Service: "svc", Token: "t"}, address)
	c, ctx := grpcClient(t, b, "svc.example")
	if _, err := say(ctx, c, "hi"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer t", "x-note", "!")
	var first, last metadata.MD
	got, err := say(ctx, c, "hi", grpc.Header(&first), grpc.Trailer(&last))
	if err != nil || got != "hi!" {
		t.Errorf("got %q, %v", got, err)
	}
	if len(first["x-first"]) != 1 || len(last["x-last"]) != 1 || first["x-sluice-replica"][0] != "r1" {
		t.Errorf("header %v, trailer %v", first, last)
	}
	if _, err := say(ctx, c, "fail"); status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "as you wish: 100%" {
		t.Errorf("a status of the replica: %v", err)
	}
	if got, err := say(ctx, c, strings.Repeat("x", 100_000)); err != nil || len(got) != 100_001 {
		t.Errorf("a large message: %d bytes, %v", len(got), err)
	}
	other, ctx := grpcClient(t, b, "nosuch")
	if _, err := say(ctx, other, "hi"); status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("unknown service: %v", err)
	}
	b.settle()
}

func TestGRPCStreamOutlivesTheWithdrawal(t *testing.T) {
	b := start(t, Config{})
	s, address := grpcReplica(t)
	b.route(address)
	c, ctx := grpcClient(t, b, "svc")
	stream, err := c.NewStream(ctx, &echo.Streams[0], "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	chat := func(text string) {
		t.Helper()
		if err := stream.SendMsg(wrapperspb.String(text)); err != nil {
			t.Fatal(err)
		}
		out := new(wrapperspb.StringValue)
		if err := stream.RecvMsg(out); err != nil || out.Value != text {
			t.Fatalf("said %q, heard %q, %v", text, out.Value, err)
		}
	}
	chat("one")
	chat("two")
	if b.inFlight() != 1 || b.unwritten() != 0 {
		t.Errorf("in flight %d, unwritten %d", b.inFlight(), b.unwritten())
	}
	b.apply(traffic.Route{Service: "svc", Unavailable: "all are busy: 100%"})
	if got := b.g.board.acknowledgeable(); got != b.revision {
		t.Errorf("acknowledgeable %d, want %d", got, b.revision)
	}
	chat("three")
	if _, err := say(ctx, c, "x"); status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "all are busy: 100%" {
		t.Errorf("nothing ready: %v", err)
	}
	stream.CloseSend()
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != io.EOF {
		t.Errorf("the end of the stream: %v", err)
	}
	b.settle()
	s.GracefulStop() // returns once the gateway has let go of the connection
}

func TestGRPCFailures(t *testing.T) {
	b := start(t, Config{})
	s, address := grpcReplica(t)
	b.route(deadAddress(t), address)
	c, ctx := grpcClient(t, b, "svc")
	for range 20 {
		if _, err := say(ctx, c, "hi"); err != nil {
			t.Fatalf("with one of two replicas: %v", err)
		}
	}
	stream, err := c.NewStream(ctx, &echo.Streams[0], "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	stream.SendMsg(wrapperspb.String("x"))
	stream.RecvMsg(new(wrapperspb.StringValue))
	s.Stop() // with a stream in hand
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Unavailable {
		t.Errorf("a replica that dies in a stream: %v", err)
	}
	if w := b.tallied(3); w.Cut != 1 {
		t.Errorf("counted %+v, want one cut", w)
	}
	if _, err := say(ctx, c, "hi"); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "connect") {
		t.Errorf("no replica left: %v", err)
	}
	b.settle()
}

func TestGRPCCallerCancels(t *testing.T) {
	b := start(t, Config{})
	_, address := grpcReplica(t)
	b.route(address)
	c, ctx := grpcClient(t, b, "svc")
	ctx, cancel := context.WithCancel(ctx)
	stream, err := c.NewStream(ctx, &echo.Streams[0], "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	stream.SendMsg(wrapperspb.String("x"))
	stream.RecvMsg(new(wrapperspb.StringValue))
	cancel()
	b.settle()
}

// TestGRPCLosesNothing is TestNoRequestAfterTheAcknowledgement for HTTP/2:
// replicas come and go under load, and each is killed as soon as its withdrawal
// can be acknowledged and nothing is in flight.
func TestGRPCLosesNothing(t *testing.T) {
	b := start(t, Config{})
	servers := map[string]*grpc.Server{}
	addresses := []string{}
	add := func() {
		s, address := grpcReplica(t)
		servers[address] = s
		addresses = append(addresses, address)
	}
	add()
	add()
	b.route(addresses...)
	c, ctx := grpcClient(t, b, "svc")
	stop := make(chan struct{})
	var load sync.WaitGroup
	var calls atomic.Int64
	for range 6 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := say(ctx, c, "hi"); err != nil || got != "hi" {
					t.Errorf("%q, %v", got, err)
				}
				calls.Add(1)
			}
		})
	}
	for i := range 40 {
		add()
		b.route(addresses...)
		until(t, "calls go on", func() bool { return calls.Load() > int64(20*i) })
		leaving := addresses[0]
		addresses = addresses[1:]
		b.route(addresses...)
		until(t, "it is out and has nothing in hand", func() bool {
			return b.g.board.acknowledgeable() == b.revision && b.inFlightAt(leaving) == 0
		})
		servers[leaving].Stop()
	}
	close(stop)
	load.Wait()
	b.settle()
}
