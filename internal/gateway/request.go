package gateway

import (
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// appendHead writes the head of a request as it goes to a replica: as the
// caller sent it, less what concerns only the connection to the gateway, plus
// X-Forwarded-*. Names and values have passed net/http's parser, so they hold
// no line breaks; the target was checked by locate.
func (x *exchange) appendHead(b []byte) []byte {
	r := x.request
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, x.target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.Host...)
	b = append(b, "\r\n"...)
	named := connectionTokens(r.Header["Connection"])
	for key, values := range r.Header {
		if ownHeader(key) || x.withholds(key) || slices.Contains(named, key) {
			continue
		}
		for _, value := range values {
			b = appendField(b, key, value)
		}
	}
	b = append(b, "X-Forwarded-For: "...)
	for _, value := range r.Header["X-Forwarded-For"] {
		b = append(b, value...)
		b = append(b, ", "...)
	}
	b = append(b, clientIP(r.RemoteAddr)...)
	b = append(b, "\r\n"...)
	b = appendField(b, "X-Forwarded-Host", r.Host)
	b = appendField(b, "X-Forwarded-Proto", scheme(r))
	b = x.appendFraming(b)
	return append(b, "\r\n"...)
}

// withholds tells the fields that were meant for the gateway.
func (x *exchange) withholds(key string) bool {
	return x.secret && key == "Authorization" || x.via.group != nil && key == testHeader
}

func appendField(b []byte, key, value string) []byte {
	b = append(b, key...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendFraming writes the fields that say where the request ends and what
// becomes of the connection.
func (x *exchange) appendFraming(b []byte) []byte {
	r := x.request
	switch x.body {
	case bodySized:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		b = append(b, "\r\n"...)
	case bodyChunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		if len(r.Trailer) > 0 {
			b = append(b, "Trailer: "...)
			for key := range r.Trailer {
				b = append(b, key...)
				b = append(b, ',')
			}
			b[len(b)-1] = '\r'
			b = append(b, '\n')
		}
	case bodyNone:
		if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch || r.Header["Content-Length"] != nil {
			b = append(b, "Content-Length: 0\r\n"...)
		}
	}
	switch {
	case x.upgrade != "":
		b = append(b, "Connection: Upgrade\r\n"...)
		b = appendField(b, "Upgrade", x.upgrade)
	case wantsTrailers(r.Header["Te"]):
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	return b
}

// ownHeader tells the fields that the gateway writes itself or that end with
// the caller's connection (RFC 9110, 7.6.1).
func ownHeader(key string) bool {
	switch key {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding",
		"Upgrade", "Http2-Settings", "Expect", "Content-Length", "Host",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return true
	}
	return false
}

// connectionTokens lists the fields that a Connection header says end with the
// connection, in canonical form.
func connectionTokens(values []string) (keys []string) {
	for _, value := range values {
		for token := range strings.SplitSeq(value, ",") {
			token = strings.TrimSpace(token)
			if token != "" && !strings.EqualFold(token, "close") && !strings.EqualFold(token, "keep-alive") {
				keys = append(keys, textproto.CanonicalMIMEHeaderKey(token))
			}
		}
	}
	return keys
}

func hasToken(values []string, want string) bool {
	for _, value := range values {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), want) {
				return true
			}
		}
	}
	return false
}

func wantsTrailers(te []string) bool { return len(te) > 0 && hasToken(te, "trailers") }

// upgradeOf is the protocol that a request asks to change to, "" for none. A
// change to HTTP/2 is not taken up (callers may speak it from the start), nor
// one that comes with a body; RFC 9110, 7.8 lets a server ignore both.
func upgradeOf(r *http.Request) string {
	up := r.Header["Upgrade"]
	if len(up) != 1 || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.ContentLength != 0 ||
		strings.EqualFold(up[0], "h2c") || !hasToken(r.Header["Connection"], "upgrade") {
		return ""
	}
	return up[0]
}

// scheme is what the caller asked in.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func clientIP(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}
