package api

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxTrafficRules = 50
	maxPattern      = 1000 // characters of a regular expression
)

const percentAllowed = "a number above 0, at most 100, is allowed; leave it out to match every value"

// headerName is a token of RFC 9110; cookies are named in the same way.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$")

// checkRules looks at rules by themselves; that their services are members of
// the group is for who knows the group.
func (c *changeReader) checkRules(path string, rules []TrafficRule) {
	if len(rules) > maxTrafficRules {
		c.wrong(path, len(rules), "at most %d rules are allowed", maxTrafficRules)
		return
	}
	stacked := map[string]float64{}
	for i, r := range rules {
		c.checkRule(joinIndex(path, i), r)
		// Rules about one key divide its users among them.
		key := strings.ToLower(r.Header) + "\x00" + r.Cookie + "\x00" + r.Query
		if stacked[key] += r.Percent; stacked[key] > 100 && r.Percent <= 100 {
			c.wrong(joinIndex(path, i)+".percent", r.Percent, "the rules about this key have %g%% of its users together; at most 100%% is allowed", stacked[key])
		}
	}
}

func (c *changeReader) checkRule(at string, r TrafficRule) {
	switch {
	case r.Service == "":
		c.wrong(at+".service", nil, "missing: the member that gets the requests")
	case ValidName(r.Service) != nil:
		c.wrong(at+".service", r.Service, "%s are allowed", nameAllowed)
	}
	switch set(r.Header != "", r.Cookie != "", r.Query != "") {
	case 0:
		c.wrong(at, nil, "missing: a rule looks at one of header, cookie and query, by name")
	case 1:
	default:
		c.wrong(at, nil, "a rule looks at exactly one of header, cookie and query; make two rules of it")
	}
	for field, name := range map[string]string{".header": r.Header, ".cookie": r.Cookie} {
		if name != "" && !headerName.MatchString(name) {
			c.wrong(at+field, name, "letters, digits and !#$%%&'*+.^_`|~- are allowed, at most 256")
		}
	}
	if len(r.Query) > 256 {
		c.wrong(at+".query", r.Query, "at most 256 bytes are allowed")
	}
	c.checkCondition(at, r)
}

// rule reads a rule of a change. A percentage of 0 is not the same as none.
func (c *changeReader) rule(at string, value any, r *TrafficRule) {
	fields, ok := value.(map[string]any)
	if !ok {
		c.wrong(at, value, "it is an object")
		return
	}
	var percent *float64
	c.object(at+".", fields, map[string]any{"service": &r.Service, "header": &r.Header, "cookie": &r.Cookie,
		"query": &r.Query, "equals": &r.Equals, "matches": &r.Matches, "percent": &percent})
	switch {
	case percent == nil:
	case *percent == 0:
		c.wrong(at+".percent", 0, percentAllowed)
	default:
		r.Percent = *percent
	}
}

func (c *changeReader) checkCondition(at string, r TrafficRule) {
	if set(r.Equals != "", r.Matches != "", r.Percent != 0) > 1 {
		c.wrong(at, nil, "at most one of equals, matches and percent is allowed; make two rules of it")
	}
	if r.Percent != 0 && !(r.Percent > 0 && r.Percent <= 100) || math.IsNaN(r.Percent) {
		c.wrong(at+".percent", r.Percent, percentAllowed)
	}
	if len(r.Equals) > maxPattern {
		c.wrong(at+".equals", r.Equals, "at most %d bytes are allowed", maxPattern)
	}
	if n := utf8.RuneCountInString(r.Matches); n > maxPattern {
		c.wrong(at+".matches", r.Matches, "%d characters; at most %d are allowed", n, maxPattern)
	} else if _, err := regexp.Compile(`^(?:` + r.Matches + `)$`); err != nil {
		c.wrong(at+".matches", r.Matches, "not a regular expression (RE2): %s", err)
	}
}

// set counts what is given.
func set(given ...bool) (n int) {
	for _, is := range given {
		if is {
			n++
		}
	}
	return n
}
