package history

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
)

// FieldDiff lists the values in which two documents differ, in the order of
// their paths. Objects and lists are compared value by value: elements of a list
// by index, variables of env by name, so that one more variable is one change
// and not many. Spellings, spaces, the order of keys and of variables do not
// count.
//
//	containers[0].image           replace  "m:1" -> "m:2"
//	containers[0].env[LOG_LEVEL]  add               "debug"
func FieldDiff(from, to api.Document) []api.FieldChange {
	before, after := leaves(from), leaves(to)
	changes := []api.FieldChange{}
	for path, old := range before {
		now, there := after[path]
		switch {
		case there && !bytes.Equal(old, now):
			changes = append(changes, api.FieldChange{Path: path, Op: "replace", From: old, To: now})
		case !there && !(hollow(old) && fills(after, path)):
			changes = append(changes, api.FieldChange{Path: path, Op: "remove", From: old})
		}
	}
	for path, now := range after {
		if _, there := before[path]; !there && !(hollow(now) && fills(before, path)) {
			changes = append(changes, api.FieldChange{Path: path, Op: "add", To: now})
		}
	}
	slices.SortFunc(changes, func(a, b api.FieldChange) int { return comparePaths(a.Path, b.Path) })
	return changes
}

func leaves(d api.Document) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, leaf := range d.Leaves() {
		values[leaf.Path] = leaf.Value
	}
	return values
}

// hollow is an object or list without content. That it got some is said by what
// came into it: tcp_socket: {} to tcp_socket: {port: 1} is one change.
func hollow(value json.RawMessage) bool {
	return string(value) == "{}" || string(value) == "[]"
}

func fills(values map[string]json.RawMessage, path string) bool {
	for other := range values {
		if strings.HasPrefix(other, path+".") || strings.HasPrefix(other, path+"[") {
			return true
		}
	}
	return false
}

// comparePaths sorts as a person does: containers[2] before containers[10].
func comparePaths(a, b string) int {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		m, n := digits(a[i:]), digits(b[j:])
		switch {
		case m > 0 && n > 0 && a[i:i+m] != b[j:j+n]:
			if m != n && a[i] != '0' && b[j] != '0' {
				return m - n
			}
			return strings.Compare(a[i:i+m], b[j:j+n])
		case a[i] != b[j]:
			return int(a[i]) - int(b[j])
		case m > 0 && n > 0:
			i, j = i+m, j+n
		default:
			i, j = i+1, j+1
		}
	}
	return len(a) - len(b)
}

func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}
