package daemon

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/certs"
	"sluice.dev/sluice/internal/certs/certstest"
)

// endless answers /stream with a line now and another when its request ends, and
// anything else at once.
func endless(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/stream" {
		io.WriteString(w, "ok\n")
		return
	}
	io.WriteString(w, "begun\n")
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
	io.WriteString(w, "ended\n")
}

// serving runs serveAPI until the function it returns is called, or the test
// ends.
func serving(t *testing.T, pair *certs.Pair) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- serveAPI(ctx, l, pair, http.HandlerFunc(endless), slog.New(slog.DiscardHandler))
		close(result)
	}()
	stop = func() error {
		cancel()
		return <-result
	}
	t.Cleanup(func() { stop() })
	return l.Addr().String(), stop
}

// follow opens a stream and reads its first line.
func follow(t *testing.T, c *http.Client, address string) *bufio.Reader {
	t.Helper()
	resp, err := c.Get(address + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "begun\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return lines
}

// A stream is ended, not cut: its reader sees a proper end.
func TestStreamsEndWithTheServer(t *testing.T) {
	pair, trusted, _ := encrypted(t)
	for name, c := range map[string]struct {
		pair   *certs.Pair
		scheme string
		client *http.Client
	}{
		"plain": {nil, "http://", &http.Client{Transport: &http.Transport{}}},
		"TLS":   {pair, "https://", trusted()},
	} {
		t.Run(name, func(t *testing.T) {
			address, stop := serving(t, c.pair)
			lines := follow(t, c.client, c.scheme+address)
			if err := stop(); err != nil {
				t.Errorf("serveAPI: %v", err)
			}
			if rest, err := io.ReadAll(lines); string(rest) != "ended\n" || err != nil {
				t.Errorf("the stream ends with %q, %v", rest, err)
			}
		})
	}
}

// encrypted gives a certificate, clients that trust it, and a way to renew it.
func encrypted(t *testing.T) (pair *certs.Pair, trusted func() *http.Client, renew func(name string)) {
	t.Helper()
	authority, dir := certstest.New(t), t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	authority.Write("first", cert, key)
	pair, err := Config{TLSCert: cert, TLSKey: key, Log: slog.New(slog.DiscardHandler)}.certificate(File{})
	if err != nil {
		t.Fatal(err)
	}
	trusted = func() *http.Client {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool}, ForceAttemptHTTP2: true}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	return pair, trusted, func(name string) { authority.Write(name, cert, key) }
}

// The certificate is renewed while a stream is open: the stream goes on, new
// connections see the new one.
func TestCertificateRenewedUnderAnOpenStream(t *testing.T) {
	pair, trusted, renew := encrypted(t)
	address, stop := serving(t, pair)
	lines := follow(t, trusted(), "https://"+address)
	renew("second")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := trusted().Get("https://" + address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		name := resp.TLS.PeerCertificates[0].Subject.CommonName
		if name == "second" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a minute later the certificate is still %q", name)
		}
	}
	stop()
	if rest, err := io.ReadAll(lines); string(rest) != "ended\n" || err != nil {
		t.Errorf("the stream that was open ends with %q, %v", rest, err)
	}
}

func TestCertificateOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	authority := certstest.New(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	authority.Write("flags", path("flags.crt"), path("flags.key"))
	authority.Write("file", path("file.crt"), path("file.key"))
	for _, c := range []struct {
		name, cert, key, file string
		want                  string // name in the certificate, "" for none
		refusal               string
	}{
		{name: "nothing"},
		{name: "flags", cert: path("flags.crt"), key: path("flags.key"), file: "api: {tls_cert: nowhere, tls_key: nowhere}", want: "flags"},
		{name: "file", file: "api: {tls_cert: file.crt, tls_key: file.key}", want: "file"},
		{name: "absolute", file: "api: {tls_cert: " + path("file.crt") + ", tls_key: file.key}", want: "file"},
		{name: "no key", cert: path("flags.crt"), refusal: "--tls-key is missing"},
		{name: "no certificate", key: path("flags.key"), refusal: "--tls-cert is missing"},
		{name: "no key in the file", file: "api: {tls_cert: file.crt}", refusal: "api.tls_key is missing"},
		{name: "nothing there", file: "api: {tls_cert: nope.crt, tls_key: file.key}", refusal: path("nope.crt")},
		{name: "do not fit", cert: path("flags.crt"), key: path("file.key"), refusal: "--tls-cert, --tls-key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path("server.yaml"), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := Config{Data: dir, TLSCert: c.cert, TLSKey: c.key, Log: slog.New(slog.DiscardHandler)}
			file, err := cfg.readFile()
			if err != nil {
				t.Fatal(err)
			}
			pair, err := cfg.certificate(file)
			if (err != nil) != (c.refusal != "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
				t.Fatalf("%v, want a refusal with %q", err, c.refusal)
			}
			if (pair != nil) != (c.want != "") {
				t.Fatalf("a certificate: %v, want %q", pair != nil, c.want)
			}
			if pair != nil && pair.Certificate().Leaf.Subject.CommonName != c.want {
				t.Errorf("it is %q, want %q", pair.Certificate().Leaf.Subject.CommonName, c.want)
			}
		})
	}
}
