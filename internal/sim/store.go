package sim

import (
	"context"
	"errors"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// faultyStore fails now and then, and is where the control plane is killed:
// just before a change is written, or just after.
type faultyStore struct {
	store.Store
	w      *World
	full   bool
	states map[string]*state // what is stored, as the checks see it
	ends   map[string]ending // how replicas are to end whose signal was decided
}

// state is what is stored of one service.
type state struct {
	service  rollout.Service
	replicas map[string]rollout.Replica
	drains   map[int]drain // by version
}

var errFull = errors.New("the disk is full")

func (s *faultyStore) Commit(ctx context.Context, changes ...store.Change) ([]api.Event, error) {
	if s.full && !s.w.calm {
		return nil, errFull
	}
	if s.w.chance(400) {
		panic(killed{})
	}
	events, err := s.Store.Commit(ctx, changes...)
	if err != nil {
		s.w.fail("the store refuses a change: %v", err)
		return nil, err
	}
	for i := range changes {
		s.w.checkChange(&changes[i])
	}
	if s.w.chance(400) {
		panic(killed{})
	}
	return events, nil
}

// fold applies a change to what is known to be stored.
func (s *faultyStore) fold(ch *store.Change) *state {
	if ch.Delete {
		delete(s.states, ch.Name)
		return nil
	}
	st := s.states[ch.Name]
	if st == nil {
		st = &state{replicas: map[string]rollout.Replica{}, drains: map[int]drain{}}
		s.states[ch.Name] = st
	}
	if ch.Service != nil {
		st.service = ch.Service.Core
	}
	for _, v := range ch.Versions {
		if spec, err := api.Parse(document(string(v.Config))); err == nil {
			st.drains[v.Number] = drain{spec.Drain, v.Revision}
		}
	}
	for _, id := range ch.DropReplicas {
		delete(st.replicas, id)
	}
	for _, r := range ch.PutReplicas {
		st.replicas[r.Core.ID] = r.Core
	}
	return st
}

// ending is how a replica is to end, and whether anything was known to be in its
// hands, when its signal was decided. A gateway whose lease had run out by then may
// count again when the signal is sent, or sent again after a crash.
type ending struct {
	api.Drain
	inHand bool
}

// drain is how replicas of a version are to end.
type drain struct {
	api.Drain
	revision string
}

// drainOf is how a replica is to end: as the version it counts as says, which
// is the current one or else the newest with the same replica keys (rule 5).
func (s *faultyStore) drainOf(replica string) api.Drain {
	for _, st := range s.states {
		r, ok := st.replicas[replica]
		if !ok {
			continue
		}
		if r.Revision == st.service.Current.Revision {
			return st.drains[st.service.Current.Version].Drain
		}
		newest := 0
		for n, d := range st.drains {
			if d.revision == r.Revision {
				newest = max(newest, n)
			}
		}
		return st.drains[newest].Drain
	}
	return api.Drain{}
}

// view is the state for the core's own counting.
func (st *state) view(w *World) *rollout.State {
	v := &rollout.State{Service: st.service, Now: w.now}
	for _, r := range st.replicas {
		v.Replicas = append(v.Replicas, r)
	}
	return v
}
