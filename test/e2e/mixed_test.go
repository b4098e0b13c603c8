package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"sluice.dev/sluice/internal/testserver"
)

// words that a chat or a WebSocket says, and how far apart: it takes about two
// seconds.
const (
	words     = 40
	wordEvery = 50 * time.Millisecond
)

// startMixed asks a service in every way there is, each by a caller of its own:
// HTTP/1.1 on a connection that is kept and on new ones, HTTP/2, gRPC, and by
// streams that last: server-sent events, gRPC both ways, WebSockets.
func startMixed(t *testing.T, service, endpoint string) *load {
	l := newLoad(t, endpoint)
	l.pause = 30 * time.Millisecond
	named := func(kind string) string { return service + "-" + kind }
	l.each(named("http"), l.infer)
	l.each(named("stream"), l.stream)
	l.each(named("websocket"), l.webSocket)
	l.each(named("new"), func(_ *http.Client, id string) error {
		return l.infer(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, id)
	})
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2.CloseIdleConnections)
	for i := range 2 { // on one connection
		l.each(fmt.Sprint(named("http2-"), i), func(_ *http.Client, id string) error {
			return l.infer(&http.Client{Transport: h2}, id)
		})
	}
	at, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(at.Host, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(service+".test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.end()
		conn.Close()
	})
	l.each(named("grpc"), func(_ *http.Client, id string) error { return say(conn, id) })
	l.each(named("chat"), func(_ *http.Client, id string) error { return chat(conn, id) })
	return l
}

// calling is the context of one gRPC call.
func calling(id string) (context.Context, context.CancelFunc) {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", id)
	return context.WithTimeout(ctx, patience)
}

func say(conn *grpc.ClientConn, id string) error {
	ctx, cancel := calling(id)
	defer cancel()
	out := new(wrapperspb.StringValue)
	if err := conn.Invoke(ctx, testserver.Say, wrapperspb.String("wait=10ms "+id), out); err != nil {
		return fmt.Errorf("gRPC: %w", err)
	}
	if out.Value != "wait=10ms "+id {
		return fmt.Errorf("gRPC: the answer to %s is %q", id, out.Value)
	}
	return nil
}

func chat(conn *grpc.ClientConn, id string) error {
	ctx, cancel := calling(id)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, testserver.Chat)
	if err != nil {
		return fmt.Errorf("gRPC stream: %w", err)
	}
	in := new(wrapperspb.StringValue)
	for i := range words {
		word := fmt.Sprint(id, " ", i)
		if err := stream.SendMsg(wrapperspb.String(word)); err != nil && err != io.EOF { // io.EOF: RecvMsg says why
			return fmt.Errorf("gRPC stream, word %d: %w", i, err)
		}
		if err := stream.RecvMsg(in); err != nil || in.Value != word {
			return fmt.Errorf("gRPC stream, word %d: %q, %w", i, in.Value, err)
		}
		time.Sleep(wordEvery)
	}
	if err := stream.CloseSend(); err != nil {
		return fmt.Errorf("gRPC stream: %w", err)
	}
	if err := stream.RecvMsg(in); err != io.EOF {
		return fmt.Errorf("the end of a gRPC stream: %w", err)
	}
	return nil
}

// webSocket says words and wants each back.
func (l *load) webSocket(client *http.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, l.endpoint+"/ws", &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{"X-Request-Id": {id}}})
	if err != nil {
		return fmt.Errorf("WebSocket: %w", err)
	}
	defer conn.CloseNow()
	for i := range words {
		word := fmt.Sprint(id, " ", i)
		if err := conn.Write(ctx, websocket.MessageText, []byte(word)); err != nil {
			return fmt.Errorf("WebSocket, word %d: %w", i, err)
		}
		if _, back, err := conn.Read(ctx); err != nil || string(back) != word {
			return fmt.Errorf("WebSocket, word %d: %q, %w", i, back, err)
		}
		time.Sleep(wordEvery)
	}
	return conn.Close(websocket.StatusNormalClosure, "")
}
