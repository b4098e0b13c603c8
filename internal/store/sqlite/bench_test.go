package sqlite

import (
	"fmt"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// fleet is 1,000 services of 10 replicas with 3 versions each.
func fleet() []store.Change {
	config := []byte(fmt.Sprintf(`{"metadata":{"name":"x","instance":10,"note":"%0500d"}}`, 0))
	var changes []store.Change
	for i := range 1000 {
		name := fmt.Sprintf("service-%04d", i)
		c := store.Change{
			Name:    name,
			Service: &store.Service{Core: rollout.Service{Name: name, Desired: 10}, Config: config},
			Events:  []api.Event{{Reason: "Created"}},
		}
		for n := range 3 {
			c.Versions = append(c.Versions, store.Version{Version: api.Version{Number: n + 1, Config: config}})
		}
		for n := range 10 {
			c.PutReplicas = append(c.PutReplicas, store.Replica{Core: rollout.Replica{ID: fmt.Sprintf("%s-%d", name, n)}})
		}
		changes = append(changes, c)
	}
	return changes
}

func BenchmarkOpenAndLoad(b *testing.B) {
	dir := b.TempDir()
	s := mustOpen(b, dir)
	if _, err := s.Commit(b.Context(), fleet()...); err != nil {
		b.Fatal(err)
	}
	s.Close()
	for b.Loop() {
		s := mustOpen(b, dir)
		list, err := s.Load(b.Context())
		if err != nil || len(list) != 1000 || len(list[999].Replicas) != 10 {
			b.Fatal(len(list), err)
		}
		s.Close()
	}
}

// BenchmarkCommit is one change of one replica with its event, as most are.
func BenchmarkCommit(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	defer s.Close()
	if _, err := s.Commit(b.Context(), fleet()...); err != nil {
		b.Fatal(err)
	}
	name := "service-0500"
	change := store.Change{
		Name:        name,
		PutReplicas: []store.Replica{{Core: rollout.Replica{ID: name + "-1"}}},
		Events:      []api.Event{{Reason: "ReplicaReady"}},
	}
	for b.Loop() {
		if _, err := s.Commit(b.Context(), change); err != nil {
			b.Fatal(err)
		}
	}
}
