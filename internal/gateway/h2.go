package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// streams is an endpoint's client for cleartext HTTP/2, made when first needed.
type streams struct {
	mu   sync.Mutex
	used atomic.Pointer[http.Transport]
}

func (s *streams) transport(e *endpoint, cfg *Config) *http.Transport {
	if t := s.used.Load(); t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.used.Load(); t != nil {
		return t
	}
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return e.dial(ctx, cfg.DialWait)
		},
		DisableCompression:     true,
		IdleConnTimeout:        cfg.UpstreamIdle,
		MaxResponseHeaderBytes: maxHead,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	s.used.Store(t)
	return t
}

func (s *streams) closeIdle() {
	if t := s.used.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// attempt is one try at one endpoint. The transport repeats a request by itself
// only where HTTP/2 says that the server did not process it, and then only one
// without GetBody of whose body nothing was read, which it begins again with
// GetConn; so what was sent is what was sent since then.
type attempt struct {
	endpoint *endpoint
	handed   atomic.Bool // the first byte is written, or will not be
	sent     atomic.Bool // a connection was taken, so a byte may have been written
}

func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { a.sent.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { a.sent.Store(true) },
		WroteHeaders: func() {
			if a.handed.CompareAndSwap(false, true) {
				a.endpoint.handed()
			}
		},
	}
}

// stream carries out an HTTP/2 exchange, gRPC above all. It is false when an
// answer has begun and cannot be completed.
func (x *exchange) stream() (whole bool) {
	target, err := url.ParseRequestURI(x.target)
	if err != nil {
		x.service.refuse(x.writer, x.request, http.StatusBadRequest, "the request target cannot be read", x.start)
		return true
	}
	x.skipMirror()
	wait := newPatience(x.request, x.service.limits.keepalive)
	ctx := x.request.Context()
	if wait != nil {
		defer wait.end()
		ctx = wait.context
	}
	body := &streamBody{ReadCloser: x.request.Body, wait: wait}
	var last error
	for {
		e, why := x.service.pick(x.tried, x.start)
		if e == nil {
			if x.again(why, last) {
				continue
			}
			return true
		}
		x.endpoint = e
		x.hold(e)
		response, sent, err := x.open(ctx, e, *target, body)
		switch {
		case err == nil && wait.answered():
			defer e.end()
			return x.passStream(response)
		case err == nil:
			response.Body.Close()
			err = errKeepalive
		}
		last = err
		gone := x.request.Context().Err() != nil
		switch {
		case wait.over() && !gone:
			x.timedOut()
			whole = true
		case gone:
			e.label.Load().tally.canceled.Add(1)
			whole = false
		case sent || body.read.Load():
			x.badGateway(err)
			whole = true
		default:
			x.unreachable(e, err)
			e.end()
			continue
		}
		e.end()
		return whole
	}
}

// open sends the request to one endpoint; with sent false no byte can have
// reached it.
func (x *exchange) open(ctx context.Context, e *endpoint, target url.URL, body *streamBody) (response *http.Response, sent bool, err error) {
	a := &attempt{endpoint: e}
	defer func() {
		if a.handed.CompareAndSwap(false, true) {
			e.written()
		}
	}()
	target.Scheme, target.Host = "http", e.address
	r := x.request
	out := (&http.Request{
		Method: r.Method, URL: &target, Host: r.Host, Header: x.streamHeader(),
		Body: body, ContentLength: -1, Trailer: r.Trailer,
	}).WithContext(httptrace.WithClientTrace(ctx, a.trace()))
	if r.ContentLength > 0 {
		out.ContentLength = r.ContentLength
	}
	response, err = e.streams.transport(e, &x.gateway.cfg).RoundTrip(out)
	return response, a.sent.Load(), err
}

// streamBody is the caller's body as the transport sees it: never known to be
// empty, so that no request counts as one that may be repeated.
type streamBody struct {
	io.ReadCloser
	wait *patience
	read atomic.Bool
}

func (b *streamBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.wait.sent()
	}
	return n, err
}

// Close frees a reader that waits for the caller. Before the first read there is
// none, and the body is still good for another replica.
func (b *streamBody) Close() error {
	if b.read.Load() {
		return b.ReadCloser.Close()
	}
	return nil
}

// streamHeader is the caller's header less what ends with its connection.
func (x *exchange) streamHeader() http.Header {
	r := x.request
	h := make(http.Header, len(r.Header)+4)
	named := connectionTokens(r.Header["Connection"])
	for key, values := range r.Header {
		if !ownHeader(key) && !slices.Contains(named, key) && !x.withholds(key) {
			h[key] = values
		}
	}
	if wantsTrailers(r.Header["Te"]) {
		h["Te"] = []string{"trailers"}
	}
	if h["User-Agent"] == nil {
		h["User-Agent"] = []string{""} // else the transport names itself
	}
	h["X-Forwarded-For"] = []string{strings.Join(append(slices.Clone(r.Header["X-Forwarded-For"]), clientIP(r.RemoteAddr)), ", ")}
	h["X-Forwarded-Host"] = []string{r.Host}
	h["X-Forwarded-Proto"] = []string{scheme(r)}
	return h
}

// passStream gives the caller the answer as it comes, trailers last.
func (x *exchange) passStream(response *http.Response) (whole bool) {
	defer response.Body.Close()
	h := x.writer.Header()
	for key, values := range response.Header {
		h[textproto.CanonicalMIMEHeaderKey(key)] = values
	}
	x.mark(h)
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil
	}
	x.answered = true
	x.endpoint.label.Load().tally.answered(response.StatusCode, x.start)
	x.writer.WriteHeader(response.StatusCode)
	err := x.passMessages(response)
	switch {
	case err == nil:
		for key, values := range response.Trailer {
			h[http.TrailerPrefix+key] = values
		}
		return true
	case errors.Is(err, errCaller) || x.request.Context().Err() != nil:
		return false
	}
	x.endpoint.label.Load().tally.cut.Add(1)
	if !isGRPC(x.request) {
		return false
	}
	h[http.TrailerPrefix+"Grpc-Status"] = []string{"14"}
	h[http.TrailerPrefix+"Grpc-Message"] = []string{grpcMessage("replica " + x.endpoint.replica + " broke off its answer: " + err.Error())}
	return true
}

func (x *exchange) passMessages(response *http.Response) error {
	if response.Body == http.NoBody || response.ContentLength == 0 {
		return nil // the header alone, and perhaps a gRPC status in it: one frame ends it all
	}
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	if flush(x.writer) != nil {
		return errCaller
	}
	for {
		n, err := response.Body.Read(buffer[:])
		x.arm()
		if n > 0 {
			if _, werr := x.writer.Write(buffer[:n]); werr != nil {
				return errCaller
			}
		}
		switch {
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
