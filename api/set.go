package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Set makes one --set assignment, PATH=VALUE, and gives the changed document:
//
//	containers[0].image=registry/model:2
//	containers[0].env[LOG_LEVEL]=debug     the entry by name, made if missing
//	metadata.eas.drain=null                removes the key, once it is laid over
//	                                       or replaces the current document
//	containers[0].env[LOG_LEVEL]=null      removes the entry
//	labels.app.kubernetes.io/name=x        after labels, all is one name
//
// A key that holds text takes the value as it stands, except null and a JSON
// string in quotes; any other key takes JSON, and text where it is no JSON. An
// unknown path is refused with the nearest known one, an index outside of a list
// too. Apply several in order.
func Set(doc Document, assignment string) (Document, error) {
	path, text, ok := cutAssignment(assignment)
	if !ok {
		return Document{}, fmt.Errorf("--set %q: PATH=VALUE is expected, such as containers[0].image=registry/model:2", assignment)
	}
	segments, err := parsePath(path)
	if err != nil {
		return Document{}, fmt.Errorf("--set %q: %w", assignment, err)
	}
	s := &setter{path: path, root: cloneObject(doc.root)}
	if segments, err = s.normalSpelling(segments); err != nil {
		return Document{}, err
	}
	node, segments, err := s.resolve(segments)
	if err != nil {
		return Document{}, err
	}
	if err := s.put(segments, node, text); err != nil {
		return Document{}, err
	}
	return normalise(s.root)
}

// cutAssignment cuts at the first = that is not inside brackets.
func cutAssignment(s string) (path, value string, ok bool) {
	depth, quoted := 0, false
	for i, r := range s {
		switch {
		case r == '"' && depth > 0:
			quoted = !quoted
		case quoted:
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == '=' && depth <= 0:
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

type setter struct {
	path string
	root map[string]any
}

func (s *setter) refuse(value any, format string, args ...any) error {
	return invalid(s.path, value, format, args...)
}

// normalSpelling replaces an alias at the head of a path.
func (s *setter) normalSpelling(segments []segment) ([]segment, error) {
	for other, normal := range Aliases() {
		pattern, _ := parsePath(strings.ReplaceAll(other, "[]", "[0]"))
		if len(segments) < len(pattern) {
			continue
		}
		matches := true
		for i, p := range pattern {
			matches = matches && p.kind == segments[i].kind && p.name == segments[i].name
		}
		if matches {
			head := relocate(segments[:len(pattern)], normal)
			rest, err := parsePath(formatPath(append(head, segments[len(pattern):]...)))
			s.path = formatPath(rest)
			return rest, err
		}
	}
	return segments, nil
}

// resolve finds the catalogue's node of a path. Behind a map of text everything
// that is left is one name, dots and all.
func (s *setter) resolve(segments []segment) (*keyNode, []segment, error) {
	node := keyTree
	for i, seg := range segments {
		switch {
		case node.free() && node.key.Type.flat:
			if i+1 == len(segments) {
				return node, segments, nil
			}
			name := segment{kind: fieldSegment, name: s.path[seg.at:]}
			return node, append(slices.Clone(segments[:i]), name), nil
		case node.free():
			return node, segments, nil
		case seg.kind == fieldSegment && node.element != nil:
			return nil, nil, s.refuse(nil, "%s is a list; an index such as [0] is needed after it", formatPath(segments[:i]))
		case seg.kind == fieldSegment:
			next := node.fields[seg.name]
			if next == nil {
				return nil, nil, invalid(joinField(formatPath(segments[:i]), seg.name), nil, "%s", suggest(s.unknownRest(node, segments[i:]), node))
			}
			node = next
		case node.element == nil:
			if node.listOfText() && seg.kind == indexSegment && i+1 == len(segments) {
				return node, segments, nil
			}
			return nil, nil, s.refuse(nil, "%s is not a list; leave out the brackets", formatPath(segments[:i]))
		case seg.kind == entrySegment && node.path != "containers[].env":
			return nil, nil, s.refuse(nil, "[%s]: an index such as [0] is needed; only env takes names", seg.name)
		default:
			node = node.element
		}
	}
	return node, segments, nil
}

// unknownRest is what a suggestion is looked for: the first unknown name, or all
// that follows when that is a key in another place, such as
// eas.termination_grace_period without its metadata.
func (s *setter) unknownRest(node *keyNode, segments []segment) string {
	rest := formatPath(segments)
	if sameNameElsewhere(rest) != "" {
		return rest
	}
	return segments[0].name
}

func (s *setter) put(segments []segment, node *keyNode, text string) error {
	value, err := s.read(node, segments, text)
	if err != nil {
		return err
	}
	last := segments[len(segments)-1]
	holder, err := s.holder(segments[:len(segments)-1])
	if err != nil {
		return err
	}
	switch h := holder.(type) {
	case map[string]any:
		if last.kind != fieldSegment {
			return s.refuse(nil, "%s is an object, not a list", formatPath(segments[:len(segments)-1]))
		}
		h[last.name] = value
		return nil
	case []any:
		return s.putElement(segments, h, value)
	}
	return s.refuse(nil, "%s is %s, nothing can be set inside it", formatPath(segments[:len(segments)-1]), kindOf(holder))
}

// read gives the value in the kind that the key takes; env[NAME] takes text.
func (s *setter) read(node *keyNode, segments []segment, text string) (any, error) {
	if text == "null" {
		return nil, nil
	}
	last := segments[len(segments)-1]
	asText := last.kind == entrySegment || last.kind == indexSegment && node.listOfText()
	if node.key != nil && node.key.Path == node.path {
		asText = asText || node.key.Type.text || node.key.Type.flat && len(segments) > 1
	}
	if asText && !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	value, err := decodeJSON([]byte(text))
	var syntax *jsonSyntaxError
	switch _, isText := value.(string); {
	case errors.As(err, &syntax), asText && !isText:
		return text, nil
	case err != nil:
		return nil, s.refuse(nil, "%s", err)
	}
	return value, nil
}

// holder walks to the object or list that holds the last name of a path and
// makes what is missing on the way.
func (s *setter) holder(segments []segment) (any, error) {
	var value any = s.root
	for i, seg := range segments {
		switch v := value.(type) {
		case map[string]any:
			next, there := v[seg.name]
			if seg.kind != fieldSegment {
				return nil, s.refuse(nil, "%s is an object, not a list", formatPath(segments[:i]))
			}
			if !there || next == nil {
				next = s.make(segments, i)
				v[seg.name] = next
			}
			value = next
		case []any:
			index, err := s.index(segments[:i+1], v)
			if err != nil {
				return nil, err
			}
			value = v[index]
		default:
			return nil, s.refuse(nil, "%s is %s, nothing can be set inside it", formatPath(segments[:i]), kindOf(value))
		}
	}
	return value, nil
}

// make gives an empty list where the path goes on with brackets, else an object.
func (s *setter) make(segments []segment, i int) any {
	all, _ := parsePath(s.path)
	if i+1 < len(all) && all[i+1].kind != fieldSegment {
		return []any{}
	}
	return map[string]any{}
}

func (s *setter) index(segments []segment, list []any) (int, error) {
	seg := segments[len(segments)-1]
	at := formatPath(segments[:len(segments)-1])
	switch {
	case seg.kind == entrySegment:
		if i := entryNamed(list, seg.name); i >= 0 {
			return i, nil
		}
		return 0, s.refuse(nil, "%s has no entry with this name", at)
	case seg.kind == fieldSegment:
		return 0, s.refuse(nil, "%s is a list; an index such as [0] is needed after it", at)
	case len(list) == 0:
		return 0, s.refuse(nil, "[%d] is outside of %s, which is empty", seg.index, at)
	case seg.index >= len(list):
		return 0, s.refuse(nil, "[%d] is outside of %s; [0] to [%d] are allowed", seg.index, at, len(list)-1)
	}
	return seg.index, nil
}

// putElement sets or removes one element of a list; the list itself is put back
// into what holds it, because its length may change.
func (s *setter) putElement(segments []segment, list []any, value any) error {
	last := segments[len(segments)-1]
	if last.kind == entrySegment {
		i := entryNamed(list, last.name)
		switch {
		case value == nil && i >= 0:
			list = slices.Delete(list, i, i+1)
		case value == nil:
			return nil
		case i >= 0:
			list[i].(map[string]any)["value"] = value
		default:
			list = append(list, map[string]any{"name": last.name, "value": value})
		}
	} else {
		i, err := s.index(segments, list)
		if err != nil {
			return err
		}
		if value == nil {
			list = slices.Delete(list, i, i+1)
		} else {
			list[i] = value
		}
	}
	return s.putBack(segments[:len(segments)-1], list)
}

func (s *setter) putBack(place []segment, list []any) error {
	last := place[len(place)-1]
	holder, err := s.holder(place[:len(place)-1])
	if err != nil {
		return err
	}
	switch h := holder.(type) {
	case map[string]any:
		h[last.name] = list
	case []any:
		h[last.index] = list
	}
	return nil
}
