package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

func TestLocate(t *testing.T) {
	for _, c := range []struct{ uri, host, name, target string }{
		{"/api/predict/svc", "h", "svc", "/"},
		{"/api/predict/svc/", "h", "svc", "/"},
		{"/api/predict/svc?a=b", "h", "svc", "/?a=b"},
		{"/api/predict/svc/v2/x%2Fy/../z//?q=%2f&r=a+b", "h", "svc", "/v2/x%2Fy/../z//?q=%2f&r=a+b"},
		{"/api/predict/svc/api/predict/other", "h", "svc", "/api/predict/other"},
		{"http://h:1/api/predict/svc/x", "h", "svc", "/x"},
		{"http://svc.models?x=1", "svc.models", "svc", "/?x=1"},
		{"http://svc", "svc", "svc", "/"},
		{"/v2/x", "svc", "svc", "/v2/x"},
		{"/v2/x", "Svc.models.example:8080", "svc", "/v2/x"},
		{"/api/predict/", "svc", "", "/"},
		{"/api/predict", "svc", "svc", "/api/predict"},
		{"/x", "127.0.0.1:80", "", "/x"},
		{"/x", "[::1]:80", "", "/x"},
		{"/x", "", "", "/x"},
		{"*", "svc", "svc", "*"},
	} {
		name, target, _ := locate(c.uri, c.host)
		if name != c.name || target != c.target {
			t.Errorf("locate(%q, %q) = %q, %q, want %q, %q", c.uri, c.host, name, target, c.name, c.target)
		}
	}
}

func TestWhatIsAskedPassesUnchanged(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		json.NewEncoder(w).Encode(map[string]string{
			"uri": r.RequestURI, "host": r.Host, "body": string(body), "method": r.Method,
			"for": strings.Join(r.Header["X-Forwarded-For"], "|"), "fhost": r.Header.Get("X-Forwarded-Host"), "proto": r.Header.Get("X-Forwarded-Proto"),
			"custom": r.Header.Get("X-Custom"), "hop": r.Header.Get("X-Hop"), "ua": r.Header.Get("User-Agent"), "auth": r.Header.Get("Authorization"),
		})
	}))
	conn, in := b.dialRaw()
	io.WriteString(conn, "PATCH /api/predict/svc/a%2Fb//c/../d?x=%20&y=+ HTTP/1.1\r\nHost: models.example\r\nContent-Length: 5\r\n"+
		"X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Custom: 1\r\nX-Hop: 2\r\nConnection: X-Hop\r\nAuthorization: mine\r\n\r\nhello")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	json.Unmarshal([]byte(slurp(t, r)), &got)
	for key, want := range map[string]string{
		"uri": "/a%2Fb//c/../d?x=%20&y=+", "host": "models.example", "body": "hello", "method": "PATCH",
		"for": "9.9.9.9, 127.0.0.1", "fhost": "models.example", "proto": "http", "custom": "1", "hop": "", "ua": "", "auth": "mine",
	} {
		if got[key] != want {
			t.Errorf("%s arrived as %q, want %q", key, got[key], want)
		}
	}
	for key, want := range map[string]string{"X-Sluice-Service": "svc", "X-Sluice-Version": "3", "X-Sluice-Replica": "r1"} {
		if r.Header.Get(key) != want {
			t.Errorf("%s: %q, want %q", key, r.Header.Get(key), want)
		}
	}
}

func problemOf(t *testing.T, r *http.Response) problem {
	t.Helper()
	if kind := r.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("content type %q", kind)
	}
	var p problem
	if err := json.Unmarshal([]byte(slurp(t, r)), &p); err != nil {
		t.Error(err)
	}
	if p.Status != r.StatusCode {
		t.Errorf("status %d in a body of %d", p.Status, r.StatusCode)
	}
	return p
}

func TestRefusals(t *testing.T) {
	b := start(t, Config{})
	ask := func(path, host, auth string) *http.Response {
		r, _ := http.NewRequest("GET", "http://"+b.g.Addr()+path, nil)
		r.Host = host
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if r := ask("/api/predict/svc", "", ""); r.StatusCode != 503 || !strings.Contains(problemOf(t, r).Detail, "no routing table") {
		t.Errorf("before a table: %d", r.StatusCode)
	}
	b.apply(traffic.Route{Service: "svc", Token: "s3cret", Unavailable: "0 of 2 replicas are ready: r1 is starting", RetryAfter: 7})

	r := ask("/api/predict/nosuch/x", "", "")
	if p := problemOf(t, r); r.StatusCode != 404 || p.Service != "nosuch" || !strings.Contains(p.Detail, `"nosuch"`) {
		t.Errorf("unknown service: %d %+v", r.StatusCode, p)
	}
	r = ask("/other", "nosuch.example", "")
	if p := problemOf(t, r); r.StatusCode != 404 || !strings.Contains(p.Detail, `"nosuch"`) {
		t.Errorf("unknown host: %d %+v", r.StatusCode, p)
	}
	for _, auth := range []string{"", "wrong", "Bearer wrong", "Bearer", "Basic s3cret", "s3cret2", "Bearer s3cret x"} {
		r = ask("/api/predict/svc", "", auth)
		if p := problemOf(t, r); r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") == "" || strings.Contains(p.Detail, "s3cret") {
			t.Errorf("token %q: %d %+v", auth, r.StatusCode, p)
		}
	}
	for _, auth := range []string{"s3cret", "Bearer s3cret", "bearer s3cret"} {
		r = ask("/api/predict/svc", "", auth)
		if p := problemOf(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") != "7" || p.Detail != "0 of 2 replicas are ready: r1 is starting" {
			t.Errorf("nothing ready, token %q: %d %+v", auth, r.StatusCode, p)
		}
	}
	if r = ask("/-/healthy", "", ""); r.StatusCode != 200 || slurp(t, r) != "ok\n" {
		t.Errorf("own health: %d", r.StatusCode)
	}
	if w := b.tallied(0); w.Class[4] != 7 || w.Class[5] != 3 {
		t.Errorf("counted %v", w.Class)
	}
}

func TestTokenStaysAtTheGateway(t *testing.T) {
	b := start(t, Config{})
	b.apply(traffic.Route{Service: "svc", Token: "s3cret"}, replica(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Authorization")+r.URL.Path)
	}))
	r, _ := http.NewRequest("GET", "http://"+b.g.Addr()+"/-/healthy", nil)
	r.Host = "svc.example"
	r.Header.Set("Authorization", "Bearer s3cret")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := slurp(t, answer); got != "/-/healthy" {
		t.Errorf("the replica saw %q, want the path alone, as the host names a service", got)
	}
}

// TestALiveUpdateChangesTheLabelOnly: a replica that counts as another version
// from now on says so, and its connections stay.
func TestALiveUpdateChangesTheLabelOnly(t *testing.T) {
	replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.RemoteAddr)
	}))
	defer replica.Close()
	b := start(t, Config{})
	var connections []string
	for _, version := range []int{3, 4} {
		b.revision++
		b.g.board.apply(wire.Table{Revision: b.revision, Routes: []traffic.Route{{Service: "svc", Endpoints: []traffic.Endpoint{
			{Replica: "r1", Version: version, Address: replica.Listener.Addr().String()}}}}})
		r, err := http.Get(b.url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		connections = append(connections, string(body))
		if got := r.Header.Get("X-Sluice-Version"); got != fmt.Sprint(version) {
			t.Errorf("version %s, want %d", got, version)
		}
	}
	if connections[0] != connections[1] {
		t.Errorf("another connection was made: %q", connections)
	}
}
