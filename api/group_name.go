package api

// InvalidFreeze is the error of a field of a freeze, or of the stop of all rollouts.
func InvalidFreeze(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: "the freeze", Problems: []FieldProblem{problem(path, value, format, args...)}}
}

// CheckName tells what is wrong with the name of a service or a group:
// *InvalidError, or nil. They share one namespace.
func CheckName(path, name string) error {
	if !namePattern.MatchString(name) {
		return invalid(path, name, "%s are allowed", nameAllowed)
	}
	return nil
}
