package api

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// KeyType is what a key of the service file may hold.
type KeyType struct {
	Name    string // for the reference: "integer", "text", ...
	Allowed string // for errors: "a whole number from 1 to 65535"
	accepts func(any) bool
	text    bool // --set takes the value as text, whatever it looks like
	free    bool // what is inside is the writer's own: no key in it is known
	flat    bool // a free one that maps names to text: everything after it is one name
}

// Bounds of the numbers in a service file.
const (
	MaxInstances = 10000
	maxSeconds   = 366 * 24 * 3600
)

// namePattern is design rule 28: it fits into an address, a file name and, but
// for the underscore, a Kubernetes name.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$`)

const nameAllowed = "1 to 63 of a-z, 0-9, _ and -, beginning and ending with a letter or digit"

// ValidName tells whether a service or group may have this name (design rule 28).
func ValidName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is not a valid name: %s", name, nameAllowed)
}

func typeText() KeyType {
	return KeyType{Name: "text", Allowed: "text is allowed; a number or true and false need quotes", text: true,
		accepts: func(v any) bool { s, ok := v.(string); return ok && !strings.ContainsRune(s, 0) }}
}

func typeTextThat(name, allowed string, ok func(string) bool) KeyType {
	t := typeText()
	plain := t.accepts
	t.Name, t.Allowed = name, allowed
	t.accepts = func(v any) bool { return plain(v) && ok(v.(string)) }
	return t
}

func typeOneOf(words ...string) KeyType {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	list := strings.Join(quoted, " or ")
	return typeTextThat(list, list+" is allowed", func(s string) bool { return slices.Contains(words, s) })
}

func typeName() KeyType {
	return typeTextThat("name", nameAllowed+" are allowed", namePattern.MatchString)
}

func typeNameOrNone() KeyType {
	return typeTextThat("name", `"" for none, or `+nameAllowed+" are allowed", func(s string) bool { return s == "" || namePattern.MatchString(s) })
}

func typeFlag() KeyType {
	return KeyType{Name: "boolean", Allowed: "true or false is allowed",
		accepts: func(v any) bool { _, ok := v.(bool); return ok }}
}

func typeWhole(least, most int) KeyType {
	allowed := fmt.Sprintf("a whole number from %d to %d is allowed", least, most)
	if most == math.MaxInt32 {
		allowed = fmt.Sprintf("a whole number of at least %d is allowed", least)
	}
	return KeyType{Name: "integer", Allowed: allowed, accepts: func(v any) bool {
		number, ok := v.(json.Number)
		if !ok {
			return false
		}
		n, err := strconv.Atoi(number.String())
		return err == nil && n >= least && n <= most
	}}
}

func typePort() KeyType { return typeWhole(1, 65535) }

func typeAtLeast(least int) KeyType { return typeWhole(least, math.MaxInt32) }

func typeNumber(least, most float64) KeyType {
	allowed := fmt.Sprintf("a number from %g to %g is allowed", least, most)
	if math.IsInf(most, 1) {
		allowed = fmt.Sprintf("a number of at least %g is allowed", least)
	}
	return KeyType{Name: "number", Allowed: allowed, accepts: func(v any) bool {
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		f, err := n.Float64()
		return err == nil && f >= least && f <= most
	}}
}

// typeSeconds is a span of time as EAS writes it, fractions allowed. Spans that
// would stop a loop from ever waiting must be above zero.
func typeSeconds(aboveZero bool) KeyType {
	allowed := fmt.Sprintf("seconds from 0 to %d are allowed, fractions too", maxSeconds)
	if aboveZero {
		allowed = fmt.Sprintf("seconds above 0 and up to %d are allowed, fractions too", maxSeconds)
	}
	return KeyType{Name: "seconds", Allowed: allowed, accepts: func(v any) bool {
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		f, err := n.Float64()
		return err == nil && f >= 0 && f <= maxSeconds && (!aboveZero || secondsOf(n) > 0)
	}}
}

// typeSpan is seconds, or a duration in Go's spelling.
func typeSpan() KeyType {
	return KeyType{Name: "seconds or duration", Allowed: `a time above 0 is allowed: seconds such as 600, or text such as "10m"`,
		accepts: func(v any) bool {
			d, ok := spanOf(v)
			return ok && d > 0 && d <= maxSeconds*time.Second
		}}
}

func secondsOf(n json.Number) time.Duration {
	f, _ := n.Float64()
	return time.Duration(math.Round(f * float64(time.Second)))
}

func spanOf(v any) (time.Duration, bool) {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && f >= 0 && f <= maxSeconds {
			return secondsOf(v), true
		}
	case string:
		d, err := time.ParseDuration(v)
		return d, err == nil
	}
	return 0, false
}

func typeCount() KeyType {
	return KeyType{Name: "integer or percentage",
		Allowed: fmt.Sprintf(`a whole number from 0 to %d or a percentage from "0%%" to "100%%" is allowed`, MaxInstances),
		accepts: func(v any) bool {
			c, ok := countOf(v)
			return ok && c.Value <= MaxInstances
		}}
}

func countOf(v any) (Count, bool) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = v
	}
	c, err := ParseCount(s)
	return c, err == nil
}

func typeHTTPPath() KeyType {
	return typeTextThat("path", `a path that begins with "/" and holds no space is allowed, such as "/v2/health/ready"`, func(s string) bool {
		return strings.HasPrefix(s, "/") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
	})
}

func typeAbsolutePath() KeyType {
	return typeTextThat("path", "an absolute path is allowed", filepath.IsAbs)
}

func typeEnvName() KeyType {
	return typeTextThat("text", `a name that is not empty and holds no "=" is allowed`, func(s string) bool {
		return s != "" && !strings.Contains(s, "=")
	})
}

// typeToken is limited to what fits into an Authorization header.
func typeToken() KeyType {
	return typeTextThat("text", "printable ASCII without spaces is allowed", func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	})
}

func typeTextList() KeyType {
	return KeyType{Name: "list of text", Allowed: "a list of text is allowed, with at least one entry", accepts: func(v any) bool {
		list, ok := v.([]any)
		for _, entry := range list {
			s, isText := entry.(string)
			ok = ok && isText && !strings.ContainsRune(s, 0)
		}
		return ok && len(list) > 0
	}}
}

func typeTextMap() KeyType {
	return KeyType{Name: "map of text", Allowed: "an object whose values are text is allowed; numbers need quotes", free: true, flat: true,
		accepts: func(v any) bool {
			object, ok := v.(map[string]any)
			for _, value := range object {
				_, isText := value.(string)
				ok = ok && (isText || value == nil)
			}
			return ok
		}}
}

func typeFree() KeyType {
	return KeyType{Name: "any", Allowed: "anything is allowed", free: true, accepts: func(any) bool { return true }}
}

// typeObject is a key that says something by its mere presence: tcp_socket: {}.
func typeObject() KeyType {
	return KeyType{Name: "object", Allowed: "an object is allowed",
		accepts: func(v any) bool { _, ok := v.(map[string]any); return ok }}
}

func typeObjectList() KeyType {
	return KeyType{Name: "list of objects", Allowed: "a list of objects is allowed",
		accepts: func(v any) bool { _, ok := v.([]any); return ok }}
}
