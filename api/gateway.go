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
