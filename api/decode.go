package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	maxFileBytes = 256 << 10
	maxDepth     = 64    // of nested objects and lists
	maxValues    = 10000 // in one file, aliases counted where they are used
)

// ParseDocument reads one service file, or one update of it, in JSON or YAML
// and brings it into normal form:
//
//   - a dotted key is the nested one: metadata."eas.termination_grace_period" is
//     metadata.eas.termination_grace_period (design rule 12);
//   - readiness_check is health_check, and runtime.termination_grace_period is
//     metadata.eas.termination_grace_period;
//   - numbers keep every digit in one spelling: 30.0 is 30.
//
// JSON null is kept: laid over another document, it removes (see Merge). Refused
// are more than one document, a key written twice, two spellings with different
// values, and more than 256 KiB, 64 levels or 10,000 values. What the keys and values mean is checked by
// Parse, so that one error lists everything; an update is checked for unknown
// keys by Merge and Replace.
func ParseDocument(data []byte) (Document, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > maxFileBytes:
		return Document{}, fmt.Errorf("the service file has %d bytes; at most %d are allowed", len(data), maxFileBytes)
	case !utf8.Valid(data):
		return Document{}, errors.New("the service file is not UTF-8 text; save it as UTF-8")
	case len(bytes.TrimSpace(data)) == 0:
		return Document{}, errors.New(`the service file is empty; it needs at least "metadata" and "containers"`)
	}
	value, err := decode(data)
	if err != nil {
		return Document{}, err
	}
	root, ok := value.(map[string]any)
	if !ok {
		return Document{}, fmt.Errorf(`the service file is %s; it must be one object with keys such as "metadata" and "containers"`, kindOf(value))
	}
	return normalise(root)
}

// decode reads JSON where it looks like JSON. YAML's flow style begins with the
// same brace, so that text which is no JSON gets a second reading; when both
// fail, the error is that of the format it was most likely meant to be.
func decode(data []byte) (any, error) {
	trimmed := bytes.TrimSpace(data)
	if trimmed[0] != '{' && trimmed[0] != '[' {
		return decodeYAML(data)
	}
	value, err := decodeJSON(data)
	var syntax *jsonSyntaxError
	if errors.As(err, &syntax) {
		if asYAML, yamlErr := decodeYAML(data); yamlErr == nil {
			return asYAML, nil
		}
	}
	return value, err
}

// jsonSyntaxError says that text is no JSON at all, unlike JSON that is refused.
type jsonSyntaxError struct {
	line   int
	reason string
}

func (e *jsonSyntaxError) Error() string {
	return fmt.Sprintf("the service file is not valid JSON, line %d: %s", e.line, e.reason)
}

type jsonReader struct {
	data   []byte
	dec    *json.Decoder
	values int
}

func decodeJSON(data []byte) (any, error) {
	r := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	value, err := r.value("", 0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, &jsonSyntaxError{r.line(), "something follows the end of the object; one file holds one service"}
	}
	return value, nil
}

func (r *jsonReader) line() int {
	return 1 + bytes.Count(r.data[:min(int(r.dec.InputOffset()), len(r.data))], []byte("\n"))
}

func (r *jsonReader) token() (json.Token, error) {
	t, err := r.dec.Token()
	switch {
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &jsonSyntaxError{r.line(), "it ends too early; a brace, bracket or quote is not closed"}
	case err != nil:
		return nil, &jsonSyntaxError{r.line(), err.Error()}
	}
	return t, nil
}

func (r *jsonReader) value(path string, depth int) (any, error) {
	if r.values++; r.values > maxValues || depth > maxDepth {
		return nil, tooBig(path)
	}
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(path, depth)
		}
		return r.list(path, depth)
	case json.Number:
		n, err := canonicalNumber(t.String())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return n, nil
	}
	return t, nil
}

func (r *jsonReader) object(path string, depth int) (any, error) {
	object := map[string]any{}
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if _, twice := object[key]; twice {
			return nil, writtenTwice(joinField(path, key), r.line())
		}
		if object[key], err = r.value(joinField(path, key), depth+1); err != nil {
			return nil, err
		}
	}
	_, err := r.token()
	return object, err
}

func (r *jsonReader) list(path string, depth int) (any, error) {
	list := []any{}
	for r.dec.More() {
		v, err := r.value(joinIndex(path, len(list)), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.token()
	return list, err
}

func tooBig(path string) error {
	return fmt.Errorf("%s: the service file is too deep or too large; at most %d levels and %d values are allowed", shorten(path), maxDepth, maxValues)
}

func writtenTwice(path string, line int) error {
	return invalid(path, nil, "line %d: this key is written twice in the same object; remove one", line)
}

// kindOf names a JSON value for a message.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "an object"
}
