package traffic

import (
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
)

// Check tells what is wrong with a rule on its own; that Service is a member of
// the group is for who knows the group. A rule that passes can be compiled.
func (r Rule) Check() error {
	named := 0
	for _, name := range []string{r.Header, r.Cookie, r.Query} {
		if name != "" {
			named++
		}
	}
	ways := 0
	for _, set := range []bool{r.Equals != "", r.Matches != "", r.Percent != 0} {
		if set {
			ways++
		}
	}
	switch {
	case r.Service == "":
		return errors.New("service: a rule names the service that it aims at")
	case named != 1:
		return errors.New("a rule looks at exactly one of header, cookie and query: name it")
	case ways > 1:
		return errors.New("a rule has one of equals, matches and percent, or none of them for any value")
	case !(r.Percent >= 0 && r.Percent <= 100):
		return fmt.Errorf("percent: %v is not between 0 and 100", r.Percent)
	}
	_, err := r.Pattern()
	return err
}

// Pattern is Matches compiled, anchored at both ends; nil when it is not given.
func (r Rule) Pattern() (*regexp.Regexp, error) {
	if r.Matches == "" {
		return nil, nil
	}
	if _, err := regexp.Compile(r.Matches); err != nil { // by itself: "a)|(b" must not be let in by the parentheses below
		return nil, fmt.Errorf("matches: %q is no regular expression (RE2): %w", r.Matches, err)
	}
	return regexp.Compile(`\A(?:` + r.Matches + `)\z`)
}

// KeyPlace is where a user's key stands between 0 and 100: the same at every
// gateway, after every restart and in every group. A rule with Percent p takes
// the keys whose place is below p, so that a user who has been taken stays while
// p grows. Of several such rules that look at the same thing each takes its part
// next to the one before: 10 and 20 take the places from 0 to 10 and 10 to 30.
//
// It is FNV-1a of 64 bits, mixed once more since FNV leaves its upper bits alike
// for keys that differ at their end alone ("user1", "user2").
func KeyPlace(key string) float64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	n := h.Sum64()
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	n ^= n >> 33
	n *= 0xc4ceb9fe1a85ec53
	n ^= n >> 33
	return float64(n>>11) / (1 << 53) * 100
}
