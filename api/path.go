package api

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Paths name a place in a document as --set, diffs and errors write it:
// containers[0].env[LOG_LEVEL], labels["app.kubernetes.io/name"].

type segmentKind int

const (
	fieldSegment segmentKind = iota // .name or ["name"]
	indexSegment                    // [0]
	entrySegment                    // [LOG_LEVEL]: the entry of a list with this "name"
)

type segment struct {
	kind  segmentKind
	name  string
	index int
	at    int // where it begins in the path's text, after its dot
}

func parsePath(path string) ([]segment, error) {
	var segments []segment
	for i := 0; i < len(path); {
		switch {
		case path[i] == '[':
			s, next, err := parseBracket(path, i)
			if err != nil {
				return nil, err
			}
			segments, i = append(segments, s), next
		default:
			if path[i] == '.' {
				if i == 0 {
					return nil, fmt.Errorf("the path %q begins with a dot", path)
				}
				i++
			} else if i > 0 {
				return nil, fmt.Errorf("the path %q needs a dot or a bracket at %q", path, path[i:])
			}
			end := strings.IndexAny(path[i:], ".[")
			if end < 0 {
				end = len(path) - i
			}
			if end == 0 {
				return nil, fmt.Errorf("the path %q has an empty name in it", path)
			}
			segments = append(segments, segment{kind: fieldSegment, name: path[i : i+end], at: i})
			i += end
		}
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("the path is empty")
	}
	return segments, nil
}

func parseBracket(path string, at int) (segment, int, error) {
	if strings.HasPrefix(path[at+1:], `"`) {
		quoted, err := strconv.QuotedPrefix(path[at+1:])
		if err == nil && strings.HasPrefix(path[at+1+len(quoted):], "]") {
			name, err := strconv.Unquote(quoted)
			return segment{kind: fieldSegment, name: name, at: at}, at + len(quoted) + 2, err
		}
		return segment{}, 0, fmt.Errorf(`the path %q needs a closing "] after %q`, path, path[at:])
	}
	end := strings.IndexByte(path[at:], ']')
	if end < 2 {
		return segment{}, 0, fmt.Errorf("the path %q needs a number or a name and a closing ] after %q", path, path[at:])
	}
	inside := path[at+1 : at+end]
	if n, err := strconv.Atoi(inside); err == nil && n >= 0 {
		return segment{kind: indexSegment, index: n, at: at}, at + end + 1, nil
	}
	return segment{kind: entrySegment, name: inside, at: at}, at + end + 1, nil
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// joinField appends a key to a path; one that a reader could take for something
// else is quoted.
func joinField(path, name string) string {
	switch {
	case !plainName.MatchString(name):
		return path + "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

func joinIndex(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
