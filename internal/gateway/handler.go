package gateway

import (
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// healthPath answers for the gateway itself, wherever the host names no service.
const healthPath = "/-/healthy"

// ServeHTTP takes one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := now()
	if g.retiring() && (r.ProtoMajor == 1 || g.insist.Load()) {
		w.Header()["Connection"] = []string{"close"} // net/http makes it a GOAWAY in HTTP/2
	}
	hideSession(r.Header)
	name, target, byPath := locate(r.RequestURI, r.Host)
	t := g.board.current.Load()
	var s *service
	if t != nil {
		s = t.services[name]
	}
	if s == nil {
		if t != nil && t.groups[name] != nil {
			g.serveGroup(w, r, t.groups[name], target, start)
			return
		}
		g.noService(w, r, t, name, byPath)
		return
	}
	if status, detail := unfit(r, target); status != 0 {
		s.refuse(w, r, status, detail, start)
		return
	}
	if !s.admits(r.Header["Authorization"]) {
		s.challenge(w, r, "service "+name, start)
		return
	}
	g.serve(w, r, s, via{}, target, start)
}

// unfit tells why a request cannot be passed on to anybody; 0 when it can.
func unfit(r *http.Request, target string) (status int, detail string) {
	switch {
	case r.Method == http.MethodConnect || !httpguts.ValidHeaderFieldName(r.Method):
		return http.StatusMethodNotAllowed, "the gateway does not serve the method " + fmt.Sprintf("%.20q", r.Method)
	case !plain(target) || r.ProtoMajor == 2 && !httpguts.ValidHostHeader(r.Host):
		return http.StatusBadRequest, "the request target or host has a character that may not be there"
	}
	return 0, ""
}

// serve hands an admitted request to a replica.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, s *service, via via, target string, start instant) {
	stream := r.ProtoMajor == 2 && (s.grpc || isGRPC(r))
	if !stream && g.cfg.MaxBody >= 0 && r.ContentLength > g.cfg.MaxBody {
		s.refuse(w, r, http.StatusRequestEntityTooLarge, g.tooLarge(), start)
		return
	}
	x := g.exchanges.Get().(*exchange)
	x.writer, x.request, x.service, x.via, x.target, x.start = w, r, s, via, target, start
	x.secret = s.private || via.group != nil && via.group.secret
	var whole bool
	if stream {
		whole = x.stream()
	} else {
		whole = x.forward()
	}
	x.hand.endpoint.Store(nil)
	x.copied.end()
	x.reset()
	g.exchanges.Put(x)
	if !whole {
		panic(http.ErrAbortHandler) // the only way to tell the caller that the answer is not complete
	}
}

func (g *Gateway) tooLarge() string {
	return fmt.Sprintf("the body is larger than %d bytes, the most that this gateway passes on (gateway option --max-body)", g.cfg.MaxBody)
}

// refuse counts and answers a request that reached no replica.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, status int, detail string, start instant) {
	w.Header()["X-Sluice-Service"] = s.header
	refuse(w, r, status, s.name, detail)
	s.unserved.answered(status, start)
}

func (g *Gateway) noService(w http.ResponseWriter, r *http.Request, t *table, name string, byPath bool) {
	switch {
	case !byPath && r.URL.Path == healthPath:
		w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		w.Write([]byte("ok\n"))
	case t == nil:
		w.Header()["Retry-After"] = []string{"1"}
		refuse(w, r, http.StatusServiceUnavailable, "", "this gateway has just started and has no routing table yet")
	case name == "":
		refuse(w, r, http.StatusNotFound, "", "no service is named: ask for "+prefix+"SERVICE, or send a Host header that begins with the name of a service or group")
	case byPath:
		refuse(w, r, http.StatusNotFound, name, fmt.Sprintf("there is no service or group named %q", name))
	default:
		refuse(w, r, http.StatusNotFound, "", fmt.Sprintf("the path does not begin with %s, and no service or group is named %q as the host is", prefix, name))
	}
}
