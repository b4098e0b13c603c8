package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// receive reads the answer and passes it on. keep tells that the connection can
// carry another request.
func (x *exchange) receive(c *upstream) (keep bool, err error) {
	a := &x.answer
	for interim := 0; ; interim++ {
		if x.scratch, err = c.readAnswer(a, x.scratch); err != nil {
			return false, err
		}
		if a.status >= 200 || a.status == http.StatusSwitchingProtocols {
			break
		}
		if interim == 20 {
			return false, errors.New("the replica sends interim answers without end")
		}
		x.passInterim()
	}
	if x.service.limits.keepalive > 0 { // it ends with the header
		c.SetReadDeadline(time.Time{})
	}
	if x.uploads {
		x.freeRead(readingBound, readingFree)
	}
	if a.status == http.StatusSwitchingProtocols {
		if x.upgrade == "" {
			return false, errors.New("the replica switches protocols, which nobody asked for")
		}
		return false, x.tunnel(c)
	}
	x.passHeader()
	if !a.bodiless(x.request.Method) {
		if err := x.passBody(c); err != nil {
			return false, err
		}
		keep = a.chunked || a.length >= 0
	} else {
		keep = true
	}
	return keep && !a.close && c.in.Buffered() == 0, nil
}

// passInterim passes on 103 and its like. 100 was answered by net/http, which
// may be doing so this moment for a caller that waits for it.
func (x *exchange) passInterim() {
	r := x.request
	if x.answer.status == http.StatusContinue || !r.ProtoAtLeast(1, 1) || r.Header["Expect"] != nil {
		return
	}
	h := x.writer.Header()
	x.answer.copyHeader(h)
	x.writer.WriteHeader(x.answer.status)
	clear(h)
}

func (x *exchange) passHeader() {
	h := x.writer.Header()
	x.answer.copyHeader(h)
	x.mark(h)
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // present and empty: net/http guesses none
	}
	if len(x.answer.trailers) > 0 && x.answer.chunked {
		h["Trailer"] = []string{strings.Join(x.answer.trailers, ", ")}
	}
	x.answered = true
	x.endpoint.label.Load().tally.answered(x.answer.status, x.start)
	x.writer.WriteHeader(x.answer.status)
}

// mark says who answered.
func (x *exchange) mark(h http.Header) {
	h["X-Sluice-Service"] = x.service.header
	l := x.endpoint.label.Load()
	h["X-Sluice-Version"] = l.headers.version
	h["X-Sluice-Replica"] = l.headers.replica
}

// passBody gives the caller the body as it comes.
func (x *exchange) passBody(c *upstream) error {
	a := &x.answer
	if a.length == 0 {
		return nil
	}
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	if c.in.Buffered() == 0 {
		if flush(x.writer) != nil { // the header, as the body may take its time
			return errCaller
		}
	}
	x.chunks = chunks{in: c.in}
	left := a.length
	for {
		n, err := x.readBody(buffer[:], &left)
		x.arm()
		if n > 0 {
			if _, err := x.writer.Write(buffer[:n]); err != nil {
				return errCaller
			}
		}
		switch {
		case err == io.EOF && a.chunked:
			return x.passTrailer(c)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if flush(x.writer) != nil {
			return errCaller
		}
		x.disarm()
	}
}

// readBody reads what there is; io.EOF, perhaps with the last bytes, is the
// proper end.
func (x *exchange) readBody(p []byte, left *int64) (int, error) {
	in := x.chunks.in
	switch {
	case x.answer.chunked:
		return x.chunks.read(p)
	case *left < 0: // it ends with the connection
		return in.Read(p)
	}
	n, err := in.Read(p[:min(int64(len(p)), *left)])
	if *left -= int64(n); *left == 0 {
		return n, io.EOF
	}
	return n, unexpected(err)
}

func (x *exchange) passTrailer(c *upstream) (err error) {
	if x.scratch, err = c.readLines(x.scratch[:0]); err != nil {
		return unexpected(err)
	}
	if len(x.scratch) <= 2 {
		return nil
	}
	fields, err := parseFields(string(x.scratch), nil)
	if err != nil {
		return err
	}
	h := x.writer.Header()
	for _, f := range fields {
		if !httpguts.ValidTrailerHeader(f.key) {
			continue
		}
		key := http.TrailerPrefix + f.key
		for _, announced := range x.answer.trailers {
			if announced == f.key {
				key = f.key
			}
		}
		h[key] = append(h[key], f.value)
	}
	return nil
}
