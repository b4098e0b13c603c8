package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// changeReader reads the body of a change, one field after another, and collects
// what is wrong in it.
type changeReader struct {
	what     string            // is changed: "the update plan"
	allowed  map[string]string // in a field, where its type's own reader does not say it
	problems []FieldProblem
}

func (c *changeReader) wrong(path string, value any, format string, args ...any) {
	c.problems = append(c.problems, problem(path, value, format, args...))
}

func (c *changeReader) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &InvalidError{What: c.what, Problems: c.problems}
}

// body reads a body in JSON or YAML, which is one object; example is such a one.
func (c *changeReader) body(data []byte, example string, into map[string]any) {
	if len(bytes.TrimSpace(data)) == 0 {
		c.wrong("", nil, "it is empty; an object such as %s is needed", example)
		return
	}
	value, err := decode(data)
	root, ok := value.(map[string]any)
	if err != nil || !ok {
		c.wrong("", nil, "it is not an object such as %s", example)
		return
	}
	c.object("", root, into)
}

// object reads each field into where it belongs: a pointer to what JSON can read
// it into, a function for an object inside, or one for a list.
func (c *changeReader) object(under string, fields, into map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path, value := under+name, fields[name]
		switch to := into[name].(type) {
		case nil:
			c.wrong(path, nil, "unknown field; known here are %s", strings.Join(slices.Sorted(maps.Keys(into)), ", "))
		case func(map[string]any):
			inside, ok := value.(map[string]any)
			if !ok {
				c.wrong(path, value, "it is an object")
				continue
			}
			to(inside)
		case func([]any):
			list, ok := value.([]any)
			if !ok {
				c.wrong(path, value, "it is a list")
				continue
			}
			to(list)
		default:
			d := json.NewDecoder(bytes.NewReader(encode(value)))
			d.DisallowUnknownFields()
			if err := d.Decode(to); err != nil {
				c.wrong(path, nil, "%s", c.readError(path, value, err))
			}
		}
	}
}

func (c *changeReader) readError(path string, value any, err error) string {
	allowed := c.allowed[indices.ReplaceAllString(path, "[]")]
	if allowed == "" {
		return err.Error() // the type's own reader has said it
	}
	if secretNames[path] {
		return "it is not " + allowed
	}
	return fmt.Sprintf("%s is not %s", shorten(string(encode(withoutSecrets(value)))), allowed)
}
