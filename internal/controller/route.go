package controller

import (
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/traffic"
)

// retryAfter is how many seconds a caller is told to wait when nothing is ready.
const retryAfter = 1

// publish puts the present routing table in force and notes the revisions at
// which replicas entered and left it.
func (s *service) publish() {
	route := s.route()
	revision := s.c.cfg.Gateways.Publish(route)
	inRoute := make(map[string]bool, len(route.Endpoints))
	for _, e := range route.Endpoints {
		inRoute[e.Replica] = true
	}
	waits := false
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		in, out := s.routedAt, s.unroutedAt
		if !inRoute[r.ID] {
			in, out = out, in
		}
		delete(out, r.ID)
		if _, noted := in[r.ID]; !noted && r.Routed {
			in[r.ID] = revision
			waits = true
		}
	}
	if waits && s.c.cfg.Gateways.Acked() >= revision {
		s.kick() // there is no gateway whose acknowledgement would
	}
}

// route is the service's line in the routing table: its routable replicas, or
// why there is none.
func (s *service) route() traffic.Route {
	route := traffic.Route{Service: s.name(), Token: s.c.openToken(s.record.Token)}
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		h := s.handles[r.ID]
		if h == nil || !r.Routable() || !r.Routed {
			continue
		}
		e := traffic.Endpoint{Replica: r.ID, Version: r.Version, Address: h.Address}
		if v := s.effective(r.Revision, r.Version); v != nil {
			e.Version = v.Number
		}
		route.Endpoints = append(route.Endpoints, e)
	}
	if m := s.record.Mirror; m != nil {
		route.Mirror = &traffic.Mirror{Service: m.To, Percent: m.Ratio}
	}
	if v := s.version(s.state.Service.Current.Version); v != nil {
		route.GRPC, route.Limits = v.spec.GRPC, v.spec.Limits
	}
	if len(route.Endpoints) == 0 {
		route.Unavailable, route.RetryAfter = s.unavailable(), retryAfter
	}
	return route
}

func (s *service) unavailable() string {
	sv := &s.state.Service
	switch {
	case sv.Deleting:
		return "the service is being deleted"
	case sv.Stopped:
		return "the service is stopped"
	case sv.Desired == 0:
		return "the service is scaled to 0 replicas"
	}
	for i := range s.state.Replicas {
		if r := &s.state.Replicas[i]; r.Stage == rollout.Live {
			reason := "no replica is ready; " + r.ID + " is " + string(s.state.Phase(r))
			if why := s.state.Why(r); why != "" {
				reason += ": " + why
			}
			return reason
		}
	}
	return "no replica is ready"
}
