package controller

import (
	"context"
	"errors"
	"io"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/canary"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// view is the service as users see it.
func (s *service) view() api.Service {
	v := s.alone()
	if s.record.Group == "" {
		return v
	}
	g, err := s.c.findGroup(s.record.Group)
	if err != nil {
		return v
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return s.in(g, v)
}

// in shows the service in its group, whose lock is held.
func (s *service) in(g *group, v api.Service) api.Service {
	members := g.members()
	shares := canary.Shares(g.record.Mode, members)
	for i, m := range members {
		if m.Service == s.name() {
			v.Traffic = api.Traffic{State: m.State, Weight: m.Weight, Share: shares[i]}
			v.Config = s.overlaid(g.record.Members[s.name()]).JSON()
		}
	}
	return v
}

// alone shows the service without its part in a group.
func (s *service) alone() api.Service {
	state := s.state
	state.Now = s.c.now()
	status, reason, message := state.Status()
	if s.trouble != "" {
		message = "nothing can be recorded, so nothing is done: " + s.trouble
	}
	sv := &state.Service
	return api.Service{
		Name: s.name(), Group: s.record.Group, Status: status, Reason: reason, Message: message,
		CurrentVersion: sv.Current.Version, LatestVersion: sv.Latest,
		Endpoint: s.c.cfg.Gateways.Address(s.name()),
		Replicas: state.Counts(), Rollout: state.RolloutView(), Plan: state.PlanView(),
		Traffic: api.Traffic{State: api.StateStandalone, Weight: api.NoWeight},
		Config:  s.record.Config, Revision: sv.Revision,
		CreatedAt: api.At(s.record.CreatedAt), UpdatedAt: api.At(s.record.UpdatedAt),
		Warnings: s.record.Warnings, Frozen: inForce(s.record.Frozen, state.Now), Mirror: s.record.Mirror,
	}
}

// read runs a reader under the service's lock.
func (c *Controller) read(name string, do func(*service) error) error {
	s, err := c.find(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return &NotFoundError{Kind: "service", Name: name}
	}
	return do(s)
}

// List shows every service, by name.
func (c *Controller) List(context.Context) []api.Service {
	list := []api.Service{}
	for _, s := range c.sorted() {
		s.mu.Lock()
		if !s.closed.Load() {
			list = append(list, s.view())
		}
		s.mu.Unlock()
	}
	return list
}

// Get shows one service.
func (c *Controller) Get(_ context.Context, name string) (v api.Service, err error) {
	err = c.read(name, func(s *service) error { v = s.view(); return nil })
	return v, err
}

// Replicas shows the replicas of a service in the order they were made.
func (c *Controller) Replicas(_ context.Context, name string) (list []api.Replica, err error) {
	list = []api.Replica{}
	err = c.read(name, func(s *service) error {
		s.state.Now = s.c.now()
		for i := range s.state.Replicas {
			list = append(list, s.replicaView(&s.state.Replicas[i]))
		}
		return nil
	})
	return list, err
}

// Replica shows one.
func (c *Controller) Replica(_ context.Context, name, id string) (v api.Replica, err error) {
	err = c.read(name, func(s *service) error {
		s.state.Now = s.c.now()
		r := s.state.Replica(id)
		if r == nil {
			return &NotFoundError{Kind: "replica", Name: id, Hint: "`sluice replicas " + name + "` shows what there is"}
		}
		v = s.replicaView(r)
		return nil
	})
	return v, err
}

func (s *service) replicaView(r *rollout.Replica) api.Replica {
	v := api.Replica{
		ID: r.ID, Version: r.Version, Phase: s.state.Phase(r),
		Restarts: max(0, r.Starts-1), StartedAt: api.AtPtr(r.StartedAt), ReadyAt: api.AtPtr(r.ReadyAt),
		Reason: s.state.Why(r),
	}
	v.Ready = v.Phase == api.ReplicaReady
	if e := s.effective(r.Revision, r.Version); e != nil {
		v.Version = e.Number
	}
	if h := s.handles[r.ID]; h != nil {
		v.Address = h.Address
		if r.Process == rollout.Running {
			v.Pid = h.Pid
		}
	}
	if r.Routed {
		v.InFlight = s.c.cfg.Gateways.InHand(r.ID).InFlight
	}
	return v
}

// Rollouts lists the rollouts of a service, newest first; the one in progress
// with its present counts.
func (c *Controller) Rollouts(ctx context.Context, name string) ([]api.Rollout, error) {
	s, err := c.find(name)
	if err != nil {
		return nil, err
	}
	records, err := c.cfg.Store.Rollouts(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &NotFoundError{Kind: "service", Name: name}
	}
	if err != nil {
		return nil, err
	}
	list := make([]api.Rollout, len(records))
	now := s.rolloutNow()
	for i := range records {
		list[i] = records[i].Rollout
		if now != nil && now.ID == list[i].ID {
			list[i] = *now
		}
	}
	return list, nil
}

// rolloutNow is the rollout in progress with its history up to this moment; nil
// without one.
func (s *service) rolloutNow() *api.Rollout {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Now = s.c.now()
	ro := s.state.RolloutView()
	if s.ledger == nil || ro == nil || ro.ID != s.ledger.Rollout {
		return nil
	}
	l := *s.ledger
	l.count(s)
	l.show(ro)
	return ro
}

// Rollout shows one rollout.
func (c *Controller) Rollout(ctx context.Context, name, id string) (api.Rollout, error) {
	s, err := c.find(name)
	if err != nil {
		return api.Rollout{}, err
	}
	record, err := c.cfg.Store.Rollout(ctx, name, id)
	if errors.Is(err, store.ErrNotFound) {
		return api.Rollout{}, &NotFoundError{Kind: "rollout", Name: id, Hint: "`sluice history " + name + "` lists them"}
	}
	if err != nil {
		return api.Rollout{}, err
	}
	if now := s.rolloutNow(); now != nil && now.ID == id {
		return *now, nil
	}
	return record.Rollout, nil
}

// Events lists events in order; those of a deleted service stay readable.
func (c *Controller) Events(ctx context.Context, q store.EventQuery) ([]api.Event, error) {
	events, err := c.cfg.Store.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 || q.Service == "" || q.After > 0 {
		return events, nil
	}
	_, missing := c.find(q.Service)
	if missing != nil && q.EventFilter != (api.EventFilter{}) { // of a deleted service, but not these
		any, err := c.cfg.Store.Events(ctx, store.EventQuery{Service: q.Service, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(any) > 0 {
			missing = nil
		}
	}
	if missing != nil {
		return nil, missing
	}
	return events, nil
}

// Logs reads the log of one replica, or of all of the service.
func (c *Controller) Logs(ctx context.Context, name, replica string, tail int, follow bool) (io.ReadCloser, error) {
	if replica != "" {
		if _, err := c.Replica(ctx, name, replica); err != nil {
			return nil, err
		}
		return c.cfg.Runtime.Logs(ctx, replica, tail, follow)
	}
	list, err := c.Replicas(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.allLogs(ctx, list, tail, follow)
}
