package store

import (
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
)

// Group is the record of one group of services.
type Group struct {
	Name      string            `json:"name"`
	Mode      api.TrafficMode   `json:"mode"`
	Explicit  bool              `json:"explicit"` // made by itself: it stays without members
	Members   map[string]Member `json:"members"`  // by service
	Rules     []api.TrafficRule `json:"rules"`
	Token     string            `json:"token"` // callers of its address must send it; "" for none
	Frozen    *api.Freeze       `json:"frozen"`
	Shift     *canary.Shift     `json:"shift"`     // the one in progress, or the last
	Promotion *canary.Promotion `json:"promotion"` // likewise
	Revision  uint64            `json:"revision"`  // counts changes of intent
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// Member is a service's part in its group.
type Member struct {
	State  api.TrafficState `json:"state"`
	Weight int              `json:"weight"` // -1 for none
}
