package api

// Mirror has a share of a service's requests copied to another service, whose
// answers are thrown away but measured.
type Mirror struct {
	To    string `json:"to" doc:"the service that gets the copies"`
	Ratio int    `json:"ratio" doc:"how many of a hundred requests are copied, 1 to 100"`
}

// Check tells what is wrong with the mirror by itself: *InvalidError, or nil.
func (m Mirror) Check() error {
	switch {
	case m.To == "":
		return InvalidMirror("to", nil, "it is missing; name the service that gets the copies")
	case m.Ratio < 1 || m.Ratio > 100:
		return InvalidMirror("ratio", m.Ratio, "1 to 100 is allowed")
	}
	return nil
}

// InvalidMirror is the error of a field of a mirror.
func InvalidMirror(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the mirror", Problems: []FieldProblem{problem(path, value, format, args...)}}
}
