package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// ask sends a request to the console of this binary; headers are "Name: value".
func ask(c *Console, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	if !c.Serves(r) {
		w.WriteHeader(http.StatusNotFound)
		return w
	}
	c.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	c := New()
	page := ask(c, "GET", "/").Body.String()
	for path, want := range map[string]bool{
		"/": true, "/login": true, "/login?code=x.y": true, "/services": true, "/services/a": true, "/services/a_b-1/versions/3": true, "/services/a/compare?from=1&to=2": true,
		"/services/a/rollouts/a-r1": true, "/services/a/update": true, "/groups": true, "/groups/g": true, "/events": true, "/audit": true, "/gateway": true, "/settings": true,
		"/api/v1/services": false, "/api": false, "/healthz": false, "/readyz": false, "/metrics": false, "/openapi.json": false, "/console/session": false, "/console/login": false,
		"/console": false, "/console/static/": false, "/console/static/index.html": false, "/index.html": false, "/favicon.ico": false, "/robots.txt": false, "/services/../../etc/passwd": false,
		"/services.php": false, "//services": false, "/nosuch": false, "/Services": false, "/loginx": false,
	} {
		w := ask(c, "GET", path)
		if (w.Code == 200) != want || want && w.Body.String() != page {
			t.Errorf("GET %s: %d, want a page: %v", path, w.Code, want)
		}
		if want && (w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Content-Type") != "text/html; charset=utf-8") {
			t.Errorf("GET %s: %v", path, w.Header())
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "CONNECT"} {
		if w := ask(c, method, "/services"); w.Code != 404 {
			t.Errorf("%s /services is the console's: %d", method, w.Code)
		}
	}
	if w := ask(c, "HEAD", "/services"); w.Code != 200 || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d %s", w.Code, w.Body)
	}
}

// addressed finds what the page loads.
var addressed = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// TestPageLoadsOnlyItsOwn: all that the page names is there, from here, and the
// page has nothing inline that its policy forbids.
func TestPageLoadsOnlyItsOwn(t *testing.T) {
	c := New()
	page := ask(c, "GET", "/services").Body.String()
	found := addressed.FindAllStringSubmatch(page, -1)
	if len(found) < 2 {
		t.Fatalf("the page loads %v", found)
	}
	for _, f := range found {
		if w := ask(c, "GET", f[1]); w.Code != 200 {
			t.Errorf("%s: %d", f[1], w.Code)
		}
	}
	for what, inline := range map[string]string{"script": `<script(?:\s+(?:type|defer|async)(?:="\w+")?)*\s*>`, "style sheet": `<style`, "style": `\sstyle=`, "handler": `\son\w+=`} {
		if found := regexp.MustCompile(inline).FindString(page); found != "" {
			t.Errorf("an inline %s: %s", what, found)
		}
	}
}

// imported finds what a module imports at once, later what it imports when it is
// needed.
var (
	imported = regexp.MustCompile(`(?m)(?:^|;)\s*(?:import|export)\b[^"'();=]*["']([^"']+)["']`)
	later    = regexp.MustCompile(`\bimport\(\s*["']([^"']+)["']\s*\)`)
)

// coming are the pages that app.js names and that may be missing; the last to be
// written takes the list away.
var coming = []string{"events", "audit", "gateway", "settings"}

// TestImportsAreThere: a module that imports what is not there breaks every page,
// and one from elsewhere breaks it without a network.
func TestImportsAreThere(t *testing.T) {
	a := New().load()
	n := 0
	for name, f := range a.files {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, target := range targets(f.plain) {
			n++
			if !strings.HasPrefix(target, "./") && !strings.HasPrefix(target, "../") {
				t.Errorf("%s imports %q: paths are relative", name, target)
				continue
			}
			if page, is := strings.CutPrefix(target, "./pages/"); is && slices.Contains(coming, strings.TrimSuffix(page, ".js")) {
				continue
			}
			if a.files[path.Join(path.Dir(name), target)] == nil {
				t.Errorf("%s imports %q, which is not there", name, target)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d imports were found", n)
	}
}

func targets(module []byte) (list []string) {
	for _, found := range imported.FindAllStringSubmatch(string(module), -1) {
		list = append(list, found[1])
	}
	for _, found := range later.FindAllStringSubmatch(string(module), -1) {
		list = append(list, found[1])
	}
	return list
}

func TestHeaders(t *testing.T) {
	c := New()
	for _, path := range []string{"/", "/login", "/services/a", filesAt + c.load().digest + "/app.js"} {
		h := ask(c, "GET", path).Header()
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q has no %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is not strict: %s", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Permissions-Policy") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestFiles(t *testing.T) {
	c := New()
	at := filesAt + c.load().digest
	plain := ask(c, "GET", at+"/app.js")
	if h := plain.Header(); plain.Code != 200 || h.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Content-Encoding") != "" {
		t.Errorf("%d %v", plain.Code, h)
	}
	for _, accept := range []string{"gzip", "gzip, deflate, br, zstd", "GZIP;q=0.5", "*", "deflate, *;q=0.1"} {
		w := ask(c, "GET", at+"/app.js", "Accept-Encoding: "+accept)
		z, err := gzip.NewReader(w.Body)
		if err != nil || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, %v", accept, w.Header(), err)
			continue
		}
		if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain.Body.Bytes()) {
			t.Errorf("%s: %v, not what is sent plain", accept, err)
		}
	}
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip;q=0, *", "identity"} {
		if w := ask(c, "GET", at+"/app.js", "Accept-Encoding: "+accept); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%q gets gzip", accept)
		}
	}
	for _, path := range []string{"/nosuch.js", "/", "", "/../app.js", "/index.html"} {
		if w := ask(c, "GET", at+path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask(c, "GET", filesAt+"0123456789abcdef/app.js"); w.Code != 404 {
		t.Errorf("of another build: %d", w.Code)
	}
}

func TestETags(t *testing.T) {
	c := New()
	for _, path := range []string{"/services", filesAt + c.load().digest + "/app.js"} {
		for _, accept := range []string{"identity", "gzip"} {
			first := ask(c, "GET", path, "Accept-Encoding: "+accept)
			etag := first.Header().Get("ETag")
			for given, want := range map[string]int{etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, "*": 304, `"x"`: 200, "": 200} {
				w := ask(c, "GET", path, "Accept-Encoding: "+accept, "If-None-Match: "+given)
				if w.Code != want || want == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != etag) {
					t.Errorf("%s as %s with %s: %d", path, accept, given, w.Code)
				}
			}
		}
	}
	if ask(c, "GET", "/", "Accept-Encoding: gzip").Header().Get("ETag") == ask(c, "GET", "/").Header().Get("ETag") {
		t.Error("two encodings have one ETag")
	}
}

// TestAddressFollowsContent: what is cached for good has an address of its own.
func TestAddressFollowsContent(t *testing.T) {
	files := fstest.MapFS{"index.html": {Data: []byte(`{{.Static}}`)}, "a.js": {Data: []byte("1")}}
	digests := []string{of(files).load().digest}
	files["a.js"] = &fstest.MapFile{Data: []byte("2")}
	digests = append(digests, of(files).load().digest)
	files["b.js"] = files["a.js"]
	delete(files, "a.js")
	digests = append(digests, of(files).load().digest)
	files["index.html"] = &fstest.MapFile{Data: []byte(`{{.Static}} `)}
	digests = append(digests, of(files).load().digest)
	slices.Sort(digests)
	if len(slices.Compact(digests)) != 4 {
		t.Errorf("%v", digests)
	}
	if page := ask(of(files), "GET", "/").Body.String(); page != filesAt+of(files).load().digest+" " {
		t.Errorf("the page: %s", page)
	}
}

// TestFirstViewIsSmall: what a browser loads before it shows something. Charts
// come when one is looked at.
func TestFirstViewIsSmall(t *testing.T) {
	const most = 100 << 10
	a := New().load()
	size := len(a.page.packed)
	sent := map[string]bool{}
	var load func(name string)
	load = func(name string) {
		if sent[name] || a.files[name] == nil {
			return
		}
		sent[name] = true
		f := a.files[name]
		if size += len(f.plain); f.packed != nil {
			size += len(f.packed) - len(f.plain)
		}
		if path.Ext(name) != ".js" {
			return
		}
		for _, found := range imported.FindAllStringSubmatch(string(f.plain), -1) {
			load(path.Join(path.Dir(name), found[1]))
		}
	}
	for _, f := range addressed.FindAllStringSubmatch(string(a.page.plain), -1) {
		load(strings.TrimPrefix(f[1], filesAt+a.digest+"/"))
	}
	if !sent["app.js"] || size > most {
		t.Errorf("%d bytes in %d files, at most %d: %v", size, len(sent), most, sent)
	}
	t.Logf("%d bytes in %d files", size, len(sent))
}
