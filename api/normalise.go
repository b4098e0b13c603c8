package api

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// normalise brings every spelling into its normal form. It does not touch what
// is free-form: a label may well have a dot in its name.
func normalise(root map[string]any) (Document, error) {
	n := &normaliser{}
	out := n.object("", keyTree, cloneObject(root))
	for _, other := range slices.Sorted(maps.Keys(Aliases())) {
		n.moveAlias(out, other, Aliases()[other])
	}
	if len(n.problems) > 0 {
		return Document{}, &InvalidError{Problems: n.problems}
	}
	return Document{root: out}, nil
}

type normaliser struct{ problems []FieldProblem }

func (n *normaliser) value(path string, node *keyNode, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if node.holdsObject() {
			return n.object(path, node, v)
		}
	case []any:
		if node.element == nil {
			break
		}
		for i := range v {
			v[i] = n.value(joinIndex(path, i), node.element, v[i])
		}
	}
	return value
}

// object unfolds dotted keys one name at a time: "a.b.c" becomes a{"b.c"}, which
// the next level unfolds on. So all spellings of one key meet in the object that
// holds it, and a conflict is seen there.
func (n *normaliser) object(path string, node *keyNode, in map[string]any) map[string]any {
	out := make(map[string]any, len(in))
	var dotted []string
	for key, v := range in {
		if head, _, ok := strings.Cut(key, "."); ok && node.fields[key] == nil && unfolds(node.fields[head]) {
			dotted = append(dotted, key)
			continue
		}
		out[key] = v
	}
	sort.Strings(dotted)
	for _, key := range dotted {
		head, rest, _ := strings.Cut(key, ".")
		n.lay(out, head, map[string]any{rest: in[key]}, path, key)
	}
	for key, v := range out {
		if child := node.fields[key]; child != nil {
			out[key] = n.value(joinField(path, key), child, v)
		}
	}
	return out
}

func unfolds(node *keyNode) bool {
	return node != nil && (node.holdsObject() || node.free())
}

// lay puts value at key, into what is there already if both are objects.
func (n *normaliser) lay(into map[string]any, key string, value any, path, spelling string) {
	there, ok := into[key]
	if !ok {
		into[key] = value
		return
	}
	a, aObject := there.(map[string]any)
	b, bObject := value.(map[string]any)
	if aObject && bObject {
		for _, k := range slices.Sorted(maps.Keys(b)) {
			n.lay(a, k, b[k], joinField(path, key), spelling)
		}
		return
	}
	if !sameValue(there, value) {
		n.conflict(joinField(path, key), there, spelling, value)
	}
}

func (n *normaliser) conflict(path string, there any, spelling string, value any) {
	n.problems = append(n.problems, problem(path, nil,
		"written in two spellings with different values: %s in the dotted key %q, %s in the nested one; keep one of them",
		shorten(string(encode(value))), spelling, shorten(string(encode(there)))))
}

// moveAlias renames every place where an alias stands. Both names in one place
// are refused even with equal values: one of them would soon be forgotten.
func (n *normaliser) moveAlias(root map[string]any, other, normal string) {
	places := expandPath(root, other)
	for _, place := range places {
		target := relocate(place, normal)
		value, _ := remove(root, place)
		holder, name := target[len(target)-1], target[:len(target)-1]
		into, ok := makeObjects(root, name)
		if !ok {
			n.problems = append(n.problems, problem(formatPath(name), nil, "an object is allowed, which %s is part of", formatPath(place)))
			continue
		}
		if _, taken := into[holder.name]; taken {
			n.problems = append(n.problems, problem(formatPath(target), nil,
				"%s is another name for it, and both are given; keep one of them", formatPath(place)))
			continue
		}
		into[holder.name] = value
	}
}

// expandPath gives every concrete place of a generic path that holds something.
func expandPath(root any, generic string) [][]segment {
	type at struct {
		segments []segment
		value    any
	}
	found := []at{{nil, root}}
	for part := range strings.SplitSeq(generic, ".") {
		name, list := strings.CutSuffix(part, "[]")
		var next []at
		for _, f := range found {
			object, _ := f.value.(map[string]any)
			v, ok := object[name]
			if !ok {
				continue
			}
			segments := append(slices.Clone(f.segments), segment{kind: fieldSegment, name: name})
			if !list {
				next = append(next, at{segments, v})
				continue
			}
			items, _ := v.([]any)
			for i, item := range items {
				next = append(next, at{append(slices.Clone(segments), segment{kind: indexSegment, index: i}), item})
			}
		}
		found = next
	}
	places := make([][]segment, len(found))
	for i, f := range found {
		places[i] = f.segments
	}
	return places
}

// relocate writes a generic path with the indices of a place.
func relocate(place []segment, generic string) []segment {
	var indices []segment
	for _, s := range place {
		if s.kind == indexSegment {
			indices = append(indices, s)
		}
	}
	var target []segment
	for part := range strings.SplitSeq(generic, ".") {
		name, list := strings.CutSuffix(part, "[]")
		target = append(target, segment{kind: fieldSegment, name: name})
		if list {
			target, indices = append(target, indices[0]), indices[1:]
		}
	}
	return target
}

// remove takes a value out, and the object around it when nothing else is left
// in it.
func remove(root map[string]any, place []segment) (any, bool) {
	last := len(place) - 1
	holder, ok := follow(root, place[:last])
	object, isObject := holder.(map[string]any)
	if !ok || !isObject {
		return nil, false
	}
	value, found := object[place[last].name]
	delete(object, place[last].name)
	if len(object) == 0 && last > 0 && place[last-1].kind == fieldSegment {
		remove(root, place[:last])
	}
	return value, found
}

// makeObjects gives the object at a place, making what is missing on the way.
// Not ok means that something else than an object stands there.
func makeObjects(root map[string]any, place []segment) (map[string]any, bool) {
	object := root
	for i, s := range place {
		if s.kind == indexSegment {
			continue
		}
		if i+1 < len(place) && place[i+1].kind == indexSegment {
			v, _ := follow(object, place[i:i+2])
			next, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			object = next
			continue
		}
		v, there := object[s.name]
		next, ok := v.(map[string]any)
		switch {
		case ok:
		case there:
			return nil, false
		default:
			next = map[string]any{}
			object[s.name] = next
		}
		object = next
	}
	return object, true
}

func formatPath(segments []segment) string {
	path := ""
	for _, s := range segments {
		switch s.kind {
		case fieldSegment:
			path = joinField(path, s.name)
		case indexSegment:
			path = joinIndex(path, s.index)
		case entrySegment:
			path += "[" + s.name + "]"
		}
	}
	return path
}
