package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// checker walks a document along the catalogue and collects every unknown key
// and every value of the wrong kind. What keys mean together is checked in
// rules.go.
type checker struct {
	problems []FieldProblem
	keysOnly bool // an update is checked for its keys; its values once they are laid over the rest
}

func (c *checker) add(path string, value any, format string, args ...any) {
	c.problems = append(c.problems, problem(path, value, format, args...))
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &InvalidError{Problems: c.problems}
}

// knownKeys refuses unknown keys in an update, which might otherwise vanish
// without a word: laying null over a misspelled key removes nothing.
func knownKeys(d Document) error {
	c := &checker{keysOnly: true}
	c.object("", keyTree, d.root)
	return c.err()
}

func (c *checker) object(path string, node *keyNode, object map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		child := node.fields[name]
		at := joinField(path, name)
		if child == nil || child.alias != "" {
			c.add(at, nil, "%s", suggest(name, node))
			continue
		}
		if node.path == "containers[].env[]" && name == "value" && markedSecret(object) {
			c.secretText(at, child, object[name])
			continue
		}
		c.value(at, child, object[name])
	}
}

func (c *checker) value(path string, node *keyNode, value any) {
	if value == nil && node.path != "" && !strings.HasSuffix(node.path, "[]") {
		return // null stands for "not given"
	}
	if !c.accepts(path, node, value) || node.free() {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		if node.holdsObject() {
			c.object(path, node, v)
		}
	case []any:
		if node.element == nil {
			return
		}
		for i := range v {
			c.value(joinIndex(path, i), node.element, v[i])
		}
	}
}

func (c *checker) accepts(path string, node *keyNode, value any) bool {
	if c.keysOnly {
		return true
	}
	if node.key != nil && node.key.Path == node.path {
		if node.key.Type.accepts(value) {
			return true
		}
		shown := value
		if node.key.Secret {
			shown = nil
		}
		c.add(path, shown, "%s", c.allowed(node.key, value))
		return false
	}
	if _, ok := value.(map[string]any); ok {
		return true
	}
	c.add(path, shownValue(value), "%s", "an object is allowed")
	return false
}

// secretText checks a marked value and shows nothing of it.
func (c *checker) secretText(path string, node *keyNode, value any) {
	if value != nil && !c.keysOnly && !node.key.Type.accepts(value) {
		c.add(path, nil, "%s", c.allowed(node.key, value))
	}
}

// allowed adds the way out where the kind of a value shows the slip.
func (c *checker) allowed(key *Key, value any) string {
	if _, isText := value.(string); isText && (key.Type.Name == "integer" || key.Type.Name == "number" || key.Type.Name == "seconds" || key.Type.Name == "boolean") {
		return key.Type.Allowed + ", without quotes"
	}
	return key.Type.Allowed
}

func shownValue(value any) any {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}
