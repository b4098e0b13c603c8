package api

import (
	"encoding/json"
	"fmt"
	"strings"
)

// FieldProblem is one thing that is wrong in a service file.
type FieldProblem struct {
	Path    string          `json:"path" doc:"where, as --set writes it: containers[0].port"`
	Value   json.RawMessage `json:"value,omitempty" doc:"what stands there; absent when nothing does, or when it is a secret"`
	Message string          `json:"message" doc:"what is allowed, and what to do"`
}

// String writes "path: value: what is allowed".
func (p FieldProblem) String() string {
	parts := make([]string, 0, 3)
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	if len(p.Value) > 0 {
		parts = append(parts, shorten(string(p.Value)))
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// InvalidError lists everything that is wrong in a service file or an update
// plan, in the order of its keys. It is the error for exit code 2 and for HTTP status 422.
type InvalidError struct {
	Problems []FieldProblem `json:"problems"`
	What     string         `json:"-"` // is wrong; "" is the service file
}

// Count says how many problems there are: "the service file has 3 problems".
func (e *InvalidError) Count() string {
	what := e.What
	if what == "" {
		what = "the service file"
	}
	return fmt.Sprintf("%s has %d problems", what, len(e.Problems))
}

func (e *InvalidError) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	var b strings.Builder
	b.WriteString(e.Count() + ":")
	const most = 50
	for i, p := range e.Problems {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-most)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// invalid is the InvalidError of one problem; value nil means that none is shown.
func invalid(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{Problems: []FieldProblem{problem(path, value, format, args...)}}
}

func problem(path string, value any, format string, args ...any) FieldProblem {
	p := FieldProblem{Path: path, Message: fmt.Sprintf(format, args...)}
	if value != nil {
		p.Value = encode(withoutSecrets(value))
	}
	return p
}

// shorten keeps a message to one line a person reads: long values lose their
// middle, whose bytes seldom matter.
func shorten(s string) string {
	const most = 120
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-20]) + " ... " + string(r[len(r)-15:])
}
