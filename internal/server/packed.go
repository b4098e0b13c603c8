package server

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// packFrom is the size in bytes from which an answer is compressed.
const packFrom = 1 << 10

// packed compresses JSON for callers who accept it. Streams stay as they are: each
// of their messages is to arrive at once.
func packed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(packFrom), gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.ContentTypes([]string{"application/json", "application/problem+json"}))
	if err != nil {
		panic("server: " + err.Error()) // the options are constants
	}
	packing := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/watch") || strings.HasSuffix(r.URL.Path, "/logs") {
			next.ServeHTTP(w, r)
			return
		}
		packing.ServeHTTP(w, r)
	})
}
