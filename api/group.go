package api

// TrafficMode is how a group divides its requests among its members.
type TrafficMode string

const (
	ModeAuto       TrafficMode = "auto"       // by replicas: min(ready, desired) (rule 20)
	ModeCustomized TrafficMode = "customized" // by weight; a member without one gets none
)

// TrafficState is whether a service takes part in its group's traffic.
type TrafficState string

const (
	StateStandalone TrafficState = "standalone" // no traffic of the group's address; its own address serves
	StateGrouping   TrafficState = "grouping"   // takes its share
)

// Bounds of a weight. NoWeight says that none is set; it counts as 0.
const (
	NoWeight  = -1
	MaxWeight = 1000
)

// Group is services that share one address, as GET /api/v1/groups/{name} shows
// it (rules 19 to 23).
type Group struct {
	Name        string        `json:"name"`
	Endpoint    string        `json:"endpoint" doc:"the address callers use; it never changes"`
	TrafficMode TrafficMode   `json:"traffic_mode" enum:"auto,customized"`
	Private     bool          `json:"private" doc:"callers of its address must send a token"`
	Explicit    bool          `json:"explicit" doc:"it was made by itself and stays without members; otherwise it goes with its last member"`
	Members     []GroupMember `json:"members" nullable:"false" doc:"by name"`
	Rules       []TrafficRule `json:"rules,omitempty" doc:"requests aimed at a member past the split; the first that matches counts"`
	Shift       *Shift        `json:"shift" doc:"the gradual shift in progress, or the last one after its end; null when there was none"`
	Promotion   *Promotion    `json:"promotion" doc:"the promotion in progress, or the last one after its end; null when there was none"`
	Frozen      *Freeze       `json:"frozen" doc:"null when changes are allowed"`
	Message     string        `json:"message" doc:"one sentence for a person"`
	Revision    uint64        `json:"revision" doc:"counts changes of intent; send it as If-Match to change only what you have seen"`
	CreatedAt   Time          `json:"created_at"`
	UpdatedAt   Time          `json:"updated_at"`
}

// GroupMember is a service's part in its group. Share is what the split gives
// it while every member is reachable; a member without a ready replica is
// skipped, and its requests go to the others (rule 22), which Measured shows.
type GroupMember struct {
	Service  string       `json:"service"`
	State    TrafficState `json:"state" enum:"standalone,grouping"`
	Weight   int          `json:"weight" doc:"0 to 1000; -1 when none is set, which counts as 0"`
	Share    float64      `json:"share" doc:"the part of the group's requests it is set to get, 0 to 1"`
	Measured *float64     `json:"measured" doc:"the part it got in the last minute, 0 to 1; null when nothing was measured"`
	Ready    int          `json:"ready"`
	Desired  int          `json:"desired"`
}

// TrafficRule aims requests of a group's address at one member, past the split.
// It looks at exactly one of Header, Cookie and Query. With neither Equals nor
// Matches nor Percent it is about requests that have any value there.
type TrafficRule struct {
	Service string  `json:"service" doc:"the member that gets the requests"`
	Header  string  `json:"header,omitempty" doc:"name of the header that is looked at"`
	Cookie  string  `json:"cookie,omitempty" doc:"name of the cookie that is looked at"`
	Query   string  `json:"query,omitempty" doc:"name of the query parameter that is looked at"`
	Equals  string  `json:"equals,omitempty" doc:"the value it must have"`
	Matches string  `json:"matches,omitempty" doc:"a regular expression (RE2) that the whole value must match; at most 1000 characters"`
	Percent float64 `json:"percent,omitempty" doc:"above 0, at most 100: the value is a user's key, and so many of a hundred keys go to the service, always the same ones; the others never do"`
}

// Freeze refuses changes of a service or a group until a time.
type Freeze struct {
	Until  Time   `json:"until"`
	Reason string `json:"reason"`
	By     string `json:"by" doc:"the authenticated identity that froze it"`
}

// Abandoned is the answer to an abandon: the canary gets no traffic of its group
// any more.
type Abandoned struct {
	Service  string   `json:"service"`
	Stopped  bool     `json:"stopped" doc:"its replicas are ended too"`
	Warnings []string `json:"warnings,omitempty" doc:"members that carry more than their usual load now"`
}
