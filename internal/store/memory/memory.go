// Package memory implements store.Store in memory, for the simulator and for
// tests that need no disk. It keeps the contract of package store but for one
// thing: it is gone with its process.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/series"
	"sluice.dev/sluice/internal/store"
)

// Store is an empty store when it is new.
type Store struct {
	// KeepEvents bounds how many events are kept in all; 0 keeps every one.
	KeepEvents int

	mu       sync.Mutex
	services map[string]*record
	gateways map[string]store.Gateway
	tokens   map[string]store.Token
	groups   map[string]store.Group
	events   []api.Event
	audit    []api.AuditEntry
	hours    []series.Hour // ascending by number and service
	seq      int64
	epoch    uint64
}

// record is one service with all it has.
type record struct {
	service  store.Service
	versions map[int]store.Version
	rollouts []store.Rollout // in order of insertion
	replicas []store.Replica
}

// New makes an empty store.
func New() *Store {
	return &Store{services: map[string]*record{}, gateways: map[string]store.Gateway{}, tokens: map[string]store.Token{}, groups: map[string]store.Group{}}
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context) ([]store.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []store.Snapshot
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		r := s.services[name]
		snap := store.Snapshot{Service: r.service, Replicas: slices.Clone(r.replicas)}
		for _, n := range slices.Sorted(maps.Keys(r.versions)) {
			snap.Versions = append(snap.Versions, r.versions[n])
		}
		list = append(list, snap)
	}
	return list, nil
}

// Commit implements store.Store. It checks every change before it makes any.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) ([]api.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for name := range s.services {
		there[name] = true
	}
	for i := range changes {
		if err := check(&changes[i], there); err != nil {
			return nil, err
		}
	}
	var events []api.Event
	for i := range changes {
		events = append(events, s.apply(&changes[i])...)
	}
	return events, nil
}

// check refuses what would leave records without a service; there is kept as
// the change leaves it.
func check(ch *store.Change, there map[string]bool) error {
	records := len(ch.Versions) + len(ch.Rollouts) + len(ch.PutReplicas) + len(ch.DropReplicas) + len(ch.DropVersions)
	switch {
	case ch.Group != nil && (ch.Group.Name != ch.Name || ch.DropGroup):
		return fmt.Errorf("a change of group %s holds the record of %s, or drops it too", ch.Name, ch.Group.Name)
	case ch.Delete && (ch.Service != nil || records > 0):
		return fmt.Errorf("a change deletes service %s and writes records of it", ch.Name)
	case ch.Service != nil && ch.Service.Core.Name != ch.Name:
		return fmt.Errorf("a change of service %s holds the record of %s", ch.Name, ch.Service.Core.Name)
	case ch.Service == nil && len(ch.Versions)+len(ch.Rollouts)+len(ch.PutReplicas) > 0 && !there[ch.Name]:
		return fmt.Errorf("service %s: %w", ch.Name, store.ErrNotFound)
	}
	if ch.Service != nil {
		there[ch.Name] = true
	}
	if ch.Delete {
		delete(there, ch.Name)
	}
	return nil
}

func (s *Store) apply(ch *store.Change) []api.Event {
	if ch.Delete {
		delete(s.services, ch.Name)
		s.hours = slices.DeleteFunc(s.hours, func(h series.Hour) bool { return h.Service == ch.Name })
	}
	r := s.services[ch.Name]
	if ch.Service != nil {
		if r == nil {
			r = &record{versions: map[int]store.Version{}}
			s.services[ch.Name] = r
		}
		r.service = *ch.Service
	}
	if r != nil {
		r.write(ch)
	}
	if ch.DropGroup {
		delete(s.groups, ch.Name)
	}
	if ch.Group != nil {
		s.groups[ch.Name] = *ch.Group
	}
	events := slices.Clone(ch.Events)
	for i := range events {
		s.seq++
		events[i].Seq = s.seq
		if events[i].Service == "" {
			events[i].Service = ch.Name
		}
	}
	s.events = append(s.events, events...)
	if extra := len(s.events) - 2*s.KeepEvents; s.KeepEvents > 0 && extra > 0 {
		s.events = slices.Clone(s.events[len(s.events)-s.KeepEvents:])
	}
	return events
}

func (r *record) write(ch *store.Change) {
	for _, v := range ch.Versions {
		r.versions[v.Number] = v
	}
	for _, n := range ch.DropVersions {
		delete(r.versions, n)
	}
	for _, ro := range ch.Rollouts {
		i := slices.IndexFunc(r.rollouts, func(old store.Rollout) bool { return old.ID == ro.ID })
		if i < 0 {
			r.rollouts = append(r.rollouts, ro)
		} else {
			r.rollouts[i] = ro
		}
	}
	for _, id := range ch.DropReplicas {
		r.replicas = slices.DeleteFunc(r.replicas, func(old store.Replica) bool { return old.Core.ID == id })
	}
	for _, p := range ch.PutReplicas {
		i := slices.IndexFunc(r.replicas, func(old store.Replica) bool { return old.Core.ID == p.Core.ID })
		if i < 0 {
			r.replicas = append(r.replicas, p)
		} else {
			r.replicas[i] = p
		}
	}
}

// Rollouts implements store.Store.
func (s *Store) Rollouts(_ context.Context, service string) ([]store.Rollout, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.services[service]
	if r == nil {
		return nil, fmt.Errorf("service %s: %w", service, store.ErrNotFound)
	}
	list := slices.Clone(r.rollouts)
	slices.Reverse(list)
	return list, nil
}

// Rollout implements store.Store.
func (s *Store) Rollout(_ context.Context, service, id string) (store.Rollout, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.services[service]; r != nil {
		for _, ro := range r.rollouts {
			if ro.ID == id {
				return ro, nil
			}
		}
	}
	return store.Rollout{}, fmt.Errorf("rollout %s of service %s: %w", id, service, store.ErrNotFound)
}

// Events implements store.Store.
func (s *Store) Events(_ context.Context, q store.EventQuery) ([]api.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []api.Event{}
	for _, e := range s.events {
		if e.Seq > q.After && (q.Service == "" || e.Service == q.Service) && q.Takes(e) {
			list = append(list, e)
		}
	}
	limit := q.Limit
	if limit == 0 {
		limit = 1000
	}
	return list[max(0, len(list)-limit):], nil
}

// Gateways implements store.Store.
func (s *Store) Gateways(context.Context) ([]store.Gateway, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return byKey(s.gateways), nil
}

// PutGateway implements store.Store.
func (s *Store) PutGateway(_ context.Context, g store.Gateway) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateways[g.ID] = g
	return nil
}

// DropGateway implements store.Store.
func (s *Store) DropGateway(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.gateways, id)
	return nil
}

// Groups implements store.Store.
func (s *Store) Groups(context.Context) ([]store.Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return byKey(s.groups), nil
}

// Tokens implements store.Store.
func (s *Store) Tokens(context.Context) ([]store.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return byKey(s.tokens), nil
}

// PutToken implements store.Store.
func (s *Store) PutToken(_ context.Context, t store.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.Name] = t
	return nil
}

// DropToken implements store.Store.
func (s *Store) DropToken(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, name)
	return nil
}

func byKey[T any](m map[string]T) []T {
	var list []T
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}

// Scrub implements store.Store: there are no files.
func (s *Store) Scrub(context.Context) error { return nil }

// AppendAudit implements store.Store.
func (s *Store) AppendAudit(ctx context.Context, e api.AuditEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Seq = int64(len(s.audit) + 1)
	s.audit = append(s.audit, e)
	return nil
}

// Audit implements store.Store.
func (s *Store) Audit(_ context.Context, q store.AuditQuery) ([]api.AuditEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []api.AuditEntry{}
	for _, e := range s.audit {
		if e.Seq > q.After && q.Takes(e) {
			list = append(list, e)
		}
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	if q.Oldest {
		return list[:min(limit, len(list))], nil
	}
	return list[max(0, len(list)-limit):], nil
}

// PutSeries implements store.Store.
func (s *Store) PutSeries(ctx context.Context, hours []series.Hour, before int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range hours {
		if s.services[h.Service] == nil {
			continue
		}
		h.Points = slices.Clone(h.Points)
		s.hours = slices.DeleteFunc(s.hours, func(old series.Hour) bool { return old.Service == h.Service && old.Hour == h.Hour })
		s.hours = append(s.hours, h)
	}
	s.hours = slices.DeleteFunc(s.hours, func(h series.Hour) bool { return h.Hour < before })
	slices.SortFunc(s.hours, func(a, b series.Hour) int {
		return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Service, b.Service))
	})
	return nil
}

// Series implements store.Store.
func (s *Store) Series(_ context.Context, service string, from int64) ([]series.Hour, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []series.Hour{}
	for _, h := range s.hours {
		if h.Hour >= from && (service == "" || h.Service == service) {
			list = append(list, h)
		}
	}
	return list, nil
}

// NextEpoch implements store.Store.
func (s *Store) NextEpoch(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	return s.epoch, nil
}

// Close implements store.Store. What was stored stays readable.
func (s *Store) Close() error { return nil }
