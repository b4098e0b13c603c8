package gateway

import (
	"fmt"
	"net/http"
	"slices"
)

// testHeader names the member that a tester wants, at a group's address. It is
// not passed on.
const testHeader = "X-Sluice-Service"

// serveGroup takes a request at a group's address: it chooses the member, whose
// own service then serves it as at its own address.
func (g *Gateway) serveGroup(w http.ResponseWriter, r *http.Request, gr *group, target string, start instant) {
	if status, detail := unfit(r, target); status != 0 {
		gr.front.refuse(w, r, status, detail, start)
		return
	}
	if wanted := r.Header[testHeader]; wanted != nil {
		g.serveTest(w, r, gr, wanted, target, start)
		return
	}
	if !gr.front.admits(r.Header["Authorization"]) {
		gr.front.challenge(w, r, "group "+gr.of.Name, start)
		return
	}
	name := gr.of.Name
	m, ok := gr.choose(r)
	for !ok { // its weights have changed since the table was read, so there is another table
		gr = g.board.current.Load().groups[name]
		if gr == nil {
			g.noService(w, r, g.board.current.Load(), name, true)
			return
		}
		m, ok = gr.choose(r)
	}
	if m == nil {
		w.Header()["Retry-After"] = gr.retryAfter
		gr.front.refuse(w, r, http.StatusServiceUnavailable, gr.unavailable, start)
		return
	}
	g.serve(w, r, m.service, via{group: gr}, target, start)
}

// choose finds the member for a request, whose service is not nil: by the first
// rule that matches, or by the split. It is nil when nobody can serve; ok is
// false when other weights are in force.
func (gr *group) choose(r *http.Request) (m *member, ok bool) {
	var buffer [4]string
	spurned := buffer[:0]
	for i := range gr.rules {
		rule := &gr.rules[i]
		if m := rule.member; m.service == nil {
			continue
		}
		switch rule.judge(r) {
		case aims:
			rule.member.shares.aimed.Add(1)
			return rule.member, true
		case spurns:
			if !slices.Contains(spurned, rule.member.name) {
				spurned = append(spurned, rule.member.name)
			}
		}
	}
	if len(spurned) > 0 {
		if m, ok := gr.others(spurned).next(); m != nil || !ok {
			if ok {
				m.shares.others.Add(1)
			}
			return m, ok
		}
	}
	if m, ok = gr.seats.next(); m != nil {
		m.shares.split.Add(1)
	}
	return m, ok
}

// others are the seats without those that are spurned.
func (gr *group) others(spurned []string) *seats {
	if len(spurned) == 1 {
		return gr.without[spurned[0]]
	}
	s := gr.seat(gr.split, func(m *member) bool { return !slices.Contains(spurned, m.name) })
	return &s
}

// instead is a member for a request that no replica of those passed has taken,
// drawn by weight without touching the turns of the split; nil when there is
// none.
func (gr *group) instead(passed []string, like *service, r *http.Request) *service {
	s := gr.seat(gr.spare, func(m *member) bool {
		return !slices.Contains(passed, m.name) && (r.ProtoMajor == 1 || m.service.grpc == like.grpc)
	})
	m, _ := s.next() // spare is never closed
	if m == nil {
		return nil
	}
	m.shares.instead.Add(1)
	return m.service
}

// serveTest gives a request to the member that it names. The caller must have
// the member's own token, or the group's where the member has none.
func (g *Gateway) serveTest(w http.ResponseWriter, r *http.Request, gr *group, wanted []string, target string, start instant) {
	m := gr.members[wanted[0]]
	gate, who := gr.front, "group "+gr.of.Name
	if m != nil && m.service != nil && m.service.private {
		gate, who = m.service, "service "+m.name+", named by "+testHeader+","
	}
	switch {
	case !gate.admits(r.Header["Authorization"]):
		gr.front.challenge(w, r, who, start)
	case len(wanted) > 1:
		gr.front.refuse(w, r, http.StatusBadRequest, fmt.Sprintf("%s names %d services: send it once", testHeader, len(wanted)), start)
	case m == nil:
		gr.front.refuse(w, r, http.StatusNotFound, fmt.Sprintf("%s names %q, which is not in group %s; its services are %s", testHeader, wanted[0], gr.of.Name, gr.names()), start)
	case m.service == nil:
		w.Header()["Retry-After"] = gr.front.retryAfter
		gr.front.refuse(w, r, http.StatusServiceUnavailable, "service "+m.name+" has no address at this gateway", start)
	default:
		m.shares.tested.Add(1)
		g.serve(w, r, m.service, via{group: gr, fixed: true}, target, start)
	}
}

// via is how a request came to its service.
type via struct {
	group  *group // nil for the service's own address
	fixed  bool   // no other member will do
	passed []string
}

// turnToAnother has another member of the group take the request, of which no
// byte has reached a replica. The group is looked at as it is now.
func (x *exchange) turnToAnother(t *table) bool {
	if x.via.group == nil || x.via.fixed {
		return false
	}
	gr := t.groups[x.via.group.of.Name]
	if gr == nil {
		return false
	}
	x.via.passed = append(x.via.passed, x.service.name)
	s := gr.instead(x.via.passed, x.service, x.request)
	if s == nil {
		return false
	}
	x.service = s
	return true
}
