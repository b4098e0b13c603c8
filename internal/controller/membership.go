package controller

import (
	"fmt"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// current is the service file in force with what the group's record adds to it:
// the weight and the traffic state of a member.
func (s *service) current() api.Document {
	if s.record.Group == "" {
		return s.doc
	}
	g, err := s.c.findGroup(s.record.Group)
	if err != nil {
		return s.doc
	}
	g.mu.Lock()
	m, member := g.record.Members[s.name()]
	g.mu.Unlock()
	if !member {
		return s.doc
	}
	return s.overlaid(m)
}

// overlaid is the document with how the service is a member.
func (s *service) overlaid(m store.Member) api.Document {
	_, in := api.SplitMembership(s.doc)
	in.TrafficState, in.Weight = string(m.State), nil
	if m.Weight >= 0 {
		in.Weight = &m.Weight
	}
	return s.doc.WithMembership(in)
}

// bare is the document without what a group's record keeps of it.
func bare(doc api.Document) api.Document {
	_, m := api.SplitMembership(doc)
	if m.Group == "" {
		return doc // weight and state wait for a group
	}
	m.Weight, m.TrafficState = nil, ""
	return doc.WithMembership(m)
}

// belong has the service's group be what its new document says; it is called
// once that is recorded. A member that joins a group with others stays silent
// until somebody says otherwise, so that joining moves no traffic (rule 19).
func (s *service) belong(by By, was string, next api.Document) (wait uint64, err error) {
	_, m := api.SplitMembership(next)
	if was != "" && was != m.Group {
		if wait, err = s.leave(by, was); err != nil {
			return wait, err
		}
	}
	if m.Group == "" {
		return wait, nil
	}
	g, err := s.c.openGroup(m.Group)
	if err != nil {
		return wait, err
	}
	defer g.mu.Unlock()
	g.standings[s.name()] = s.standing()
	member, joined := g.record.Members[s.name()]
	wanted := member
	if !joined {
		wanted = store.Member{State: api.StateStandalone, Weight: -1}
		if len(g.record.Members) == 0 {
			wanted.State = api.StateGrouping
		}
	}
	if m.TrafficState != "" {
		wanted.State = api.TrafficState(m.TrafficState)
	}
	if m.Weight != nil {
		wanted.Weight = *m.Weight
	}
	if joined && wanted == member {
		return wait, nil
	}
	reason, text := "MemberJoined", fmt.Sprintf("service %s joins the group; it is %s", s.name(), wanted.State)
	if joined {
		reason, text = "MemberReleased", fmt.Sprintf("service %s is %s with weight %d", s.name(), wanted.State, wanted.Weight)
	}
	return g.change(by, reason, text, func(r *store.Group) error {
		r.Members[s.name()] = wanted
		return nil
	})
}

// leave takes the service out of a group. The group goes with its last member.
func (s *service) leave(by By, name string) (wait uint64, err error) {
	g, err := s.c.findGroup(name)
	if err != nil {
		return 0, nil // it is gone already
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, member := g.record.Members[s.name()]; !member {
		return 0, nil
	}
	delete(g.standings, s.name())
	return g.change(by, "MemberLeft", fmt.Sprintf("service %s leaves the group", s.name()), func(r *store.Group) error {
		delete(r.Members, s.name())
		return nil
	})
}

// mayJoin refuses a group whose name is a service's, before anything changes.
func (c *Controller) mayJoin(group string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if group != "" && c.services[group] != nil {
		return &api.InvalidError{Problems: []api.FieldProblem{{Path: "metadata.group", Value: []byte(fmt.Sprintf("%q", group)),
			Message: "there is a service of this name; services and groups share one namespace, give the group a name of its own"}}}
	}
	return nil
}

// standing is how the service stands in its group's split.
func (s *service) standing() standing {
	sv := &s.state.Service
	st := standing{ready: s.state.Counts().Ready, desired: sv.Desired, stopped: sv.Stopped || sv.Deleting}
	if st.stopped {
		st.ready = 0
	}
	st.update.Version = sv.Current.Version
	if ro := sv.Rollout; ro != nil {
		st.update.Phase, st.update.Message = ro.Phase, ro.Message
		// Between batches, so that a promotion says on whom it waits. What a gate has
		// counted so far is left out: it changes every second.
		if v := s.state.PlanView(); v != nil && v.Stage == api.StageBatchCompleted && !v.Judging {
			st.update.Message = "its plan waits for " + v.WaitingFor
		}
	}
	return st
}

// tellGroup tells the service's group how it stands now.
func (s *service) tellGroup() {
	if s.record.Group == "" {
		return
	}
	if g, err := s.c.findGroup(s.record.Group); err == nil {
		g.note(s.name(), s.standing())
	}
}

// loadGroups reads the groups, and has them agree with what the services' own
// records say: a crash between the two leaves no member that is none.
func (c *Controller) loadGroups(records []store.Group) {
	for _, r := range records {
		if r.Members == nil {
			r.Members = map[string]store.Member{}
		}
		c.groups[r.Name] = c.newGroup(r)
	}
	by := By{Actor: "sluice"}
	for _, s := range c.sorted() {
		if _, err := s.belong(by, "", s.doc); err != nil {
			c.log.Error("a service cannot be put into its group", "service", s.name(), "group", s.record.Group, "error", err)
		}
	}
	for _, g := range c.sortedGroups() {
		g.mu.Lock()
		for name := range g.record.Members {
			if s := c.services[name]; s != nil && s.record.Group == g.name {
				continue
			}
			_, err := g.change(by, "MemberLeft", fmt.Sprintf("service %s is not of the group", name), func(r *store.Group) error {
				delete(r.Members, name)
				return nil
			})
			if err != nil {
				c.log.Error("a group's members cannot be put right", "group", g.name, "error", err)
			}
		}
		if !g.gone {
			g.publish()
		}
		g.mu.Unlock()
	}
}
