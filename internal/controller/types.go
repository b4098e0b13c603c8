package controller

import (
	"fmt"

	"sluice.dev/sluice/api"
)

// By says on whose behalf something is asked for.
type By struct {
	Actor   string // the identity behind the token
	Message string // why, as given with -m
	// IfRevision refuses the change with *StaleError when the service is at
	// another revision; 0 accepts any.
	IfRevision uint64
}

// Outcome is the answer to a change.
type Outcome struct {
	Service  api.Service
	Changed  bool     // false: "nothing to change"
	Text     string   // one line for a person: "version 3 rolls out", "scaled from 4 to 6"
	Warnings []string // about the service file given
}

// News is one change that watchers are told of.
type News struct {
	Service string
	Events  []api.Event
	Deleted bool
	Missed  bool // the watcher was too slow: read again what you show
}

// NotFoundError names what is not there.
type NotFoundError struct{ Kind, Name, Hint string }

func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("%s %q does not exist", e.Kind, e.Name)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// ExistsError refuses to create what is there already.
type ExistsError struct{ Name string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("service %q exists already; `sluice update %s -f FILE` changes it, `sluice apply -f FILE` does either", e.Name, e.Name)
}

// StaleError refuses a change that was meant for another revision.
type StaleError struct{ Want, Is uint64 }

func (e *StaleError) Error() string {
	return fmt.Sprintf("the service is at revision %d, the change was made for revision %d; read it again and decide anew", e.Is, e.Want)
}
