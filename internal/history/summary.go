package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice.dev/sluice/api"
)

const (
	// FirstVersion is the summary of a version that none comes before.
	FirstVersion = "first version"
	// OldestKept is the summary of a version whose predecessor was let go.
	OldestKept = "the versions before it are no longer kept"
	// summaryWidth is about how long a summary is, so that a list stays readable;
	// a phrase that does not fit is counted instead. The first one is always there.
	summaryWidth = 72
	valueWidth   = 32
)

// Summary says in one line what a version changed against the one before it.
// What decides how replicas behave comes first: image, model, content, program;
// what does not fit is counted. Files are those whose content changed.
//
//	image m:1 -> m:2, cpu 1 -> 2, 2 more
//	env LOG_LEVEL added, content of models/v1
func Summary(changes []api.FieldChange, files []string) string {
	type part struct {
		weight int
		text   string
	}
	var parts []part
	for _, c := range changes {
		parts = append(parts, part{weight(c.Path), phrase(c)})
	}
	for _, f := range files {
		parts = append(parts, part{contentWeight, "content of " + short(f)})
	}
	if len(parts) == 0 {
		return "nothing"
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.weight - b.weight })
	phrases := make([]string, len(parts))
	for i, p := range parts {
		phrases[i] = p.text
	}
	return joined(phrases)
}

func joined(phrases []string) string {
	line := phrases[0]
	for i, p := range phrases[1:] {
		if utf8.RuneCountInString(line)+2+utf8.RuneCountInString(p) > summaryWidth {
			return fmt.Sprintf("%s, %d more", line, len(phrases)-1-i)
		}
		line += ", " + p
	}
	return line
}

const contentWeight = 2

// weight is the order of a summary: what replicas are made of, then how they
// run, and the number of replicas last, which a version only happens to keep.
func weight(path string) int {
	switch {
	case strings.HasSuffix(path, "].image"):
		return 0
	case path == "model_path":
		return 1
	case strings.HasSuffix(path, "].command"), strings.HasSuffix(path, "].script"):
		return 3
	case path == "metadata.instance", strings.HasSuffix(path, "].working_dir"):
		return 5
	}
	return 4
}

// phrase is one change in few words.
func phrase(c api.FieldChange) string {
	name := shortPath(c.Path)
	from, to := shortValue(c.From), shortValue(c.To)
	switch {
	case c.Op == "remove":
		return name + " removed"
	case c.Op == "add" && (strings.HasPrefix(name, "env ") || to == ""):
		return name + " added"
	case c.Op == "add":
		return name + " " + to + " added"
	case from == "" || to == "" || from == to || bytes.Equal(c.From, c.To):
		return name + " changed"
	}
	return name + " " + from + " -> " + to
}

// shortPath is a path without what every service file has:
// containers[0].env[A] is env A, metadata.rolling_strategy.max_surge max_surge.
func shortPath(path string) string {
	path = strings.TrimPrefix(path, "containers[0].")
	if name, ok := strings.CutPrefix(path, "env["); ok && strings.HasSuffix(name, "]") {
		return "env " + strings.TrimSuffix(name, "]")
	}
	for _, prefix := range []string{"metadata.rolling_strategy.", "metadata.eas.", "metadata.rpc.", "metadata."} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return rest
		}
	}
	return path
}

// shortValue is a value that fits into a summary, "" for one that does not.
func shortValue(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		if text == "" {
			return `""`
		}
		if api.IsSealed(text) { // a part of it would not be known as one, and shown
			return ""
		}
		if api.IsSealed(text) || text == api.Mask {
			return "" // a part of it would not be known as a secret by who masks answers
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return ""
		}
		return short(text)
	}
	if len(value) > valueWidth || len(value) > 0 && (value[0] == '{' || value[0] == '[') {
		return ""
	}
	return string(value)
}

// short keeps the end of what is long, where paths and tags differ.
func short(text string) string {
	if n := utf8.RuneCountInString(text); n > valueWidth {
		return "..." + string([]rune(text)[n-valueWidth+3:])
	}
	return text
}
