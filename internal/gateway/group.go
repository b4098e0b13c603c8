package gateway

import (
	"cmp"
	"maps"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// group is a group's address made ready for use. It belongs to one table: its
// members are services as that table has them. What must outlive tables, the
// turns and the counts, it has from the group before it.
type group struct {
	of      traffic.Group
	front   *service // name, token and tally of the address itself; no replica
	members map[string]*member
	rules   []rule
	secret  bool // a token was asked for, here or at a member's own address: Authorization ends at the gateway

	split   *traffic.Split
	spare   *traffic.Split    // the same weights, for what is not to disturb the turns of split
	seats   seats             // of all that are ready
	without map[string]*seats // of all that are ready but the one named, for each that has a percent of the users

	unavailable string // when seats is empty
	retryAfter  []string
}

// member is a service's part in one table's group.
type member struct {
	name    string
	service *service // nil when it has no route
	shares  *shares
}

func (m *member) ready() bool { return m.service != nil && len(m.service.ready) > 0 }

// seats are turns together with who takes them.
type seats struct {
	turns   *traffic.Turns // nil when nobody is ready
	members []*member      // by the index that turns gives
}

// next is the member whose turn it is; nil and true when there is none, false
// when the weights have changed.
func (s *seats) next() (m *member, ok bool) {
	if s.turns == nil {
		return nil, true
	}
	i, ok := s.turns.Next()
	if !ok {
		return nil, false
	}
	return s.members[i], true
}

// rule is a traffic.Rule made ready for use.
type rule struct {
	member   *member
	header   string // in canonical form
	cookie   string
	query    string
	equals   string
	matches  *regexp.Regexp
	users    bool    // it is about a percent of users
	from, to float64 // whose keys have their place there
}

// group makes a group ready for use in the table t, whose services are complete.
func (b *board) group(of traffic.Group, was *group, t *table) *group {
	front := &service{name: of.Name, header: []string{of.Name}, unserved: b.tally(of.Name, 0), retryAfter: []string{"1"}}
	front.lock(of.Token)
	g := &group{of: of, front: front, members: map[string]*member{}, secret: front.private}
	for _, m := range of.Members {
		s := t.services[m.Service]
		g.members[m.Service] = &member{name: m.Service, service: s, shares: b.share(of.Name, m.Service)}
		g.secret = g.secret || s != nil && s.private
	}
	if was != nil && was.split.Same(of.Members) {
		g.split, g.spare = was.split, was.spare
	} else {
		g.split, g.spare = traffic.NewSplit(of.Members), traffic.NewSplit(of.Members)
	}
	g.seats = g.seat(g.split, func(*member) bool { return true })
	if g.seats.turns == nil {
		g.unavailable, g.retryAfter = g.explain()
	}
	g.compile(b)
	return g
}

// seat are the turns of those who are ready and wanted.
func (g *group) seat(split *traffic.Split, wanted func(*member) bool) seats {
	s := seats{turns: split.Among(func(name string) bool {
		m := g.members[name]
		return m != nil && m.ready() && wanted(m)
	})}
	if s.turns != nil {
		for _, name := range s.turns.Services() {
			s.members = append(s.members, g.members[name])
		}
	}
	return s
}

// compile makes the rules. Those that the control plane should not have let
// through, and those for a service that has left the group, aim at nobody.
func (g *group) compile(b *board) {
	taken := map[string]float64{} // places of keys, by what is looked at
	g.without = map[string]*seats{}
	for _, of := range g.of.Rules {
		from := taken[of.Header+"\n"+of.Cookie+"\n"+of.Query]
		taken[of.Header+"\n"+of.Cookie+"\n"+of.Query] = from + of.Percent
		m := g.members[of.Service]
		if m == nil {
			continue
		}
		pattern, err := of.Pattern()
		if err = cmp.Or(of.Check(), err); err != nil {
			b.cfg.Log.Error("a rule of a group is left out", "group", g.of.Name, "service", of.Service, "error", err)
			continue
		}
		g.rules = append(g.rules, rule{
			member: m, header: textproto.CanonicalMIMEHeaderKey(of.Header), cookie: of.Cookie, query: of.Query,
			equals: of.Equals, matches: pattern, users: of.Percent > 0, from: from, to: from + of.Percent,
		})
		if of.Percent > 0 && g.without[m.name] == nil {
			s := g.seat(g.split, func(other *member) bool { return other != m })
			g.without[m.name] = &s
		}
	}
}

// explain says why nobody can take a turn.
func (g *group) explain() (why string, retryAfter []string) {
	if len(g.of.Members) == 0 {
		return "group " + g.of.Name + " has no members", []string{"1"}
	}
	var reasons []string
	for _, of := range g.of.Members {
		if of.Weight <= 0 {
			continue
		}
		reason := "it has no address"
		if s := g.members[of.Service].service; s != nil {
			reason = cmp.Or(s.unavailable, "no replica is ready")
			retryAfter = s.retryAfter
		}
		reasons = append(reasons, of.Service+": "+reason)
	}
	switch {
	case len(reasons) == 0:
		return "group " + g.of.Name + ": every weight is 0", []string{"1"}
	case retryAfter == nil:
		retryAfter = []string{"1"}
	}
	return "no service with a share of group " + g.of.Name + " has a ready replica (" + strings.Join(reasons, "; ") + ")", retryAfter
}

// outdated tells that t has other services than the group was made with.
func (g *group) outdated(t *table) bool {
	for name, m := range g.members {
		if t.services[name] != m.service {
			return true
		}
	}
	return false
}

// regroup makes the groups of the table next, whose services are complete. It
// returns the splits whose weights are no longer in force.
func (b *board) regroup(old, next *table, change *wire.Table) (ended []*traffic.Split) {
	next.groups = map[string]*group{}
	if !change.Full {
		maps.Copy(next.groups, old.groups)
	}
	for _, name := range change.Withdrawn {
		delete(next.groups, name)
	}
	for _, route := range change.Routes { // of the same name, which it has taken
		delete(next.groups, route.Service)
	}
	for _, of := range change.Groups {
		next.groups[of.Name] = b.group(of, old.groups[of.Name], next)
	}
	for name, g := range next.groups {
		if g.outdated(next) {
			next.groups[name] = b.group(g.of, g, next)
		}
	}
	for name, g := range old.groups {
		if now := next.groups[name]; now == nil || now.split != g.split {
			ended = append(ended, g.split)
		}
	}
	return ended
}

// shares counts what one member of a group was given; wire.Share says what each
// count means. It lives as long as the process.
type shares struct {
	group, service                        string
	_                                     [64]byte
	split, aimed, others, tested, instead atomic.Uint64

	said uint64 // sum of all counts when last reported; owned by the board
}

type shareKey struct{ group, service string }

func (b *board) share(group, service string) *shares {
	key := shareKey{group, service}
	s := b.shares[key]
	if s == nil {
		s = &shares{group: group, service: service}
		b.shares[key] = s
	}
	return s
}

func (s *shares) snapshot() (w wire.Share, sum uint64) {
	w = wire.Share{Group: s.group, Service: s.service, Split: s.split.Load(), Aimed: s.aimed.Load(),
		Others: s.others.Load(), Tested: s.tested.Load(), Instead: s.instead.Load()}
	return w, w.Split + w.Aimed + w.Others + w.Tested + w.Instead
}

// names lists the members for people.
func (g *group) names() string {
	return strings.Join(slices.Sorted(maps.Keys(g.members)), ", ")
}

// aim is what a rule says of one request.
type aim int

const (
	passes aim = iota // it does not concern the request
	aims              // at its member
	spurns            // the request's user is another's than its member's
)

func (r *rule) judge(request *http.Request) aim {
	values := r.values(request)
	if r.users {
		for _, key := range values {
			if key == "" {
				continue
			}
			if place := traffic.KeyPlace(key); place >= r.from && place < r.to {
				return aims
			}
			return spurns
		}
		return passes
	}
	for _, value := range values {
		if r.equals == "" && r.matches == nil || r.equals != "" && value == r.equals || r.matches != nil && r.matches.MatchString(value) {
			return aims
		}
	}
	return passes
}

func (r *rule) values(request *http.Request) (values []string) {
	switch {
	case r.header == "Host":
		return []string{request.Host}
	case r.header != "":
		return request.Header[r.header]
	case r.query != "":
		return request.URL.Query()[r.query]
	}
	for _, c := range request.CookiesNamed(r.cookie) {
		values = append(values, c.Value)
	}
	return values
}
