package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// maxHead is the most that the head of a replica's answer may take.
const maxHead = 256 << 10

var errHeadTooLong = fmt.Errorf("the replica's answer has a head of more than %d bytes", maxHead)

// answer is the head of a replica's answer.
type answer struct {
	status   int
	fields   []field
	dropped  []string // that end with the connection
	trailers []string // announced ones
	length   int64    // of the body; -1 when it is chunked or ends with the connection
	chunked  bool
	close    bool // the connection carries no further request
	upgrade  string
	server   time.Duration // how long it keeps the connection idle; 0 when it does not say
}

type field struct{ key, value string }

// readAnswer reads one head, interim ones included, into a. It refuses what
// could be read in two ways.
func (c *upstream) readAnswer(a *answer, scratch []byte) ([]byte, error) {
	scratch, err := c.readLines(scratch[:0])
	if err != nil {
		return scratch, err
	}
	text := string(scratch)
	*a = answer{fields: a.fields[:0], dropped: a.dropped[:0], trailers: a.trailers[:0], length: -1}
	line, rest, _ := strings.Cut(text, "\n")
	minor, err := a.statusLine(strings.TrimSuffix(line, "\r"))
	if err != nil {
		return scratch, err
	}
	if a.fields, err = parseFields(rest, a.fields); err != nil {
		return scratch, err
	}
	return scratch, a.interpret(minor)
}

// readLines reads up to and with the next empty line.
func (c *upstream) readLines(b []byte) ([]byte, error) {
	for start := 0; ; {
		part, err := c.in.ReadSlice('\n')
		b = append(b, part...)
		if len(b) > maxHead {
			return b, errHeadTooLong
		}
		if err != nil {
			if isBufferFull(err) {
				continue
			}
			return b, err
		}
		if line := b[start:]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
			return b, nil
		}
		start = len(b)
	}
}

func (a *answer) statusLine(line string) (minor byte, err error) {
	// HTTP/1.1 200 OK
	if len(line) < 12 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return 0, fmt.Errorf("the replica's answer does not begin with an HTTP/1.1 status line but with %.40q", line)
	}
	status, err := strconv.ParseUint(line[9:12], 10, 16)
	if err != nil || status < 100 {
		return 0, fmt.Errorf("the replica's answer has the status %q", line[9:12])
	}
	a.status = int(status)
	return line[7] - '0', nil
}

// parseFields reads lines of "key: value" up to an empty line. The results
// share text's memory.
func parseFields(text string, fields []field) ([]field, error) {
	for {
		line, rest, _ := strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return fields, nil
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		// No space before the colon and no continued lines: what others read into them differs.
		if !ok || !httpguts.ValidHeaderFieldName(key) || !httpguts.ValidHeaderFieldValue(value) {
			return fields, fmt.Errorf("the replica's answer has a header line that is not valid: %.80q", line)
		}
		fields = append(fields, field{textproto.CanonicalMIMEHeaderKey(key), value})
		text = rest
	}
}

// interpret takes in the fields that say where the body ends and what becomes
// of the connection.
func (a *answer) interpret(minor byte) error {
	sized := int64(-1)
	keep := false
	for _, f := range a.fields {
		switch f.key {
		case "Content-Length":
			n, err := strconv.ParseUint(f.value, 10, 63)
			if err != nil || sized >= 0 && int64(n) != sized {
				return fmt.Errorf("the replica's answer has the Content-Length %q", f.value)
			}
			sized = int64(n)
		case "Transfer-Encoding":
			if a.chunked || !strings.EqualFold(f.value, "chunked") {
				return fmt.Errorf("the replica's answer has the Transfer-Encoding %q, and only one \"chunked\" is known", f.value)
			}
			a.chunked = true
		case "Connection":
			a.dropped = append(a.dropped, connectionTokens([]string{f.value})...)
			a.close = a.close || hasToken([]string{f.value}, "close")
			keep = keep || hasToken([]string{f.value}, "keep-alive")
		case "Keep-Alive":
			a.server = keepAliveTimeout(f.value)
		case "Upgrade":
			a.upgrade = f.value
		case "Trailer":
			for key := range strings.SplitSeq(f.value, ",") {
				if key = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key)); httpguts.ValidTrailerHeader(key) {
					a.trailers = append(a.trailers, key)
				}
			}
		}
	}
	if a.chunked && sized >= 0 {
		return errors.New("the replica's answer has both Content-Length and Transfer-Encoding")
	}
	a.length = sized
	a.close = a.close || minor == 0 && !keep
	return nil
}

// keepAliveTimeout reads "timeout=5, max=100" and leaves a quarter as a margin.
func keepAliveTimeout(value string) time.Duration {
	for part := range strings.SplitSeq(value, ",") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(part), "timeout="); ok {
			if n, err := strconv.ParseUint(s, 10, 16); err == nil {
				return time.Duration(n) * time.Second * 3 / 4
			}
		}
	}
	return 0
}

// copyHeader gives the caller the fields that are meant for it.
func (a *answer) copyHeader(h http.Header) {
	values := make([]string, 0, len(a.fields)) // one allocation for all
	for _, f := range a.fields {
		switch f.key {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			continue
		case "Content-Length":
			if h[f.key] != nil {
				continue // a repetition of the same number
			}
		}
		if len(a.dropped) > 0 && slices.Contains(a.dropped, f.key) {
			continue
		}
		if had := h[f.key]; had != nil {
			h[f.key] = append(had, f.value)
			continue
		}
		values = append(values, f.value)
		h[f.key] = values[len(values)-1 : len(values) : len(values)]
	}
}

// bodiless tells that an answer has no body whatever its header says.
func (a *answer) bodiless(method string) bool {
	return method == http.MethodHead || a.status < 200 || a.status == http.StatusNoContent || a.status == http.StatusNotModified
}
