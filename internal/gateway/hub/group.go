package hub

import (
	"slices"
	"strings"

	"sluice.dev/sluice/internal/traffic"
)

// PublishGroup puts a group's address in force, as Publish does for a service's;
// services and groups share one namespace, and the newest word on a name counts.
// The members' own routes are published by themselves, before or after it. A
// gateway of a release that knows no groups (Info.Groups) is told of none, and
// acknowledges all the same.
func (h *Hub) PublishGroup(group traffic.Group) (revision uint64) {
	group.Members, group.Rules = slices.Clone(group.Members), slices.Clone(group.Rules)
	slices.SortFunc(group.Members, func(a, b traffic.Member) int { return strings.Compare(a.Service, b.Service) })
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.entries[group.Name]; at != nil {
		if e := at.Value.(*entry); !e.withdrawn && e.group != nil && sameGroup(e.group, &group) {
			return e.revision
		}
	}
	return h.put(&entry{name: group.Name, group: &group})
}

// WithdrawGroup ends a group's address and returns the first revision without
// it. A service that has the name by now is left alone, as Withdraw leaves a
// group.
func (h *Hub) WithdrawGroup(name string) (revision uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.entries[name]
	if at == nil { // any table of this epoch is without it
		return h.cfg.Epoch << 32
	}
	if e := at.Value.(*entry); e.withdrawn || e.group == nil {
		return e.revision
	}
	return h.put(&entry{name: name, withdrawn: true})
}

func sameGroup(a, b *traffic.Group) bool {
	return a.Token == b.Token && slices.Equal(a.Members, b.Members) && slices.Equal(a.Rules, b.Rules)
}
