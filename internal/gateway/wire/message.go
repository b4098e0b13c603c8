// Package wire is the protocol between the control plane and its gateways:
// routing tables with revisions go down; acknowledgements, heartbeats, in-flight
// counts and numbers go up. Package hub speaks one end of it, package gateway
// the other; nothing else does.
//
// It is one JSON object a line, over any stream that keeps order (a unix socket
// now, TLS for gateways elsewhere). The gateway dials, says Hello and follows
// with a Report that names everything it has in hand. Once the control plane is
// open it answers with the whole table and from then on sends what changed. A
// field that the other end does not know is ignored, so the ends may differ by
// a release: a gateway says in its Hello what it knows beyond the first release
// (Groups), and is sent nothing else. A change that cannot be left out like that
// raises Protocol, and ends of two Protocols have nothing to do with each other;
// so it costs the table of every gateway that runs, and none was needed yet.
//
// Times go over the wire as ages ("so long ago"), never as instants: the two
// ends may run on machines whose clocks differ.
package wire

import "sluice.dev/sluice/internal/traffic"

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// Up is what a gateway says. One field is set.
type Up struct {
	Hello  *Hello  `json:"hello,omitempty"`
	Report *Report `json:"report,omitempty"`
	Bye    bool    `json:"bye,omitempty"` // it has served its last request and ends
}

// Down is what the control plane says. One field is set.
type Down struct {
	Table   *Table `json:"table,omitempty"`
	Refused string `json:"refused,omitempty"` // why the connection is closed
}

// Hello introduces a gateway process.
type Hello struct {
	Protocol  int    `json:"protocol"`
	ID        string `json:"id"` // one process at a time has it
	Pid       int    `json:"pid"`
	StartTime uint64 `json:"start_time"`       // of the process, in the kernel's own unit; 0 when unknown
	Listen    string `json:"listen"`           // host:port where it serves
	Revision  uint64 `json:"revision"`         // of the table it serves, 0 before its first
	Groups    bool   `json:"groups,omitempty"` // it knows Table.Groups and traffic.Route.Mirror
}

// Table is a routing table or a part of one. The parts of one table have the
// same Revision, all but the last have More set, and the gateway puts them in
// force together.
type Table struct {
	Revision  uint64          `json:"revision"`
	Full      bool            `json:"full,omitempty"` // what is not named is withdrawn
	More      bool            `json:"more,omitempty"`
	Routes    []traffic.Route `json:"routes,omitempty"`
	Groups    []traffic.Group `json:"groups,omitempty"`
	Withdrawn []string        `json:"withdrawn,omitempty"` // services and groups whose address ends
}

// Report is sent once a second, with each acknowledgement, and as soon as the
// last request at an endpoint that left the table has ended.
type Report struct {
	// Revision is acknowledged: the table with it is in force, and no request
	// is picked for an endpoint that it does not hold of which no byte is
	// written yet (design rule 8).
	Revision uint64 `json:"revision"`
	// All is set in the first report of a connection: an endpoint that is not
	// named has nothing in flight.
	All     bool    `json:"all,omitempty"`
	Loads   []Load  `json:"loads,omitempty"`   // those that changed since the last report
	Tallies []Tally `json:"tallies,omitempty"` // those that changed, counted from the start of the process
	// Shares and Mirrors are as Tallies are.
	Shares  []Share  `json:"shares,omitempty"`
	Mirrors []Mirror `json:"mirrors,omitempty"`
	// State is "" while the gateway accepts callers. One that takes over from
	// another is first Waiting, and one that was taken over from is Retiring to
	// its end. Both acknowledge and count as any other.
	State string `json:"state,omitempty"`
}

// States of a gateway that does not accept callers.
const (
	Waiting  = "waiting"  // it accepts once it has acknowledged a table
	Retiring = "retiring" // it finishes what it has in hand
)

// Load is what an endpoint has in hand at one gateway.
type Load struct {
	Service   string `json:"service"`
	Replica   string `json:"replica"`
	Address   string `json:"address"`
	InFlight  int    `json:"in_flight"`           // requests, streams and tunnels not yet ended
	Withdrawn bool   `json:"withdrawn,omitempty"` // it is not in the table any more
	IdleAge   int64  `json:"idle_age"`            // microseconds since InFlight became 0; 0 while it is not
	PickedAge int64  `json:"picked_age"`          // microseconds since a request was last handed to it; -1 for never
	// OldestAge is how many microseconds ago the oldest of those in flight came.
	// It changes with no load whose InFlight and PickedAge stay. 0 is not known, as
	// of a gateway of a release that does not tell.
	OldestAge int64 `json:"oldest_age,omitempty"`
}

// Tally counts the requests of one version of a service at one gateway. Version
// is 0 for those that reached no replica. Every request adds 1 to exactly one
// of Class, Lost and Canceled; one that was Cut counts under Class too.
type Tally struct {
	Service  string    `json:"service"`
	Version  int       `json:"version"`
	Class    [6]uint64 `json:"class"`    // answers by the first digit of their status; [0] is unused, [1] counts upgrades
	Lost     uint64    `json:"lost"`     // given to a replica that then failed without an answer: the caller got 502
	Cut      uint64    `json:"cut"`      // answers and tunnels that broke off before their end
	Canceled uint64    `json:"canceled"` // the caller went away first
	// Latency counts, by bucket (see Bounds), the time from the arrival of a
	// request to the header of its answer: pairs of bucket and count. Gateways of
	// releases with wider buckets say them under another name, and none counts.
	Latency [][2]uint64 `json:"latencies,omitempty"`
}
