package api

// CheckName tells what is wrong with the name of a service or a group:
// *InvalidError, or nil. They share one namespace.
func CheckName(path, name string) error {
	if !namePattern.MatchString(name) {
		return invalid(path, name, "%s are allowed", nameAllowed)
	}
	return nil
}
