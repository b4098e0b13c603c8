package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// bodyKind is how a request's body is framed on its way to the replica.
type bodyKind int

const (
	bodyNone bodyKind = iota
	bodySized
	bodyChunked
)

func bodyOf(r *http.Request) bodyKind {
	switch {
	case r.ContentLength > 0 && len(r.Trailer) == 0:
		return bodySized
	case r.ContentLength != 0:
		return bodyChunked
	}
	return bodyNone
}

// uploadWait is how long the rest of a body may take after its answer is
// complete. It is read so that a caller which sends everything before it looks
// at the answer finds it.
const uploadWait = time.Second

var (
	errBodyTooLarge = errors.New("the body is too large")
	errBodySlow     = errors.New("the body stopped coming")
)

// buffers are for bodies on their way; each holds one read.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Room in a buffer for "7ff5\r\n" before a chunk and "\r\n" after it.
const chunkHead, chunkTail = 8, 2

// earlySize is the most of a body that is sent together with the head.
const earlySize = 16 << 10

// readEarly adds to the head what has come of the body. It does not wait for
// more. A small request thus goes to the replica in one write and one packet,
// and nobody is needed to carry its body while the answer is read.
//
// Not so for a body in chunks, whose reader in net/http takes a read of nothing
// for a failure, as TLS does; nor where the caller waits for a word before it sends
// its body.
func (x *exchange) readEarly() {
	r := x.request
	if x.body != bodySized || r.ProtoMajor != 1 || r.Header["Expect"] != nil {
		return
	}
	c, ok := r.Context().Value(callerKey{}).(*callerConn)
	if !ok {
		return
	}
	c.ready.Store(true)
	defer c.ready.Store(false)
	size := x.headSize + int(min(r.ContentLength, earlySize))
	x.head = slices.Grow(x.head, size-x.headSize)
	for len(x.head) < size && x.bodyErr == nil {
		n, err := r.Body.Read(x.head[len(x.head):size])
		x.head, x.bodyErr = x.head[:len(x.head)+n], err
		if n == 0 {
			return
		}
	}
}

// upload carries the request's body to the replica. It runs beside the reading
// of the answer, which may come before the body has ended. Its result is nil
// once the caller has sent everything, whether or not the replica took it.
func (x *exchange) upload(c *upstream) {
	err := x.carry(c)
	x.uploaded <- err // first, so that it explains what the end of c brings about
	if err != nil {
		c.Close() // the replica must not take half a body for a whole one
	}
}

func (x *exchange) carry(c *upstream) error {
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	total := int64(len(x.head) - x.headSize)
	limit := x.gateway.cfg.MaxBody
	free := false
	refused := x.refused // by the replica, which may well answer all the same
	if len(x.pending) > 0 && !refused {
		if _, err := c.Write(x.pending); err != nil {
			refused = true
			x.unfinished.Store(true)
		}
	}
	if x.bodyErr == io.EOF {
		return nil
	}
	if x.bodyErr != nil { // not to be read again: net/http says so once
		return x.bodyErr
	}
	for {
		free = x.bindRead(free)
		n, err := x.request.Body.Read(buffer[chunkHead : len(buffer)-chunkTail])
		if total += int64(n); limit >= 0 && total > limit {
			return errBodyTooLarge
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && x.reading.Load() == readingBound {
			return errBodySlow
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF { // the connection's next read is not one of this body
			x.freeRead(readingBound, readingThrough)
		}
		out := buffer[chunkHead : chunkHead+n]
		if x.body == bodyChunked {
			out = x.frame(buffer[:], n, err == io.EOF)
		}
		if len(out) > 0 && !refused {
			if _, werr := c.Write(out); werr != nil {
				refused = true
				x.unfinished.Store(true)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// frame makes the n bytes that were read into a chunk, and adds the end.
func (x *exchange) frame(buffer []byte, n int, last bool) []byte {
	out := buffer[chunkHead:chunkHead]
	if n > 0 {
		var size [chunkHead]byte
		head := append(strconv.AppendUint(size[:0], uint64(n), 16), "\r\n"...)
		start := chunkHead - len(head)
		copy(buffer[start:], head)
		out = append(buffer[start:chunkHead+n], "\r\n"...)
	}
	if last {
		out = append(out, "0\r\n"...)
		out = appendTrailer(out, x.request.Trailer)
		out = append(out, "\r\n"...)
	}
	return out
}

func appendTrailer(b []byte, trailer http.Header) []byte {
	for key, values := range trailer {
		for _, value := range values {
			if httpguts.ValidTrailerHeader(key) && httpguts.ValidHeaderFieldValue(value) {
				b = appendField(b, key, value)
			}
		}
	}
	return b
}

// finishUpload sees the upload to its end, so that nothing reads the request
// when the handler has returned. The answer is complete by then, or will not
// come; the replica's connection must be closed in the second case.
func (x *exchange) finishUpload(c *upstream) error {
	select {
	case err := <-x.uploaded:
		return x.settleUpload(err)
	default:
	}
	flush(x.writer)
	timer := time.NewTimer(uploadWait)
	defer timer.Stop()
	select {
	case err := <-x.uploaded:
		return x.settleUpload(err)
	case <-timer.C:
	}
	return x.breakUpload(c)
}

// breakUpload ends the upload where it is.
func (x *exchange) breakUpload(c *upstream) error {
	c.Close()
	x.reading.Store(readingBroken)
	setReadDeadline(x.writer, time.Now())
	return x.settleUpload(<-x.uploaded)
}

// settleUpload makes sure that what is left of a body which was not read to its
// end is never taken for the next request: the connection ends after the answer.
// http.MaxBytesReader documents that it has the server do so, and no other way
// works after the header is written.
func (x *exchange) settleUpload(err error) error {
	if err != nil {
		http.MaxBytesReader(x.writer, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
	}
	return err
}

func flush(w http.ResponseWriter) error {
	if f, ok := w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return nil
}
