package gateway

import (
	"net"
	"strings"
)

// prefix is where services are found by path.
const prefix = "/api/predict/"

// locate splits what a caller asked for into the service and what to ask its
// replica. uri is the request target as it came over the wire, and what is left
// of it is passed on byte by byte:
//
//	/api/predict/sentiment            -> sentiment, /
//	/api/predict/sentiment/v2/x?y=%2F -> sentiment, /v2/x?y=%2F
//	/v2/x, Host: sentiment.example    -> sentiment, /v2/x
//
// The path goes before the host. byPath tells which of them named the service.
func locate(uri, host string) (name, target string, byPath bool) {
	if uri == "" || uri[0] != '/' {
		uri = originForm(uri)
	}
	rest, ok := strings.CutPrefix(uri, prefix)
	if !ok {
		return hostLabel(host), uri, false
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return rest, "/", true
	}
	name, target = rest[:end], rest[end:]
	if target[0] == '?' {
		target = "/" + target
	}
	return name, target, true
}

// originForm makes "http://host/path" into "/path".
func originForm(uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri // "*", which only OPTIONS may ask for
	}
	slash := strings.IndexAny(rest, "/?")
	switch {
	case slash < 0:
		return "/"
	case rest[slash] == '?':
		return "/" + rest[slash:]
	}
	return rest[slash:]
}

// hostLabel is the first label of a host: "sentiment" of
// "Sentiment.models.example:8080". An IP address has none.
func hostLabel(host string) string {
	label := host
	if i := strings.IndexAny(host, ".:"); i >= 0 {
		label = host[:i]
	}
	if label == "" || label[0] == '[' || label[0] >= '0' && label[0] <= '9' && isIP(host) {
		return ""
	}
	return strings.ToLower(label)
}

func isIP(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return net.ParseIP(host) != nil
}

// plain tells that a request target can stand in a request line. net/http sees
// to it for HTTP/1; over HTTP/2 a space or worse may come.
func plain(target string) bool {
	for i := 0; i < len(target); i++ {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return target != "" && target[0] == '/'
}
