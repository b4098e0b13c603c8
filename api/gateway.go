package api

// GatewayRestart is the answer to PUT /gateway/restart: another gateway process
// accepts callers now, with the routing table in force. The one before takes no
// new connection and ends when what it has in hand has ended.
type GatewayRestart struct {
	ID        string `json:"id" doc:"the gateway that accepts callers now"`
	Pid       int    `json:"pid"`
	Listen    string `json:"listen" doc:"host:port where it serves"`
	Before    string `json:"before" doc:"the gateway that it took over from"`
	PidBefore int    `json:"pid_before"`
}

// GatewayState says what a gateway does with callers.
type GatewayState string

const (
	GatewayAccepting GatewayState = "accepting" // it takes connections
	GatewayWaiting   GatewayState = "waiting"   // it takes over from another once it has the routing table
	GatewayRetiring  GatewayState = "retiring"  // another has taken over from it; it finishes what it has in hand
	GatewayUnheard   GatewayState = "unheard"   // it has yet to report since the server started
)

// GatewayView is the data plane as the server sees it: the gateways that count for
// acknowledgements and drains, and the replicas that have requests in hand or are
// draining.
type GatewayView struct {
	Gateways []Gateway     `json:"gateways" nullable:"false" doc:"by id"`
	Replicas []ReplicaLoad `json:"replicas" nullable:"false" doc:"those that drain or have a request in hand, or all of one service when one is asked for; by service, in the order they were made"`
	Revision uint64        `json:"revision" doc:"of the newest routing table"`
}

// Gateway is one gateway process.
type Gateway struct {
	ID        string       `json:"id"`
	Pid       int          `json:"pid"`
	Listen    string       `json:"listen" doc:"host:port where it serves"`
	State     GatewayState `json:"state" enum:"accepting,waiting,retiring,unheard"`
	Connected bool         `json:"connected" doc:"false: it is waited for until its lease of 10 s has run out"`
	Revision  uint64       `json:"revision" doc:"of the routing table sent to it last; 0 when none was since the server started"`
	Acked     uint64       `json:"acked" doc:"the newest routing table that it has acknowledged; 0 for none since the server started"`
	InFlight  int          `json:"in_flight" doc:"requests, streams and tunnels in hand"`
	Oldest    *float64     `json:"oldest_seconds" doc:"age of the oldest of them; null for none, or when it is of a release that does not tell"`
	SeenAt    Time         `json:"seen_at" doc:"when it was last heard; it reports once a second"`
}

// ReplicaLoad is what gateways have in hand for one replica.
type ReplicaLoad struct {
	Service       string       `json:"service"`
	Replica       string       `json:"replica"`
	Version       int          `json:"version"`
	Phase         ReplicaPhase `json:"phase" enum:"pending,starting,ready,unready,draining,stopped,failed"`
	InFlight      int          `json:"in_flight" doc:"requests, streams and tunnels in hand, over all gateways"`
	Oldest        *float64     `json:"oldest_seconds" doc:"age of the oldest of them; null for none, or when a gateway does not tell"`
	DrainingSince *Time        `json:"draining_since" doc:"when it was decided that it ends; null while it is to stay"`
	Deadline      *Time        `json:"deadline" doc:"when what is still in hand is cut: the end of the grace period, which begins when all gateways have acknowledged that it left the table; null before"`
	Gateways      []string     `json:"gateways" nullable:"false" doc:"those that have a request of it in hand"`
}
