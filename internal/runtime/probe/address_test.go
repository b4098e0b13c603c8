package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func addressOf(t *testing.T, at string) Address {
	t.Helper()
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return Address{Host: host, Port: n, Nominal: 8000}
}

func within2s(t *testing.T, a Address, c api.Check) error {
	t.Helper()
	c.Timeout = 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), c.Timeout)
	defer cancel()
	return a.Probe(ctx, c)
}

func TestProbeHTTP(t *testing.T) {
	var connections atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "sluice-probe" {
			t.Errorf("User-Agent %q", r.UserAgent())
		}
		status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			status = 200
		}
		w.Header().Set("Location", "/500")
		w.WriteHeader(status)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	a := addressOf(t, srv.Listener.Addr().String())

	tests := []struct {
		path string
		want string // part of the error, "" for success
	}{
		{"/200", ""},
		{"/204", ""},
		{"/302", ""}, // its target, which would fail, is not followed
		{"/399", ""},
		{"/400", "status 400"},
		{"/503", "GET " + srv.URL + "/503: status 503"},
		{"/103", ""}, // an informational answer comes before the real one
		{"", ""},
		{"no-slash", ""},
		{"/x?deep=1", ""},
	}
	for _, tt := range tests {
		err := within2s(t, a, api.Check{HTTP: &api.HTTPCheck{Path: tt.path}})
		if got := errorText(err); (tt.want == "") != (err == nil) || !strings.Contains(got, tt.want) {
			t.Errorf("path %q: %q, want %q", tt.path, got, tt.want)
		}
	}
	if n := int(connections.Load()); n != len(tests) {
		t.Errorf("%d connections for %d probes", n, len(tests))
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestProbeHTTPS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	if err := within2s(t, addressOf(t, u.Host), api.Check{HTTP: &api.HTTPCheck{Scheme: "https"}}); err != nil {
		t.Error(err)
	}
}

func TestProbePorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := addressOf(t, l.Addr().String())
	other := Address{Host: a.Host, Port: 1, Nominal: 8000}
	for _, tt := range []struct {
		name string
		at   Address
		port int
		ok   bool
	}{
		{"no port is the real one", a, 0, true},
		{"the nominal port is the real one", a, 8000, true},
		{"another port is itself", other, a.Port, true},
		{"a closed port", other, 0, false},
	} {
		err := within2s(t, tt.at, api.Check{TCP: &api.TCPCheck{Port: tt.port}})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestProbeSaysWhatFailed(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closing.Close()
	go func() {
		for {
			c, err := closing.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			c.Close()
		}
	}()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()

	get := api.Check{HTTP: &api.HTTPCheck{Path: "/ready"}, Timeout: 50 * time.Millisecond}
	for _, tt := range []struct {
		name string
		at   net.Listener
		want string
	}{
		{"a server that never answers", silent, "/ready: no answer within 50ms"},
		{"a server that hangs up", closing, "closed without an answer"},
		{"nothing listens", gone, "connection refused"},
	} {
		check := get
		if tt.at != silent {
			check.Timeout = 10 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), check.Timeout)
		err := addressOf(t, tt.at.Addr().String()).Probe(ctx, check)
		cancel()
		if !strings.Contains(errorText(err), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
}
