package load

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Outcome is what became of one request.
type Outcome int

const (
	Answered Outcome = iota
	Lost             // no answer came, or none that counts as one
	Cut              // the answer began and broke off
)

// Reply is the answer to a request as far as it came.
type Reply struct {
	Status string // "200 OK"
	Code   int
	Header http.Header
	Body   []byte // its beginning
}

// Exchange sends a request and reads the answer to its end, a stream too, and
// keeps the first bytes of it. It is Lost without an answer, and Cut when the
// answer broke off; the error says why. Whether an answer is a good one is for
// the caller to say.
func Exchange(client *http.Client, req *http.Request, keep int64) (Reply, Outcome, error) {
	resp, err := client.Do(once(req))
	if err != nil {
		return Reply{}, Lost, err
	}
	defer resp.Body.Close()
	r := Reply{Status: resp.Status, Code: resp.StatusCode, Header: resp.Header}
	r.Body, err = io.ReadAll(io.LimitReader(resp.Body, keep))
	read := int64(len(r.Body))
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, resp.Body)
		read += rest
	}
	if err != nil {
		return r, Cut, fmt.Errorf("the answer broke off after %d bytes: %w", read, err)
	}
	return r, Answered, nil
}

// once keeps the transport from sending a GET again when its connection broke
// with the request in hand: that would hide a loss. It sends again only what it
// can rewind, so a request without a body gets an empty one that it cannot.
func once(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		req.Body, req.GetBody = io.NopCloser(strings.NewReader("")), nil
	}
	return req
}

// FirstLine is the beginning of an answer, for a message about it.
func FirstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if len(line) > 200 {
		line = line[:200] + "..."
	}
	return line
}
