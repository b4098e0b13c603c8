package testserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The gRPC methods that every server has. Both take and give StringValue, and
// the id of the call is the metadata x-request-id.
const (
	// Say answers with what it was told; "wait=50ms ..." takes that long.
	Say = "/testserver.Model/Say"
	// Chat answers each message as it comes, until the caller has no more.
	Chat = "/testserver.Model/Chat"
)

func (s *server) model() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "testserver.Model",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			defer s.busy(callID(ctx))()
			in := new(wrapperspb.StringValue)
			if err := decode(in); err != nil {
				return nil, err
			}
			if first, _, ok := strings.Cut(in.Value, " "); ok {
				if d, err := time.ParseDuration(strings.TrimPrefix(first, "wait=")); err == nil {
					time.Sleep(d)
				}
			}
			return in, nil
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Chat", ClientStreams: true, ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			defer s.busy(callID(stream.Context()))()
			for {
				in := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(in); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := stream.SendMsg(in); err != nil {
					return err
				}
			}
		}}},
	}
}

func callID(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(md["x-request-id"], "")
}

// webSocket says back every message until the caller closes.
func (s *server) webSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	defer s.busy(r.Header.Get("X-Request-Id"))()
	for {
		kind, text, err := conn.Read(r.Context())
		if err != nil {
			if closed := (websocket.CloseError{}); !errors.As(err, &closed) {
				s.record("broken", r.Header.Get("X-Request-Id"))
			}
			return
		}
		if conn.Write(r.Context(), kind, text) != nil {
			return
		}
	}
}
