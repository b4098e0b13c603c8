package proc

// TermFate is what SIGTERM does to a process.
type TermFate int

const (
	TermUnknown TermFate = iota // it is not there, or not told of
	HandlesTerm                 // it has a handler. A Go program always has: its runtime's
	EndsByTerm                  // it ends at once, in the middle of whatever it does
	IgnoresTerm
)
