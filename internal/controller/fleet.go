package controller

import (
	"context"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// Gateways shows the gateways, and the replicas that drain or have requests in
// hand; with a service, all of its replicas that gateways know and those alone.
func (c *Controller) Gateways(_ context.Context, name string) (api.GatewayView, error) {
	view := api.GatewayView{Gateways: []api.Gateway{}, Replicas: []api.ReplicaLoad{}}
	if c.cfg.Fleet != nil {
		view.Gateways, view.Revision = c.cfg.Fleet.Show()
	}
	if name == "" {
		for _, s := range c.sorted() {
			s.mu.Lock()
			view.Replicas = append(view.Replicas, s.inHand(false)...)
			s.mu.Unlock()
		}
		return view, nil
	}
	err := c.read(name, func(s *service) error { view.Replicas = s.inHand(true); return nil })
	return view, err
}

// inHand shows what gateways have in hand for the replicas; all of them, or only
// those that drain or have something.
func (s *service) inHand(all bool) []api.ReplicaLoad {
	list := []api.ReplicaLoad{}
	s.state.Now = s.c.now()
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		if s.closed.Load() || !r.Routed {
			continue // no gateway has ever been told of it
		}
		hand := s.c.cfg.Gateways.InHand(r.ID)
		drains := !r.EndAt.IsZero() && r.Process == rollout.Running // a failed one, too, while it ends
		if !all && !drains && hand.InFlight == 0 {
			continue
		}
		v := api.ReplicaLoad{Service: s.name(), Replica: r.ID, Version: r.Version, Phase: s.state.Phase(r),
			InFlight: hand.InFlight, Oldest: age(hand.Oldest, s.state.Now), Deadline: api.AtPtr(s.state.Deadline(r)), Gateways: []string{}}
		if e := s.effective(r.Revision, r.Version); e != nil {
			v.Version = e.Number
		}
		if drains {
			v.DrainingSince = api.AtPtr(r.EndAt)
		}
		if hand.InFlight > 0 && s.c.cfg.Fleet != nil {
			v.Gateways = s.c.cfg.Fleet.Holders(r.ID)
		}
		list = append(list, v)
	}
	return list
}

// age is how many seconds ago something was; nil when it was never.
func age(at, now time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	seconds := max(0, now.Sub(at).Round(time.Millisecond).Seconds())
	return &seconds
}
