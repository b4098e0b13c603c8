package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
	"sluice.dev/sluice/internal/session"
)

// browser is somebody at the console: it keeps cookies and shows no token.
type browser struct {
	*rig
	cookie *http.Cookie
	csrf   string
}

// enters logs in with a token or a code, and wants the status.
func (r *rig) enters(want int, body string) *browser {
	r.t.Helper()
	b := &browser{rig: r}
	resp, text := b.send("POST", "/console/login", body, "Origin: "+r.url, "Sec-Fetch-Site: same-origin")
	if resp.StatusCode != want {
		r.t.Fatalf("login with %s: %d %s, want %d", body, resp.StatusCode, text, want)
	}
	if want != 200 {
		if len(resp.Cookies()) > 0 {
			r.t.Errorf("login with %s: refused, with %v", body, resp.Cookies())
		}
		return b
	}
	if len(resp.Cookies()) != 1 {
		r.t.Fatalf("login: cookies %v", resp.Cookies())
	}
	b.cookie = resp.Cookies()[0]
	b.csrf = decode[Session](r.t, reply{body: text}).CSRF
	return b
}

// send asks as a browser does: its own headers are "Name: value".
func (b *browser) send(method, path, body string, headers ...string) (*http.Response, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.cookie != nil {
		req.AddCookie(b.cookie)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, text
}

// change asks for one, with the CSRF token.
func (b *browser) change(method, path, body string, headers ...string) (int, string) {
	b.t.Helper()
	resp, text := b.send(method, path, body, append([]string{"X-CSRF-Token: " + b.csrf}, headers...)...)
	return resp.StatusCode, string(text)
}

// in tells whether the session is good.
func (b *browser) in() bool {
	b.t.Helper()
	resp, _ := b.send("GET", "/console/session", "")
	return resp.StatusCode == 200
}

func TestLogin(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Version = "1.2.3" })
	b := r.enters(200, `{"token":"`+secret+`"}`)
	if c := b.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.Domain != "" ||
		!strings.HasPrefix(c.Name, "sluice_session_") || len(c.Value) < 40 || c.MaxAge < 6*24*3600 {
		t.Errorf("the cookie: %+v", c)
	}
	_, text := b.send("GET", "/console/session", "")
	s := decode[Session](t, reply{body: text})
	if s.Name != "admin" || s.Role != api.RoleAdmin || s.CSRF == "" || s.CSRF != b.csrf || s.ServerVersion != "1.2.3" || time.Until(s.ExpiresAt.Time) < 6*24*time.Hour {
		t.Errorf("the session: %+v", s)
	}
	if strings.Contains(string(text), b.cookie.Value) {
		t.Error("a script can read the cookie's value")
	}
	if code, text := b.change("POST", "/api/v1/services", file); code != 201 {
		t.Errorf("create: %d %s", code, text)
	}
	if e := r.last(); e.Actor != "admin" || e.Operation != "create-service" {
		t.Errorf("recorded: %+v", e)
	}
	if code, text := b.change("POST", "/console/logout", ""); code != 204 {
		t.Errorf("logout: %d %s", code, text)
	}
	if b.in() {
		t.Error("logged out and in")
	}
	// Who logs in again leaves the session before.
	b = r.enters(200, `{"token":"`+secret+`"}`)
	again, _ := b.send("POST", "/console/login", `{"token":"`+secret+`"}`)
	if again.StatusCode != 200 || b.in() {
		t.Errorf("a second login: %d, and the first session is good: %v", again.StatusCode, b.in())
	}
}

func TestLoginIsRecorded(t *testing.T) {
	r := start(t, nil)
	r.enters(200, `{"token":"`+secret+`"}`)
	if e := r.last(); e.Operation != "login" || e.Actor != "admin" || e.Outcome != api.AuditDone || e.Remote != "127.0.0.1" {
		t.Errorf("a login: %+v", e)
	}
	r.enters(401, `{"token":"hunter2"}`)
	if e := r.last(); e.Operation != "login" || e.Actor != "" || e.Outcome != api.AuditRefused || e.Status != 401 || strings.Contains(jsonOf(t, e), "hunter2") {
		t.Errorf("a failed login: %+v", e)
	}
	before := r.last().Seq
	(&browser{rig: r}).send("GET", "/console/session", "")
	if e := r.last(); e.Seq != before {
		t.Errorf("a page that looks whether somebody is logged in is recorded: %+v", e)
	}
	if strings.Contains(r.log.String(), "hunter2") {
		t.Errorf("the log has a token: %s", r.log)
	}
}

// TestNoChangeWithACookieAlone asks every route that is registered, as a browser
// does that another site has sent, and as one whose page sends a wrong token.
func TestNoChangeWithACookieAlone(t *testing.T) {
	r := start(t, nil)
	b := r.enters(200, `{"token":"`+secret+`"}`)
	n := 0
	for _, pattern := range registered(t) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{name}", "no-such", "{id}", "1", "{n}", "1").Replace(path)
		if method == "GET" || access[pattern] == anybody {
			continue
		}
		n++
		for _, headers := range [][]string{
			nil, {"X-CSRF-Token: wrong"}, {"X-CSRF-Token: " + b.csrf + "x"}, {"X-CSRF-Token: "},
			{"X-CSRF-Token: " + b.csrf, "Origin: http://elsewhere.example"}, {"X-CSRF-Token: " + b.csrf, "Origin: null"},
			{"X-CSRF-Token: " + b.csrf, "Origin: http://127.0.0.1:1"}, {"X-CSRF-Token: " + b.csrf, "Sec-Fetch-Site: cross-site"},
			{"X-CSRF-Token: " + b.csrf, "Sec-Fetch-Site: same-site"},
		} {
			resp, text := b.send(method, path, `{}`, headers...)
			if p := decode[Problem](t, reply{body: text}); resp.StatusCode != 403 || p.Code != codeForbidden {
				t.Errorf("%s with %q: %d %s", pattern, headers, resp.StatusCode, text)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d routes were asked", n)
	}
	if !b.in() {
		t.Error("a logout was taken")
	}
	// Everything is as it should be: so the refusals are for what they say.
	if code, text := b.change("PUT", "/api/v1/services/no-such/stop", "", "Origin: "+r.url, "Sec-Fetch-Site: same-origin"); code != 404 {
		t.Errorf("with all that is needed: %d %s", code, text)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if resp, _ := b.send("GET", "/api/v1/services", "", "Sec-Fetch-Site: "+site); resp.StatusCode != 403 {
			t.Errorf("a look from %s: %d", site, resp.StatusCode)
		}
	}
	if resp, _ := b.send("GET", "/api/v1/services", "", "Authorization: Bearer wrong"); resp.StatusCode != 401 {
		t.Errorf("a wrong token and a good cookie: %d", resp.StatusCode)
	}
}

// TestSessionRoles: a session may do what its token may.
func TestSessionRoles(t *testing.T) {
	r := start(t, nil)
	r.create()
	for _, c := range []struct {
		role          api.Role
		scale, remove int
	}{{api.RoleViewer, 403, 403}, {api.RoleOperator, 200, 403}, {api.RoleAdmin, 200, 202}} {
		b := r.enters(200, `{"token":"`+r.token("of-"+string(c.role), c.role)+`"}`)
		if resp, _ := b.send("GET", "/api/v1/services/a", ""); resp.StatusCode != 200 {
			t.Errorf("%s looks: %d", c.role, resp.StatusCode)
		}
		if code, text := b.change("PUT", "/api/v1/services/a/scale", `{"instance":3}`); code != c.scale {
			t.Errorf("%s scales: %d %s", c.role, code, text)
		}
		if code, text := b.change("DELETE", "/api/v1/services/a", ""); code != c.remove {
			t.Errorf("%s deletes: %d %s", c.role, code, text)
		}
	}
}

// What a session has open ends with its token, and with its logout.
func TestSessionStreamsEnd(t *testing.T) {
	r := start(t, nil)
	r.create()
	for name, end := range map[string]func(b *browser){
		"revoked": func(*browser) {
			if err := r.tokens.Revoke(t.Context(), "revoked"); err != nil {
				t.Fatal(err)
			}
		},
		"logout": func(b *browser) { b.change("POST", "/console/logout", "") },
	} {
		b := r.enters(200, `{"token":"`+r.token(name, api.RoleViewer)+`"}`)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		req, _ := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/watch", nil)
		req.AddCookie(b.cookie)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("watch: %v, %v", resp, err)
		}
		end(b)
		io.Copy(io.Discard, resp.Body)
		if ctx.Err() != nil {
			t.Errorf("%s: the stream goes on", name)
		}
		resp.Body.Close()
		cancel()
		if b.in() {
			t.Errorf("%s: the session goes on", name)
		}
	}
}

// A stream that is asked for its head alone is one, too.
func TestHeadOfAStreamEnds(t *testing.T) {
	r := start(t, nil)
	b := r.enters(200, `{"token":"`+r.token("onlooker", api.RoleViewer)+`"}`)
	host := strings.TrimPrefix(r.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	// One connection answers one request after the other.
	fmt.Fprintf(conn, "HEAD /api/v1/watch HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\nGET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", host, b.cookie, host)
	in := bufio.NewReader(conn)
	head, err := http.ReadResponse(in, &http.Request{Method: "HEAD"})
	if err != nil || head.StatusCode != 200 {
		t.Fatalf("head: %v, %v", head, err)
	}
	if err := r.tokens.Revoke(t.Context(), "onlooker"); err != nil {
		t.Fatal(err)
	}
	if next, err := http.ReadResponse(in, nil); err != nil || next.StatusCode != 200 {
		t.Errorf("what is revoked goes on: %v, %v", next, err)
	}
}

// link asks for one with the token, and gives its code.
func (r *rig) link(body string) string {
	r.t.Helper()
	made := decode[api.ConsoleLink](r.t, r.ask("POST", "/api/v1/console/links", body))
	code, found := strings.CutPrefix(made.URL, r.url+"/login?code=")
	if !found || len(code) < 22 {
		r.t.Fatalf("a link: %+v", made)
	}
	return code
}

func TestLinkOpensOnce(t *testing.T) {
	r := start(t, nil)
	code := r.link(`{}`)
	if b := r.enters(200, `{"code":"`+code+`"}`); !b.in() {
		t.Error("not logged in")
	}
	if e := r.last(); e.Operation != "login" || e.Actor != "admin" {
		t.Errorf("recorded: %+v", e)
	}
	r.enters(401, `{"code":"`+code+`"}`)
}

func TestSharedLinkLooks(t *testing.T) {
	r := start(t, nil)
	r.create()
	code := r.link(`{"share":true,"hours":1}`)
	b, other := r.enters(200, `{"code":"`+code+`"}`), r.enters(200, `{"code":"`+code+`"}`)
	_, text := b.send("GET", "/console/session", "")
	if s := decode[Session](t, reply{body: text}); s.Name != "shared by admin" || s.Role != api.RoleViewer || time.Until(s.ExpiresAt.Time) > time.Hour {
		t.Errorf("the session: %+v", s)
	}
	if !other.in() {
		t.Error("the second visitor is not in")
	}
	for _, pattern := range registered(t) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{name}", "a", "{id}", "1", "{n}", "1").Replace(path)
		if method == "GET" || access[pattern] == anybody || looks[pattern] || path == "/console/logout" {
			continue
		}
		if code, text := b.change(method, path, `{}`); code != 403 || !strings.Contains(text, "a shared link") {
			t.Errorf("%s with a shared link: %d %s", pattern, code, text)
		}
	}
	if e := r.last(); e.Actor != "shared by admin" || e.Role != api.RoleViewer {
		t.Errorf("recorded: %+v", e)
	}
	if got := r.ask("DELETE", "/api/v1/console/links", ""); got.status != 200 || string(bytes.TrimSpace(got.body)) != `{"links":1}` {
		t.Errorf("unshare: %d %s", got.status, got.body)
	}
	if b.in() || other.in() {
		t.Error("sessions of a link that has ended go on")
	}
	r.enters(401, `{"code":"`+code+`"}`)
}

// TestSharedLinkEndsWithItsToken: who shared it loses the token.
func TestSharedLinkEndsWithItsToken(t *testing.T) {
	r := start(t, nil)
	holder := "Authorization: Bearer " + r.token("bob", api.RoleOperator)
	made := decode[api.ConsoleLink](t, r.ask("POST", "/api/v1/console/links", `{"share":true}`, holder))
	_, code, _ := strings.Cut(made.URL, "code=")
	b := r.enters(200, `{"code":"`+code+`"}`)
	if made.Role != api.RoleViewer || !b.in() {
		t.Fatalf("%+v", made)
	}
	if err := r.tokens.Revoke(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if b.in() {
		t.Error("the session goes on")
	}
	r.enters(401, `{"code":"`+code+`"}`)
}

// TestNobodyGuesses: after so many failures an address waits a minute, and then
// may try again.
func TestNobodyGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		releases := servertest.New()
		defer releases.Close()
		handler := New(Config{Releases: releases, Tokens: servertest.Tokens(secret)})
		from := func(address, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", "/console/login", strings.NewReader(`{"token":"`+token+`"}`))
			r.RemoteAddr = address
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		for i := range failedLogins {
			if w := from("[2001:db8::1]:999", "wrong"); w.Code != 401 {
				t.Fatalf("failure %d: %d %s", i, w.Code, w.Body)
			}
		}
		for _, address := range []string{"[2001:db8::1]:999", "[2001:db8::ffff]:1"} {
			if w := from(address, secret); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
				t.Errorf("%s: %d %s, Retry-After %q", address, w.Code, w.Body, w.Header().Get("Retry-After"))
			}
		}
		for _, address := range []string{"[2001:db8:0:1::1]:999", "192.0.2.1:7"} {
			if w := from(address, secret); w.Code != 200 {
				t.Errorf("%s, which has done nothing: %d %s", address, w.Code, w.Body)
			}
		}
		time.Sleep(61 * time.Second)
		if w := from("[2001:db8::1]:999", secret); w.Code != 200 {
			t.Errorf("a minute later: %d %s", w.Code, w.Body)
		}
	})
}

// TestSessionsOutliveTheServer and end when they are over.
func TestSessionsOutliveTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		releases := servertest.New()
		defer releases.Close()
		cfg := Config{Releases: releases, Tokens: servertest.Tokens(secret), SessionsFile: filepath.Join(t.TempDir(), "sessions.json")}
		ask := func(cookies []*http.Cookie) int {
			r := httptest.NewRequest("GET", "/console/session", nil)
			for _, c := range cookies {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			New(cfg).ServeHTTP(w, r) // a new server each time
			return w.Code
		}
		w := httptest.NewRecorder()
		New(cfg).ServeHTTP(w, httptest.NewRequest("POST", "/console/login", strings.NewReader(`{"token":"`+secret+`"}`)))
		cookies := w.Result().Cookies()
		for hour := 0; hour < 7*24; hour += 11 {
			if code := ask(cookies); code != 200 {
				t.Fatalf("after %d hours in use: %d", hour, code)
			}
			time.Sleep(11 * time.Hour)
		}
		if code := ask(cookies); code != 401 {
			t.Errorf("after a week: %d", code)
		}
		w = httptest.NewRecorder()
		New(cfg).ServeHTTP(w, httptest.NewRequest("POST", "/console/login", strings.NewReader(`{"token":"`+secret+`"}`)))
		time.Sleep(session.Idle)
		if code := ask(w.Result().Cookies()); code != 401 {
			t.Errorf("unused: %d", code)
		}
	})
}

// TestCookies: which one is meant, and what there is to see of it over TLS.
func TestCookies(t *testing.T) {
	releases := servertest.New()
	defer releases.Close()
	handler := New(Config{Releases: releases, Tokens: servertest.Tokens(secret)})
	ask := func(method, url, cookies, body string) *http.Response {
		r := httptest.NewRequest(method, url, strings.NewReader(body))
		if cookies != "" {
			r.Header.Set("Cookie", cookies)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	for url, name := range map[string]string{
		"http://127.0.0.1:7070": "sluice_session_7070", "http://sluice.example": "sluice_session", "http://[::1]:80": "sluice_session_80",
		"https://sluice.example": "__Host-sluice_session", "https://sluice.example:8443": "__Host-sluice_session_8443",
	} {
		cookies := ask("POST", url+"/console/login", "", `{"token":"`+secret+`"}`).Cookies()
		if len(cookies) != 1 || cookies[0].Name != name || cookies[0].Secure != strings.HasPrefix(url, "https") || cookies[0].Domain != "" || cookies[0].Path != "/" {
			t.Errorf("%s: %v", url, cookies)
			continue
		}
		value := cookies[0].Value
		for given, want := range map[string]int{
			name + "=" + value: 200, "a=1; " + name + "=" + value + "; b=2": 200, name + "=old; " + name + "=" + value: 200, name + `="` + value + `"`: 200,
			"": 401, name + "=": 401, name: 401, name + "=" + value + "x": 401, name + "=" + strings.ToUpper(value): 401, "x" + name + "=" + value: 401,
			"sluice_session_1=" + value: 401, name + "=" + strings.Repeat("x", 5000): 401, "\x00;;=;" + name + "=\xff": 401, ";;;": 401,
		} {
			if got := ask("GET", url+"/console/session", given, "").StatusCode; got != want {
				t.Errorf("%s with %.200q: %d, want %d", url, given, got, want)
			}
		}
	}
}
