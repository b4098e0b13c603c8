package traffic

// Group is what a gateway needs to serve an address that services share. It is
// immutable once made; a change is a new Group. Its members have routes of their
// own; one whose route is missing or has no endpoint is skipped.
type Group struct {
	Name    string   `json:"name"`
	Token   string   `json:"token,omitempty"`   // callers must send it; "" for none
	Members []Member `json:"members,omitempty"` // by name; every service of the group
	Rules   []Rule   `json:"rules,omitempty"`   // the first that matches counts
}

// Member is a service's part in its group. In every window of sum/gcd requests
// that the split hands out it gets its exact number: Weight/gcd; 0 gets none
// (rule 21).
type Member struct {
	Service string `json:"service"`
	Weight  int    `json:"weight"`
}

// Rule aims requests at one member, past the split. It looks at exactly one of
// Header, Cookie and Query, by name.
//
// With Percent it is about users: the value is a user's key, and so many of a
// hundred keys go to Service, always the same ones; the other users go by the
// split, without Service. Otherwise a request matches that has the value Equals,
// or whose value Matches (a regular expression, RE2, anchored at both ends), or,
// with neither, that has any value.
type Rule struct {
	Service string  `json:"service"`
	Header  string  `json:"header,omitempty"`
	Cookie  string  `json:"cookie,omitempty"`
	Query   string  `json:"query,omitempty"`
	Equals  string  `json:"equals,omitempty"`
	Matches string  `json:"matches,omitempty"`
	Percent float64 `json:"percent,omitempty"`
}

// Mirror has a share of a service's requests copied to another service. The
// copies' answers are thrown away.
type Mirror struct {
	Service string `json:"service"`
	Percent int    `json:"percent"` // 1 to 100 of a hundred requests
}
