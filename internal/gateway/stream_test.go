package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/traffic"
)

func routeWithNothing() traffic.Route {
	return traffic.Route{Service: "svc", Unavailable: "nothing is ready"}
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	next := make(chan string)
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for event := range next {
			io.WriteString(w, "data: "+event+"\n\n")
			w.(http.Flusher).Flush()
		}
	}))
	r, err := http.Get(b.url) // returns with the header, before any event
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	in := bufio.NewReader(r.Body)
	for _, event := range []string{"one", "two", "three"} {
		next <- event
		if line, err := in.ReadString('\n'); err != nil || line != "data: "+event+"\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		in.ReadString('\n')
		if b.inFlight() != 1 {
			t.Error("an open stream is not in flight")
		}
	}
	b.route() // the replica leaves the table: its stream goes on
	next <- "four"
	if line, _ := in.ReadString('\n'); line != "data: four\n" {
		t.Errorf("after the withdrawal: %q", line)
	}
	close(next)
	io.Copy(io.Discard, in)
	b.settle()
}

func TestHalfAChunkGoesOn(t *testing.T) {
	more := make(chan struct{})
	b := start(t, Config{})
	b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		readRequest(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello")
		<-more
		io.WriteString(conn, "world\r\n0\r\n\r\n")
	}))
	r, err := http.Get(b.url)
	if err != nil {
		t.Fatal(err)
	}
	half := make([]byte, 5)
	if _, err := io.ReadFull(r.Body, half); err != nil || string(half) != "hello" {
		t.Fatalf("got %q, %v", half, err)
	}
	close(more)
	if rest := slurp(t, r); rest != "world" {
		t.Errorf("rest %q", rest)
	}
}

func TestBothWaysAtOnce(t *testing.T) {
	for _, version := range []string{"http1", "http2"} {
		t.Run(version, func(t *testing.T) {
			b := start(t, Config{})
			b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).EnableFullDuplex()
				in := bufio.NewReader(r.Body)
				w.(http.Flusher).Flush()
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					io.WriteString(w, strings.ToUpper(line))
					w.(http.Flusher).Flush()
				}
			}))
			client := http.DefaultClient
			if version == "http2" {
				client = h2cClient(t)
			}
			reader, writer := io.Pipe()
			r, _ := http.NewRequest("POST", b.url, reader)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(answer.Body)
			for _, line := range []string{"a\n", "b\n", "c\n"} {
				io.WriteString(writer, line)
				if got, err := in.ReadString('\n'); err != nil || got != strings.ToUpper(line) {
					t.Fatalf("sent %q, got %q, %v", line, got, err)
				}
			}
			writer.Close()
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("rest %q, %v", rest, err)
			}
			b.settle()
		})
	}
}

func h2cClient(t testing.TB) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestCleartextHTTP2(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Proto+" "+string(body))
	}))
	r, err := h2cClient(t).Post(b.url, "text/plain", strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, r); r.ProtoMajor != 2 || body != "HTTP/1.1 hi" {
		t.Errorf("got %s %q, want HTTP/2 here and HTTP/1.1 at the replica", r.Proto, body)
	}
}

func TestCallerGoingAwayEndsTheRequest(t *testing.T) {
	for name, body := range map[string]io.Reader{"without a body": nil, "with a body": strings.NewReader("x")} {
		t.Run(name, func(t *testing.T) {
			arrived, ended := make(chan struct{}), make(chan struct{})
			b := start(t, Config{})
			b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				close(arrived)
				<-r.Context().Done()
				close(ended)
			}))
			ctx, cancel := context.WithCancel(t.Context())
			r, _ := http.NewRequestWithContext(ctx, "POST", b.url, body)
			go http.DefaultClient.Do(r)
			<-arrived
			cancel()
			select {
			case <-ended:
			case <-time.After(15 * time.Second):
				t.Fatal("the replica was not told")
			}
			b.settle()
			if w := b.tallied(3); w.Canceled != 1 || w.Lost != 0 {
				t.Errorf("counted %+v, want one canceled", w)
			}
		})
	}
}

func TestCallerGoingAwayEndsTheStream(t *testing.T) {
	ended := make(chan struct{})
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	}))
	r, err := http.Get(b.url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Fatal("the replica was not told")
	}
	b.settle()
	if w := b.tallied(3); w.Class[2] != 1 || w.Cut != 0 || w.Canceled != 0 {
		t.Errorf("counted %+v", w)
	}
}

func TestAnswerBeforeTheBodyEnds(t *testing.T) {
	b := start(t, Config{})
	b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil { // answers at once and hangs up
			io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		}
	}))
	conn, in := b.dialRaw()
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, r); r.StatusCode != 403 || body != "no" {
		t.Fatalf("got %d %q", r.StatusCode, body)
	}
	// What comes later on the connection is the rest of the body, and must not
	// be read as a request.
	time.Sleep(uploadWait + 200*time.Millisecond)
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\n\r\n")
	if r, err := http.ReadResponse(in, nil); err == nil {
		t.Errorf("the connection goes on with %d", r.StatusCode)
	}
	b.settle()
}
