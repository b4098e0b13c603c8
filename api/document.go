package api

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Document is a service file, or a part of one that an update lays over it, in
// normal form: spellings normalised (see ParseDocument), numbers exact, no
// defaults applied. It is a value; no method changes it, and what it gives out
// is the caller's own. The zero Document is the empty file.
type Document struct {
	root map[string]any // JSON values with json.Number; never changed after it was made
}

// JSON writes the document with sorted keys and without spaces: equal documents
// give equal bytes.
func (d Document) JSON() json.RawMessage {
	if d.root == nil {
		return json.RawMessage("{}")
	}
	return encode(d.root)
}

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) { return d.JSON(), nil }

// UnmarshalJSON reads as ParseDocument does.
func (d *Document) UnmarshalJSON(data []byte) error {
	parsed, err := ParseDocument(data)
	if err == nil {
		*d = parsed
	}
	return err
}

// Equal tells whether both say the same, whatever their spelling was.
func (d Document) Equal(other Document) bool { return bytes.Equal(d.JSON(), other.JSON()) }

// Lookup gives the value at a path such as containers[0].port. Found is false
// where nothing stands; a JSON null is found. Numbers come as json.Number.
func (d Document) Lookup(path string) (value any, found bool) {
	segments, err := parsePath(path)
	if err != nil {
		return nil, false
	}
	value, found = follow(d.root, segments)
	return clone(value), found
}

// Text gives the string at a path, "" when there is none.
func (d Document) Text(path string) string {
	value, _ := d.Lookup(path)
	text, _ := value.(string)
	return text
}

// Int gives the whole number at a path.
func (d Document) Int(path string) (n int, found bool) {
	value, _ := d.Lookup(path)
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(number.String())
	return n, err == nil
}

// Name is metadata.name, "" when there is none.
func (d Document) Name() string { return d.Text("metadata.name") }

func follow(value any, segments []segment) (any, bool) {
	for _, s := range segments {
		switch v := value.(type) {
		case map[string]any:
			if s.kind != fieldSegment {
				return nil, false
			}
			next, ok := v[s.name]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i := s.index
			if s.kind == entrySegment {
				i = entryNamed(v, s.name)
			}
			if s.kind == fieldSegment || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// entryNamed finds the entry of a list of {name, value} by its name; -1 if none.
func entryNamed(list []any, name string) int {
	for i, entry := range list {
		if object, ok := entry.(map[string]any); ok && object["name"] == name {
			return i
		}
	}
	return -1
}

// encode writes canonical JSON. Its argument is made of JSON values only, so
// that it cannot fail.
func encode(value any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		panic("api: a document holds a value that JSON cannot write: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return cloneObject(v)
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = clone(v[i])
		}
		return c
	}
	return value
}

func cloneObject(o map[string]any) map[string]any {
	c := make(map[string]any, len(o))
	for k, v := range o {
		c[k] = clone(v)
	}
	return c
}

func sameValue(a, b any) bool { return bytes.Equal(encode(a), encode(b)) }
