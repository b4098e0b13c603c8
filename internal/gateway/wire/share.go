package wire

// Share counts the requests at a group's address that were given to one member
// at one gateway, by what chose the member. Each request that was admitted adds
// 1 to exactly one of Split, Aimed, Others and Tested, for the member chosen
// first.
type Share struct {
	Group   string `json:"group"`
	Service string `json:"service"`
	Split   uint64 `json:"split,omitempty"`   // the exact split; this alone is what the weights say
	Aimed   uint64 `json:"aimed,omitempty"`   // a rule, by value or because the user is one of its percent
	Others  uint64 `json:"others,omitempty"`  // the split without the member whose percent the user is not among
	Tested  uint64 `json:"tested,omitempty"`  // X-Sluice-Service
	Instead uint64 `json:"instead,omitempty"` // besides: it took a request that no replica of the member chosen could take
}

// Mirror counts the copies of one service's requests that one gateway made for
// another service. Each request that was to be copied adds 1 to exactly one of
// Skipped, Dropped, Failed and the counts of Copies.
type Mirror struct {
	Source  string `json:"source"`            // the service whose requests are copied
	Skipped uint64 `json:"skipped,omitempty"` // could not be copied: a stream, an upgrade, a body that is large, of unknown length or broke off
	Dropped uint64 `json:"dropped,omitempty"` // there were too many copies in hand
	Failed  uint64 `json:"failed,omitempty"`  // no replica could be reached or took it, or it was at a limit
	// Copies counts those that reached a replica of Copies.Service; Version is
	// 0 whatever the replica's. Lost is without a whole head of an answer in time;
	// Canceled were cut because their replica left the table. The latency is from
	// the copy's sending.
	Copies Tally `json:"copies"`
}
