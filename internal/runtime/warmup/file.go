// Package warmup reads recorded requests and sends them to a new replica, so
// that its first real request does not pay for what the first request costs. The
// format is Sluice's own and is described in docs/warm-up.md. When requests are
// sent and what their failure means is decided by package probe.
package warmup

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Request is one line of a warm-up file.
type Request struct {
	Line   int // in the file, from 1
	Method string
	Path   string // with its query
	Header http.Header
	Body   []byte
	Repeat int // how often it is sent, at least 1
}

// Bounds of a warm-up file: what is beyond them is a mistake, not a warm-up.
const (
	maxBytes  = 64 << 20
	maxRepeat = 10_000
)

// Read reads and checks a whole file. Its errors name the file and the line.
func Read(path string) ([]Request, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; put the file there, or correct warm_up_data_path", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB; record fewer or smaller requests, and use repeat", path, maxBytes>>20)
	}
	requests, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; see docs/warm-up.md", path, err)
	}
	return requests, nil
}

func parse(text []byte) ([]Request, error) {
	var requests []Request
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		r, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		r.Line = number
		requests = append(requests, r)
	}
	if len(requests) == 0 {
		return nil, errors.New("it holds no request; write one JSON object per line")
	}
	return requests, nil
}

// line is the JSON of a request.
type line struct {
	Method     string            `json:"method"`
	Path       string            `json:"path"`
	Headers    map[string]string `json:"headers"`
	Body       json.RawMessage   `json:"body"`
	BodyBase64 *string           `json:"body_base64"`
	Repeat     *int              `json:"repeat"`
}

func parseLine(text []byte) (Request, error) {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Request{}, fmt.Errorf("%w; one JSON object with method, path, headers, body or body_base64, and repeat is allowed", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Request{}, errors.New("there is more after the JSON object; write one object per line")
	}
	if string(l.Body) == "null" {
		l.Body = nil
	}
	r := Request{Method: l.Method, Path: l.Path, Header: http.Header{}, Repeat: 1}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if !httpguts.ValidHeaderFieldName(r.Method) || r.Method == http.MethodConnect {
		return r, fmt.Errorf("method %q is no HTTP method; leave it out for POST", r.Method)
	}
	if !strings.HasPrefix(r.Path, "/") {
		return r, fmt.Errorf(`path %q: a path that begins with "/" is needed; it is sent to the replica itself, without a host`, r.Path)
	}
	if _, err := http.NewRequest(r.Method, "http://replica"+r.Path, nil); err != nil {
		return r, fmt.Errorf("path %q: %w", r.Path, err)
	}
	if l.Repeat != nil {
		r.Repeat = *l.Repeat
	}
	if r.Repeat < 1 || r.Repeat > maxRepeat {
		return r, fmt.Errorf("repeat %d: a number from 1 to %d is allowed", r.Repeat, maxRepeat)
	}
	if err := r.setHeaders(l.Headers); err != nil {
		return r, err
	}
	return r, r.setBody(l)
}

func (r *Request) setHeaders(headers map[string]string) error {
	for name, value := range headers {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Connection":
			return fmt.Errorf("header %q is set by the sender; leave it out", name)
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("header %q: %q is no valid name and value of a header", name, value)
		}
		r.Header.Set(name, value)
	}
	return nil
}

// setBody takes the body: text as it is, other JSON as JSON, base64 as bytes.
func (r *Request) setBody(l line) error {
	switch {
	case len(l.Body) > 0 && l.BodyBase64 != nil:
		return errors.New("body and body_base64 are both given; one is allowed")
	case l.BodyBase64 != nil:
		body, err := base64.StdEncoding.DecodeString(*l.BodyBase64)
		if err != nil {
			return fmt.Errorf("body_base64: %w", err)
		}
		r.Body = body
	case len(l.Body) > 0 && l.Body[0] == '"':
		var text string
		if err := json.Unmarshal(l.Body, &text); err != nil {
			return fmt.Errorf("body: %w", err)
		}
		r.Body = []byte(text)
	case len(l.Body) > 0:
		r.Body = l.Body
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	return nil
}
