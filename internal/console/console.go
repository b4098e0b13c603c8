package console

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
	"sync"
)

//go:embed static
var static embed.FS

// filesAt is the path below which files are; the digest of all of them follows.
const filesAt = "/console/static/"

// pages are the first parts of the paths at which there is a page. What is below
// them, the page looks at.
var pages = map[string]bool{
	"": true, "login": true, "services": true, "groups": true, "events": true, "audit": true, "gateway": true, "settings": true,
}

// headers are on every page and file. Styles that a script sets on an element are
// not inline styles to a browser; a style attribute in HTML is. No form is sent by
// the browser itself, so that no token gets into an address.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":     "nosniff",
	"X-Frame-Options":            "DENY",
	"Referrer-Policy":            "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Permissions-Policy":         "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
}

// Console serves the page and its files. Make it with New.
type Console struct {
	load func() *assets
}

// New makes the console of this binary. Its files are read and compressed when
// somebody first asks.
func New() *Console {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic("console: " + err.Error()) // the name is a constant
	}
	return of(files)
}

func of(files fs.FS) *Console {
	return &Console{load: sync.OnceValue(func() *assets { return read(files) })}
}

// Serves tells whether a request is for a page or a file, and not for the API.
func (c *Console) Serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if name, ok := strings.CutPrefix(r.URL.Path, filesAt); ok {
		return c.load().file(name) != nil
	}
	return isPage(r.URL.Path)
}

// isPage: names of services have no dots, so what has one is a file that somebody
// guesses.
func isPage(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return pages[first] && !strings.Contains(path, ".") && !strings.Contains(path, "//")
}

// ServeHTTP answers what Serves says yes to.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	a := c.load()
	if name, ok := strings.CutPrefix(r.URL.Path, filesAt); ok {
		if f := a.file(name); f != nil {
			// The address changes with the content.
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			f.serve(w, r)
			return
		}
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	a.page.serve(w, r)
}
