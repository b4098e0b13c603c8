package canary

import "fmt"

// Refusal is the error of a change that cannot be made as things are.
type Refusal struct {
	Message string // what is refused and why
	Hint    string // what to do instead
}

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}

func refuse(hint, format string, args ...any) error {
	return &Refusal{Message: fmt.Sprintf(format, args...), Hint: hint}
}
