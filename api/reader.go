package api

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// reader gives the values of a checked document, the catalogue's default where
// a key is absent, null or was refused: one bad value is then one problem, not
// the first of several.
type reader struct {
	doc     Document
	refused []FieldProblem
}

var indices = regexp.MustCompile(`\[[0-9]+\]`)

// given is the value as the file has it, nil when it has none.
func (r reader) given(path string) any {
	if slices.ContainsFunc(r.refused, func(p FieldProblem) bool { return p.Path == path }) {
		return nil
	}
	value, _ := r.doc.Lookup(path)
	return value
}

func (r reader) value(path string) any {
	if v := r.given(path); v != nil {
		return v
	}
	key := keyByPath[indices.ReplaceAllString(path, "[]")]
	if key == nil || key.Default == "" {
		return nil
	}
	value, err := decodeJSON([]byte(key.Default))
	if err != nil {
		panic("api: the default of " + key.Path + " is not JSON: " + err.Error())
	}
	return value
}

func (r reader) text(path string) string {
	s, _ := r.value(path).(string)
	return s
}

func (r reader) flag(path string) bool {
	b, _ := r.value(path).(bool)
	return b
}

func (r reader) whole(path string) int {
	number, _ := r.value(path).(json.Number)
	n, _ := strconv.Atoi(number.String())
	return n
}

func (r reader) number(path string) float64 {
	n, _ := r.value(path).(json.Number)
	f, _ := n.Float64()
	return f
}

func (r reader) span(path string) time.Duration {
	d, _ := spanOf(r.value(path))
	return d
}

func (r reader) count(path string) *Count {
	v := r.given(path)
	if v == nil {
		return nil
	}
	c, ok := countOf(v)
	if !ok {
		return nil
	}
	return &c
}

func (r reader) textMap(path string) map[string]string {
	object, _ := r.given(path).(map[string]any)
	if len(object) == 0 {
		return nil
	}
	out := make(map[string]string, len(object))
	for k, v := range object {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// length of a list, 0 when there is none.
func (r reader) length(path string) int {
	list, _ := r.given(path).([]any)
	return len(list)
}
