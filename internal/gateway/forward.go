package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
)

// exchange is one request on its way to a replica and its answer on the way
// back. Exchanges are reused; reset lists what one may keep.
type exchange struct {
	gateway *Gateway
	writer  http.ResponseWriter
	request *http.Request
	service *service
	via     via
	secret  bool   // the replica does not get Authorization
	target  string // what is asked of the replica
	start   instant

	endpoint *endpoint
	hand     *hand
	tried    []*endpoint // could not be connected to
	upgrade  string
	body     bodyKind

	head       []byte // and what follows it at once: the early part of the body
	headSize   int
	pending    []byte // of the early part, what was not written with the head
	bodyErr    error  // how the reading of the early part ended, if it did; io.EOF is the proper end
	uploads    bool   // there is more to send than what went with the head
	scratch    []byte
	answer     answer
	chunks     chunks
	uploaded   chan error
	reading    atomic.Int32
	copied     *duplicate  // for the service's mirror; nil for none
	unfinished atomic.Bool // the replica did not take the whole body
	refused    bool        // it did not even take the early part
	answered   bool        // the header of an answer went out
	hijacked   bool
}

func newExchange(g *Gateway) *exchange {
	return &exchange{gateway: g, hand: g.board.hands.add(), uploaded: make(chan error, 1)}
}

func (x *exchange) reset() {
	clear(x.tried)
	clear(x.answer.fields)
	g, hand, up := x.gateway, x.hand, x.uploaded
	head, scratch, tried := x.head[:0], x.scratch[:0], x.tried[:0]
	fields, dropped, trailers := x.answer.fields[:0], x.answer.dropped[:0], x.answer.trailers[:0]
	*x = exchange{gateway: g, hand: hand, uploaded: up, head: head, scratch: scratch, tried: tried}
	x.answer.fields, x.answer.dropped, x.answer.trailers = fields, dropped, trailers
}

// errCaller says that the caller could not be written to.
var errCaller = errors.New("the caller went away")

// forward carries out an HTTP/1.1 exchange. It is false when an answer has
// begun and cannot be completed.
func (x *exchange) forward() (whole bool) {
	x.upgrade = upgradeOf(x.request)
	x.body = bodyOf(x.request)
	x.head = x.appendHead(x.head[:0])
	x.headSize = len(x.head)
	if x.service.mirror != nil {
		x.mirror()
	}
	x.readEarly()
	c, whole := x.deliver()
	if c == nil {
		return whole
	}
	defer x.endpoint.end()
	return x.converse(c)
}

// deliver writes the head of the request to a replica that takes it, trying one
// after the other as long as no byte was taken. When it returns nil the caller
// has its answer or, with whole false, is gone.
func (x *exchange) deliver() (c *upstream, whole bool) {
	var last error
	for {
		e, why := x.service.pick(x.tried, x.start)
		if e == nil {
			if x.again(why, last) {
				continue
			}
			return nil, true
		}
		x.endpoint = e
		x.hold(e)
		c, sent, err := x.try(e)
		switch {
		case err == nil:
			return c, true
		case sent:
			x.badGateway(err)
			e.end()
			return nil, true
		case x.request.Context().Err() != nil:
			e.label.Load().tally.canceled.Add(1)
			return nil, false
		}
		last = err
	}
}

// again tells to look for a replica once more, because the table was swapped
// since this request read it, or because the service is one of a group. If not, the caller has its answer.
func (x *exchange) again(why verdict, last error) bool {
	t := x.gateway.board.current.Load()
	s := t.services[x.service.name]
	switch {
	case s != nil && s != x.service:
		x.service = s
		return true
	case x.turnToAnother(t):
		return true
	case why != left:
		x.overLimit(why)
	default:
		x.nothingReady(last)
	}
	return false
}

// try writes the head to one replica, and of the early part of the body what
// there is room for. With sent false nothing was, and the endpoint has been let
// go of.
func (x *exchange) try(e *endpoint) (c *upstream, sent bool, err error) {
	c, err = e.connect(x.request.Context(), x.gateway.cfg.DialWait)
	if err != nil {
		e.abandon()
		x.unreachable(e, err)
		return nil, false, err
	}
	if e.closed.Load() { // while it was being connected to
		c.Close()
		e.abandon()
		return nil, false, errLeft
	}
	n, err := c.writeAtLeast(x.head, x.headSize)
	if err != nil && n == 0 {
		c.Close()
		e.abandon()
		if !c.reused {
			x.unreachable(e, err)
		}
		return nil, false, err
	}
	e.handed()
	if n < x.headSize {
		c.Close()
		return nil, true, err
	}
	if err != nil { // it may have answered all the same
		x.refused = true
		x.unfinished.Store(true)
	}
	x.pending = x.head[n:]
	return c, true, nil
}

// unreachable leaves an endpoint out for this request and puts it behind the
// others for the next ones, unless it only left the table: it may be back.
func (x *exchange) unreachable(e *endpoint, err error) {
	if errors.Is(err, errLeft) {
		return
	}
	x.tried = append(x.tried, e)
	if x.request.Context().Err() == nil {
		e.shun()
	}
}

// converse sends the body, passes the answer on, and gives the connection back.
func (x *exchange) converse(c *upstream) (whole bool) {
	leave := context.AfterFunc(x.request.Context(), c.abort)
	more := x.bodyErr != io.EOF || len(x.pending) > 0 && !x.refused
	if x.uploads = x.body != bodyNone && more; x.uploads {
		if w, ok := x.writer.(interface{ EnableFullDuplex() error }); ok {
			w.EnableFullDuplex()
		}
		go x.upload(c)
	}
	if limit := x.service.limits.keepalive; limit > 0 {
		c.SetReadDeadline(x.start.plus(limit))
	}
	keep, err := x.receive(c)
	if err != nil {
		c.Close()
	}
	whole = x.conclude(c, err)
	if stayed := leave(); keep && stayed && err == nil && !x.unfinished.Load() {
		c.reused, c.keepAlive = true, x.answer.server
		x.endpoint.conns.put(c)
	} else {
		c.Close()
	}
	return whole
}

// conclude ends the upload and, where the answer failed, tells the caller.
func (x *exchange) conclude(c *upstream, err error) (whole bool) {
	var upload error
	uploading := x.uploads
	if uploading && err != nil {
		var ended bool
		upload, ended = x.uploadEnd(c)
		uploading = !ended
	}
	if err == nil {
		if uploading && x.finishUpload(c) != nil {
			x.unfinished.Store(true)
		}
		return true
	}
	defer func() {
		switch {
		case !uploading:
		case whole:
			x.finishUpload(c)
		default:
			x.breakUpload(c)
		}
	}()
	t := x.endpoint.label.Load().tally
	switch {
	case errors.Is(upload, errBodyTooLarge) && !x.answered:
		x.refuse(http.StatusRequestEntityTooLarge, x.gateway.tooLarge())
		t.answered(http.StatusRequestEntityTooLarge, x.start)
		return true
	case errors.Is(upload, errBodySlow) && !x.answered:
		t.canceled.Add(1)
		x.refuse(http.StatusRequestTimeout, fmt.Sprintf("no byte of the body came for %s (gateway option --body-wait)", x.gateway.cfg.BodyWait))
		return true
	case upload != nil && !x.answered:
		t.canceled.Add(1)
		x.refuse(http.StatusBadRequest, "the body broke off or is malformed: "+upload.Error())
		return true
	case errors.Is(err, errCaller) || x.request.Context().Err() != nil:
		if !x.answered {
			t.canceled.Add(1)
		}
		return false
	case !x.answered && errors.Is(err, os.ErrDeadlineExceeded):
		x.timedOut()
		return true
	case !x.answered:
		x.badGateway(err)
		return true
	}
	t.cut.Add(1)
	return x.hijacked // its connection is ours and closed already
}

// uploadEnd tells how the upload ended, if it has: that may be why there is no
// answer. Where it was so, it said why before it closed the connection; but
// net/http, too, ends the request at an error of the body, and that before the
// upload has seen it.
func (x *exchange) uploadEnd(c *upstream) (err error, ended bool) {
	if !x.answered && x.request.Context().Err() != nil {
		c.Close()
		return x.settleUpload(<-x.uploaded), true // within BodyWait at the latest
	}
	select {
	case err = <-x.uploaded:
		return x.settleUpload(err), true
	default:
		return nil, false
	}
}

// refuse answers in the name of the gateway for a request that was meant for
// x.endpoint.
func (x *exchange) refuse(status int, detail string) {
	x.mark(x.writer.Header())
	x.answered = true
	refuse(x.writer, x.request, status, x.service.name, detail)
}

// badGateway tells the caller that a replica had (some of) the request and gave
// no answer. Whether it ran is not known, so it is not tried again.
func (x *exchange) badGateway(err error) {
	x.endpoint.label.Load().tally.lost.Add(1)
	if err == io.EOF {
		err = errors.New("it closed the connection without an answer")
	}
	x.refuse(http.StatusBadGateway, fmt.Sprintf("replica %s failed with this request in hand: %v", x.endpoint.replica, err))
}

// nothingReady tells the caller to come back: no byte of the request reached a
// replica.
func (x *exchange) nothingReady(last error) {
	s := x.service
	detail := s.unavailable
	switch {
	case last != nil:
		detail = fmt.Sprintf("no replica of service %s can be connected to: %v", s.name, last)
	case detail == "":
		detail = "no replica of service " + s.name + " is ready"
	}
	x.writer.Header()["Retry-After"] = s.retryAfter
	s.refuse(x.writer, x.request, http.StatusServiceUnavailable, detail, x.start)
}
