package servertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice.dev/sluice/api"
)

// Series implements server.Releases. Its requests are made up, twelve a second at
// each version that has replicas; its marks are the rollouts' real ones.
func (m *Memory) Series(_ context.Context, name string, window time.Duration, version int) (api.Series, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	if err != nil {
		return api.Series{}, err
	}
	step := api.SeriesFineStep * time.Second
	if window > api.SeriesFine*time.Minute {
		step = api.SeriesCoarseStep * time.Second
	}
	to := time.Now().Truncate(step)
	from := to.Add(-window.Truncate(step))
	out := api.Series{Service: name, StepSeconds: int(step / time.Second), From: api.At(from), To: api.At(to), Points: []api.SeriesPoint{}, Marks: []api.SeriesMark{}}
	ready := map[int]int{}
	for _, replica := range r.replicas {
		if replica.Ready && (version == 0 || version == replica.Version) {
			ready[replica.Version]++
		}
	}
	p50, p95, p99 := 0.012, 0.034, 0.25
	for at := from; at.Before(to) && len(ready) > 0; at = at.Add(step) {
		p := api.SeriesPoint{At: api.At(at)}
		for _, v := range slices.Sorted(maps.Keys(ready)) {
			p.Versions = append(p.Versions, api.SeriesVersion{Version: v, Requests: 12, Errors: 0.5, P50: &p50, P95: &p95, P99: &p99, Ready: ready[v]})
		}
		out.Points = append(out.Points, p)
	}
	for _, ro := range r.rollouts {
		for _, a := range ro.History.Actions {
			out.Marks = append(out.Marks, api.SeriesMark{At: a.At, Kind: a.Action, Text: a.Text, Actor: a.Actor, Rollout: ro.ID})
		}
	}
	return out, nil
}

// Gateways implements server.Releases: one gateway, and one request in hand of
// each replica.
func (m *Memory) Gateways(_ context.Context, service string) (api.GatewayView, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.Sorted(maps.Keys(m.services))
	if service != "" {
		if _, err := m.find(service); err != nil {
			return api.GatewayView{}, err
		}
		names = []string{service}
	}
	oldest := 1.5
	g := api.Gateway{ID: "local", Pid: 4242, Listen: "127.0.0.1:8080", State: api.GatewayAccepting, Connected: true, Revision: 7, Acked: 7, Oldest: &oldest, SeenAt: api.At(time.Now())}
	view := api.GatewayView{Revision: 7}
	for _, name := range names {
		for _, r := range m.services[name].replicas {
			view.Replicas = append(view.Replicas, api.ReplicaLoad{Service: name, Replica: r.ID, Version: r.Version, Phase: r.Phase,
				InFlight: 1, Oldest: &oldest, Gateways: []string{g.ID}})
			g.InFlight++
		}
	}
	view.Gateways = []api.Gateway{g}
	return view, nil
}
