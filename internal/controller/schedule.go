package controller

import (
	"sync"
	"time"
)

// Schedule is the controller's way to the time and to everything that does not
// happen at once. The simulator has one of its own, on which a run can be
// replayed; everybody else uses that of the system.
type Schedule interface {
	Now() time.Time
	// Go runs what beside the caller, and never within the call.
	Go(what func())
	// After runs what once d has passed, unless stop is called before.
	After(d time.Duration, what func()) (stop func())
}

// system is the real time and goroutines. Once closed it begins nothing more.
type system struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

// Now is the wall clock without its monotonic part, so that an instant equals
// itself after it was stored.
func (*system) Now() time.Time { return time.Now().UTC().Round(0) }

func (s *system) Go(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.group.Go(what)
	}
}

// close waits for what is under way.
func (s *system) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.group.Wait()
}

func (*system) After(d time.Duration, what func()) (stop func()) {
	t := time.AfterFunc(d, what)
	return func() { t.Stop() }
}
