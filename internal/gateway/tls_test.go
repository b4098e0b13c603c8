package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"sluice.dev/sluice/internal/certs/certstest"
	"sluice.dev/sluice/internal/traffic"
)

// encrypted is a gateway with TLS.
type encrypted struct {
	*bench
	authority *certstest.Authority
	cert, key string
}

func startTLS(t *testing.T, cfg Config) *encrypted {
	dir := t.TempDir()
	e := &encrypted{authority: certstest.New(t), cert: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key")}
	e.authority.Write("first", e.cert, e.key)
	cfg.TLSCert, cfg.TLSKey = e.cert, e.key
	e.bench = start(t, cfg)
	e.url = strings.Replace(e.url, "http", "https", 1)
	return e
}

func (e *encrypted) trust() *tls.Config { return &tls.Config{RootCAs: e.authority.Pool} }

func (e *encrypted) client(t *testing.T, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: e.trust(), Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func TestTLS(t *testing.T) {
	e := startTLS(t, Config{})
	e.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-Forwarded-Proto")+" ")
		io.Copy(w, r.Body)
	}))
	for _, http2 := range []bool{false, true} {
		client := e.client(t, http2)
		for range 3 {
			r, err := client.Post(e.url+"/x", "text/plain", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			if body := slurp(t, r); r.StatusCode != 200 || body != "https body" || (r.ProtoMajor == 2) != http2 {
				t.Errorf("over HTTP/%d: %d %q", r.ProtoMajor, r.StatusCode, body)
			}
		}
	}
	if _, err := http.Get(e.url); err == nil {
		t.Error("a caller that does not know the authority took the certificate")
	}
	if r, err := http.Get("http" + strings.TrimPrefix(e.url, "https")); err == nil && r.StatusCode != 400 {
		t.Errorf("without TLS: %d", r.StatusCode)
	}
	e.settle()
}

func TestGRPCOverTLS(t *testing.T) {
	e := startTLS(t, Config{})
	_, address := grpcReplica(t)
	e.apply(traffic.Route{Service: "localhost", GRPC: true}, address)
	c, err := grpc.NewClient("localhost"+e.g.Addr()[strings.LastIndexByte(e.g.Addr(), ':'):],
		grpc.WithTransportCredentials(credentials.NewTLS(e.trust())))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got, err := say(ctx, c, "hi"); err != nil || got != "hi" {
		t.Errorf("%q, %v", got, err)
	}
	e.settle()
}

// TestTLSRenewal renews the certificate while a WebSocket and a stream are open:
// they go on, and new connections get the new one.
func TestTLSRenewal(t *testing.T) {
	t.Parallel()
	e := startTLS(t, Config{})
	more := make(chan struct{})
	e.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echoSocket(w, r)
			return
		}
		io.WriteString(w, "be")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "gun")
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, e.url, &websocket.DialOptions{HTTPClient: e.client(t, false)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	stream, err := e.client(t, true).Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.subject(); got != "first" {
		t.Fatalf("the certificate of %q", got)
	}
	e.authority.Write("second", e.cert, e.key)
	until(t, "new connections get the new certificate", func() bool { return e.subject() == "second" })

	if err := socket.Write(ctx, websocket.MessageText, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := socket.Read(ctx); err != nil || string(data) != "still here" {
		t.Errorf("the WebSocket: %q, %v", data, err)
	}
	close(more)
	if body := slurp(t, stream); body != "begun" {
		t.Errorf("the stream: %q", body)
	}
	socket.Close(websocket.StatusNormalClosure, "")
	e.settle()
	if n := e.tallied(3); n.Cut != 0 || n.Lost != 0 {
		t.Errorf("counted as %+v", n)
	}
}

// subject is whom a new connection's certificate names, "" when it fails.
func (e *encrypted) subject() string {
	conn, err := tls.Dial("tcp", e.g.Addr(), e.trust())
	if err != nil {
		return ""
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestSlowCallersOverTLS(t *testing.T) {
	t.Parallel()
	e := startTLS(t, Config{BodyWait: 300 * time.Millisecond, WriteWait: 300 * time.Millisecond})
	e.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.Copy(io.Discard, r.Body)
			return
		}
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 1<<16))
		}
	}))
	for _, http2 := range []bool{false, true} {
		client := e.client(t, http2)
		body, hold := io.Pipe()
		defer hold.Close()
		go hold.Write([]byte("abc"))
		r, err := client.Post(e.url, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		if text := slurp(t, r); r.StatusCode != 408 {
			t.Errorf("HTTP/%d: %d %s", r.ProtoMajor, r.StatusCode, text)
		}
		if r, err = client.Get(e.url); err != nil { // and not read
			t.Fatal(err)
		}
		defer r.Body.Close()
		e.settle()
	}
}

func TestTLSNeedsBothFiles(t *testing.T) {
	e := startTLS(t, Config{})
	for want, cfg := range map[string]Config{
		"needs both":          {TLSCert: e.cert},
		"--tls-cert":          {TLSKey: e.key},
		"/nowhere.crt":        {TLSCert: "/nowhere.crt", TLSKey: e.key},
		"certificate with it": {TLSCert: e.key, TLSKey: e.cert},
	} {
		cfg.ID, cfg.Listen = "h", "127.0.0.1:0"
		if g, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it refused with a word about %q", err, want)
			if err == nil {
				g.listener.Close()
			}
		}
	}
}
