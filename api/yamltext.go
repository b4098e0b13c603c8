package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// YAML writes the document as a person would, keys sorted, variables of env by
// name, text of several lines as such. Equal documents give equal text, and
// reading it gives the document again, its environment variables sorted; the
// YAML library's own writer keeps neither 1e3 apart from "1e3" nor large numbers.
//
//	containers:
//	- command: ./server --port {{port}}
//	  env:
//	  - name: LOG_LEVEL
//	    value: info
func (d Document) YAML() string {
	if len(d.root) == 0 {
		return "{}\n"
	}
	w := yamlWriter{}
	w.object(d.root, keyTree, 0)
	return w.b.String()
}

type yamlWriter struct{ b strings.Builder }

func (w *yamlWriter) indent(depth int) { w.b.WriteString(strings.Repeat("  ", depth)) }

// object writes the keys, the first one where the writer stands.
func (w *yamlWriter) object(object map[string]any, node *keyNode, depth int) {
	for i, name := range slices.Sorted(maps.Keys(object)) {
		if i > 0 || w.atLineStart() {
			w.indent(depth)
		}
		w.b.WriteString(yamlText(name) + ":")
		w.value(object[name], inside(node, name), depth)
	}
}

func (w *yamlWriter) atLineStart() bool {
	return w.b.Len() == 0 || strings.HasSuffix(w.b.String()[w.b.Len()-1:], "\n")
}

// value writes what follows a key's colon.
func (w *yamlWriter) value(value any, node *keyNode, depth int) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.b.WriteString("\n")
			w.object(v, node, depth+1)
			return
		}
	case []any:
		if len(v) > 0 {
			w.b.WriteString("\n")
			w.list(v, node, depth)
			return
		}
	case string:
		if literal(v) {
			w.literal(v, depth+1)
			return
		}
	}
	w.b.WriteString(" " + yamlScalar(value) + "\n")
}

func (w *yamlWriter) list(list []any, node *keyNode, depth int) {
	if node != nil && node.path == "containers[].env" {
		list = sortedEnv(list)
	}
	element := node
	if node != nil && !node.free() && node.element != nil {
		element = node.element
	}
	for _, item := range list {
		w.indent(depth)
		w.b.WriteString("-")
		if object, ok := item.(map[string]any); ok && len(object) > 0 {
			w.b.WriteString(" ")
			w.object(object, element, depth+1)
			continue
		}
		if inner, ok := item.([]any); ok && len(inner) > 0 {
			w.b.WriteString("\n")
			w.list(inner, element, depth+1)
			continue
		}
		w.value(item, element, depth)
	}
}

// sortedEnv is the variables by name where they can be told apart by it: their
// order says nothing then.
func sortedEnv(list []any) []any {
	if _, ok := envByName(list); !ok {
		return list
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return list
}

// literal tells that text of several lines can be written line by line: nothing
// at the edges of a line that a reader would take for indentation or drop.
func literal(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(body, "\n") {
		return false
	}
	for i, line := range strings.Split(body, "\n") {
		if line == "" && i > 0 && i < strings.Count(body, "\n") {
			continue
		}
		if line == "" || line != strings.TrimRightFunc(line, unicode.IsSpace) || i == 0 && line[0] == ' ' || strings.ContainsFunc(line, unprintable) {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool {
	return r == unicode.ReplacementChar || r != ' ' && !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

func (w *yamlWriter) literal(s string, depth int) {
	body, newline := strings.CutSuffix(s, "\n")
	w.b.WriteString(" |")
	if !newline {
		w.b.WriteString("-")
	}
	w.b.WriteString("\n")
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			w.indent(depth)
		}
		w.b.WriteString(line + "\n")
	}
}

func yamlScalar(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return yamlText(v)
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return string(encode(value)) // {} and []
}

var (
	plainText = regexp.MustCompile(`^(?:\.{0,2}/)?[A-Za-z_][A-Za-z0-9_./@%+,=$(){}:" -]*$`)
	// yamlWord is text that a reader may take for something else.
	yamlWord = regexp.MustCompile(`(?i)^(?:y|n|yes|no|on|off|true|false|null|inf|nan)$`)
)

// yamlText writes text without quotes where nobody can take it for anything
// else, and as JSON does otherwise, which is YAML too.
func yamlText(s string) string {
	if plainText.MatchString(s) && !yamlWord.MatchString(s) && !strings.Contains(s, ": ") && !strings.HasSuffix(s, ":") && !strings.HasSuffix(s, " ") {
		return s
	}
	return string(encode(s))
}
