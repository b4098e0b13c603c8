package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// types are those of the files that a console is made of; what the system's table
// says of .js differs from machine to machine.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8",
}

// assets are all files, ready to be sent.
type assets struct {
	digest string // of all names and contents
	files  map[string]*asset
	page   *asset
}

// asset is one file.
type asset struct {
	kind   string
	etag   string
	plain  []byte
	packed []byte // gzip; nil where that is not smaller
}

// read panics where the files that were built in are wrong: the same on every
// start, so that a test sees it.
func read(files fs.FS) *assets {
	a := &assets{files: map[string]*asset{}}
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
		if name != "index.html" {
			a.files[name] = newAsset(name, content)
		}
		return nil
	})
	if err != nil {
		panic("console: " + err.Error())
	}
	a.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	page, err := template.ParseFS(files, "index.html")
	if err != nil {
		panic("console: " + err.Error())
	}
	var b bytes.Buffer
	if err := page.Execute(&b, struct{ Static string }{filesAt + a.digest}); err != nil {
		panic("console: " + err.Error())
	}
	a.page = newAsset("index.html", b.Bytes())
	return a
}

func newAsset(name string, content []byte) *asset {
	ext := path.Ext(name)
	kind := types[ext]
	if kind == "" {
		kind = mime.TypeByExtension(ext)
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	sum := sha256.Sum256(content)
	f := &asset{kind: kind, etag: hex.EncodeToString(sum[:8]), plain: content}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one there is
	_, _ = z.Write(content)                               // to memory, as is the end
	_ = z.Close()
	if b.Len() < len(content) {
		f.packed = b.Bytes()
	}
	return f
}

// file finds DIGEST/NAME; nil for none, and for those of another build: a page
// must not be made of two.
func (a *assets) file(name string) *asset {
	digest, name, _ := strings.Cut(name, "/")
	if digest != a.digest {
		return nil
	}
	return a.files[name]
}

func (f *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, etag := f.plain, `"`+f.etag+`"`
	if f.packed != nil {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			body, etag = f.packed, `"`+f.etag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", etag)
	h.Set("Content-Type", f.kind)
	if matches(r.Header.Values("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who has gone away hears nothing
	}
}

func matches(given []string, etag string) bool {
	for _, one := range strings.Split(strings.Join(given, ","), ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding: a coding with q=0 is refused, and what is not
// named is as "*" is.
func acceptsGzip(given []string) bool {
	named, all := -1.0, 0.0
	for _, one := range strings.Split(strings.Join(given, ","), ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			named = weight
		case "*":
			all = weight
		}
	}
	if named >= 0 {
		return named > 0
	}
	return all > 0
}
