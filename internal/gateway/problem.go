package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// problem is the body of an answer that the gateway itself gives (RFC 9457).
type problem struct {
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Service string `json:"service,omitempty"`
}

// refuse answers a request in the gateway's own name: as a problem document, or
// as a gRPC status to a caller that speaks gRPC.
func refuse(w http.ResponseWriter, r *http.Request, status int, service, detail string) {
	h := w.Header()
	h["Cache-Control"] = []string{"no-store"}
	if isGRPC(r) {
		h["Content-Type"] = []string{"application/grpc"}
		h["Grpc-Status"] = []string{grpcCode(status)}
		h["Grpc-Message"] = []string{grpcMessage(detail)}
		w.WriteHeader(http.StatusOK)
		return
	}
	body, _ := json.Marshal(problem{title(status), status, detail, service}) // cannot fail
	h["Content-Type"] = []string{"application/problem+json"}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n'))
	}
}

func title(status int) string {
	if status == statusQueueFull {
		return "Queue Full"
	}
	return http.StatusText(status)
}

// isGRPC tells that a request speaks gRPC, not gRPC-Web, which is plain HTTP.
func isGRPC(r *http.Request) bool {
	if r.ProtoMajor != 2 {
		return false
	}
	kind, ok := strings.CutPrefix(r.Header.Get("Content-Type"), "application/grpc")
	return ok && (kind == "" || kind[0] == '+' || kind[0] == ';')
}

// grpcCode is the gRPC status that stands for an HTTP status, as the protocol's
// own table has it where it has one.
func grpcCode(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "16" // unauthenticated
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "12" // unimplemented
	case http.StatusBadRequest:
		return "13" // internal
	case http.StatusRequestTimeout:
		return "4" // deadline exceeded
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, statusQueueFull:
		return "8" // resource exhausted
	}
	return "14" // unavailable
}

// grpcMessage percent-encodes what may not stand in the field.
func grpcMessage(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
