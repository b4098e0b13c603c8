package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"sluice.dev/sluice/api"
)

// Codes of problems: what kind of refusal it is.
const (
	CodeInvalid      = "invalid"      // the request or the service file; Errors says where
	CodeNotFound     = "not_found"    //
	CodeExists       = "exists"       // a create of what is there
	CodeRefused      = "refused"      // the present state does not allow it
	CodeStale        = "stale"        // the service is not at the revision given with If-Match
	CodeUnauthorized = "unauthorized" // no token, or an unknown one
	CodeForbidden    = "forbidden"    // the role of the token does not suffice
	CodeTooLarge     = "too_large"    //
	CodeUnavailable  = "unavailable"  // Sluice itself could not do it
)

// Problem is an answer that is an error (RFC 9457).
type Problem struct {
	Title  string             `json:"title"`
	Status int                `json:"status"` // of HTTP
	Code   string             `json:"code"`   // stable; "" from something between client and server
	Detail string             `json:"detail"`
	Hint   string             `json:"hint"` // what to do next; may be ""
	Errors []api.FieldProblem `json:"errors"`
}

// Error is the detail, and the hint where there is one.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = fmt.Sprintf("the server answers %d %s", p.Status, http.StatusText(p.Status))
	}
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

func readProblem(resp *http.Response) error {
	p := &Problem{Status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(body, p) != nil {
		p = &Problem{} // a page of a proxy, say
		if resp.StatusCode == http.StatusBadRequest && bytes.Contains(body, []byte("HTTP request to an HTTPS server")) {
			p.Detail, p.Hint = "the server speaks TLS only", "its address begins with https://"
		}
	}
	p.Status = resp.StatusCode
	return p
}

// UnreachableError says that no answer came from the server.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach Sluice at %s: %v", e.Server, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }
