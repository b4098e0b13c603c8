package rollout

// Process is what is seen of a replica's process.
type Process string

const (
	None    Process = ""        // not started yet
	Running Process = "running" // started, not known to have ended
	Exited  Process = "exited"
)
