package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// TestLongAnswersArePacked for who accepts it, with what they say and their
// revision unchanged; short ones and streams are not.
func TestLongAnswersArePacked(t *testing.T) {
	r := start(t, nil)
	r.create()
	for i := range 30 {
		if got := r.ask("POST", "/api/v1/services", strings.Replace(file, `"a"`, fmt.Sprintf(`"b%d"`, i), 1)); got.status != 201 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	for _, c := range []struct {
		path, accept string
		want         string
	}{
		{"/api/v1/services", "gzip", "gzip"}, {"/api/v1/services", "br, gzip;q=0.5", "gzip"}, {"/api/v1/services", "br", ""}, {"/api/v1/services", "gzip;q=0", ""},
		{"/openapi.json", "gzip", "gzip"}, {"/api/v1/services/a", "identity", ""}, {"/console/session", "gzip", ""}, {"/healthz", "gzip", ""},
		{"/api/v1/services/a/logs", "gzip", ""}, {"/api/v1/services/nosuch", "gzip", ""},
	} {
		plain := r.ask("GET", c.path, "", "Accept-Encoding: identity")
		got := r.ask("GET", c.path, "", "Accept-Encoding: "+c.accept)
		if got.header.Get("Content-Encoding") != c.want || got.status != plain.status || got.header.Get("ETag") != plain.header.Get("ETag") || got.header.Get("Content-Type") != plain.header.Get("Content-Type") {
			t.Errorf("%s as %s: %d %v", c.path, c.accept, got.status, got.header)
		}
		if c.want == "" {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || !bytes.HasPrefix(text, []byte("{")) || len(got.body) > len(text)/2 {
			t.Errorf("%s as %s: %d bytes of %d, %v", c.path, c.accept, len(got.body), len(text), err)
		}
		r.showsNoSecret(c.path, text)
	}
}

// TestWatchWithoutFiles: a page that shows many services asks for no files.
func TestWatchWithoutFiles(t *testing.T) {
	r := start(t, nil)
	r.create()
	for n, query := range []string{"", "?config=true", "?config=false"} {
		l := r.listen(query, "Accept-Encoding: gzip")
		told := l.next().data
		r.ask("PUT", "/api/v1/services/a/scale", fmt.Sprintf(`{"instance":%d}`, 3+n))
		told += l.until("service", "").data
		if null, whole := strings.Count(told, `"config":null`), strings.Count(told, `"config":{`); (null == 2) != (query == "?config=false") || null+whole != 2 {
			t.Errorf("watch%s: %s", query, told)
		}
		r.settle("a", api.StatusRunning)
	}
}

// TestPageBeforeTheAPI: the page is for everybody, and what is none is the API's
// to answer.
func TestPageBeforeTheAPI(t *testing.T) {
	r := start(t, nil)
	b := &browser{rig: r}
	for _, path := range []string{"/", "/login?code=x", "/services/a/versions"} {
		resp, text := b.send("GET", path, "")
		if resp.StatusCode != 200 || !bytes.Contains(text, []byte("<!doctype html>")) || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v %.100s", path, resp.StatusCode, resp.Header, text)
		}
	}
	for _, path := range []string{"/nosuch", "/favicon.ico", "/console/static/x/app.js", "/console"} {
		got := r.ask("GET", path, "")
		if p := decode[Problem](t, got); got.status != 404 || p.Code != codeNotFound {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := r.ask("PUT", "/services/a", `{}`); got.status != 404 {
		t.Errorf("a change of a page: %d", got.status)
	}
}
