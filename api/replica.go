package api

// ReplicaPhase is where one running copy stands.
type ReplicaPhase string

const (
	ReplicaPending  ReplicaPhase = "pending"  // cannot be placed yet; the reason says why
	ReplicaStarting ReplicaPhase = "starting" // its process starts, restarts, or is not ready for the first time
	ReplicaReady    ReplicaPhase = "ready"    // checks pass and every live gateway routes to it
	ReplicaUnready  ReplicaPhase = "unready"  // was ready, its check fails now
	ReplicaDraining ReplicaPhase = "draining" // no new request; those in hand may finish
	ReplicaStopped  ReplicaPhase = "stopped"
	ReplicaFailed   ReplicaPhase = "failed" // used up its starts; the record stays for study
)

// Replica is one running copy of a service.
type Replica struct {
	ID        string       `json:"id"`
	Version   int          `json:"version"`
	Phase     ReplicaPhase `json:"phase" enum:"pending,starting,ready,unready,draining,stopped,failed"`
	Ready     bool         `json:"ready"`
	Address   string       `json:"address" doc:"host:port, empty before it has one"`
	Pid       int          `json:"pid" doc:"0 when no process runs"`
	Restarts  int          `json:"restarts"`
	StartedAt *Time        `json:"started_at"`
	ReadyAt   *Time        `json:"ready_at"`
	InFlight  int          `json:"in_flight" doc:"requests in hand, over all gateways"`
	Reason    string       `json:"reason" doc:"why it is in this phase, where that needs saying"`
}
