package api

import (
	"encoding/json"
	"maps"
	"slices"
)

// Leaf is one value of a document.
type Leaf struct {
	Path  string // containers[0].image; the entries of env go by name: containers[0].env[LOG_LEVEL]
	Value json.RawMessage
	Class Class

	node *keyNode
}

// Leaves lists the values of a document in the order of their keys. An object
// or list without content says nothing and is left out, except where its
// presence is what is said (tcp_socket: {}) or where the content is free-form.
// An unknown key counts as of class replica. null counts as absent.
func (d Document) Leaves() []Leaf {
	w := leafWalk{}
	w.object("", keyTree, d.root)
	return w.leaves
}

type leafWalk struct{ leaves []Leaf }

func (w *leafWalk) add(path string, node *keyNode, value any) {
	class := ClassReplica
	if node != nil && node.key != nil {
		class = node.key.Class
	}
	w.leaves = append(w.leaves, Leaf{Path: path, Value: encode(value), Class: class, node: node})
}

func (w *leafWalk) object(path string, node *keyNode, object map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		w.value(joinField(path, name), inside(node, name), object[name])
	}
}

// inside is the node of a key of an object; what is inside a free-form key
// belongs to that key.
func inside(node *keyNode, name string) *keyNode {
	switch {
	case node == nil || node.free():
		return node
	case node.fields[name] == nil || node.fields[name].alias != "":
		return nil
	}
	return node.fields[name]
}

func (w *leafWalk) value(path string, node *keyNode, value any) {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		if len(v) == 0 && w.meansSomething(node) {
			w.add(path, node, v)
		}
		w.object(path, node, v)
	case []any:
		if len(v) == 0 && w.meansSomething(node) {
			w.add(path, node, v)
		}
		w.list(path, node, v)
	default:
		w.add(path, node, v)
	}
}

func (w *leafWalk) meansSomething(node *keyNode) bool {
	if node == nil || node.free() {
		return true
	}
	return node.key != nil && node.key.Type.Name == "object" && node.key.Effect != EffectNone
}

func (w *leafWalk) list(path string, node *keyNode, list []any) {
	if node != nil && node.path == "containers[].env" {
		if entries, ok := envByName(list); ok {
			for _, name := range slices.Sorted(maps.Keys(entries)) {
				w.add(path+"["+name+"]", node.element.fields["value"], entries[name].value)
				if entries[name].secret {
					w.add(path+"["+name+"].secret", node.element.fields["secret"], true)
				}
			}
			return
		}
	}
	element := node
	if node != nil && !node.free() && node.element != nil {
		element = node.element
	}
	for i := range list {
		w.value(joinIndex(path, i), element, list[i])
	}
}

// variable is what an entry of env says of its name.
type variable struct {
	value  string // empty where none is given
	secret bool
}

// envByName reads a list of {name, value, secret} as a map. Not ok means that it
// cannot be told apart by name: names missing, twice, or such as would look like
// something else in a path.
func envByName(list []any) (map[string]variable, bool) {
	entries := map[string]variable{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		name, _ := object["name"].(string)
		value, isText := object["value"].(string)
		mark, isMark := object["secret"].(bool)
		known := 1
		if _, given := object["value"]; given {
			known++
			if !isText && object["value"] != nil {
				return nil, false
			}
		}
		if _, given := object["secret"]; given {
			known++
			if !isMark && object["secret"] != nil {
				return nil, false
			}
		}
		if _, twice := entries[name]; twice || !plainName.MatchString(name) || len(object) != known {
			return nil, false
		}
		entries[name] = variable{value, mark}
	}
	return entries, true
}
