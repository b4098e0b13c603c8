package servertest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/store"
)

// look reads from one service.
func look[T any](m *Memory, name string, read func(*record) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.find(name)
	if err != nil {
		var none T
		return none, err
	}
	return read(r)
}

// Preflight implements server.Releases. It has no files, so that all is well.
func (m *Memory) Preflight(ctx context.Context, name string, number int) ([]api.VersionPreflight, error) {
	list, err := m.Versions(ctx, name, controller.Page{})
	out := []api.VersionPreflight{}
	for _, v := range list {
		if number == 0 || number == v.Number {
			out = append(out, api.VersionPreflight{Version: v.Number, Preflight: history.Preflight(history.Facts{})})
		}
	}
	if err == nil && len(out) == 0 {
		err = missingVersion(name, number)
	}
	return out, err
}

// Rollouts implements server.Releases.
func (m *Memory) Rollouts(_ context.Context, name string) ([]api.Rollout, error) {
	return look(m, name, func(r *record) ([]api.Rollout, error) {
		list := slices.Clone(r.rollouts)
		slices.Reverse(list)
		return list, nil
	})
}

// Rollout implements server.Releases.
func (m *Memory) Rollout(_ context.Context, name, id string) (api.Rollout, error) {
	return look(m, name, func(r *record) (api.Rollout, error) {
		for _, ro := range r.rollouts {
			if ro.ID == id {
				return ro, nil
			}
		}
		return api.Rollout{}, &controller.NotFoundError{Kind: "rollout", Name: id}
	})
}

// Replicas implements server.Releases.
func (m *Memory) Replicas(_ context.Context, name string) ([]api.Replica, error) {
	return look(m, name, func(r *record) ([]api.Replica, error) { return slices.Clone(r.replicas), nil })
}

// Replica implements server.Releases.
func (m *Memory) Replica(_ context.Context, name, id string) (api.Replica, error) {
	return look(m, name, func(r *record) (api.Replica, error) {
		for _, p := range r.replicas {
			if p.ID == id {
				return p, nil
			}
		}
		return api.Replica{}, &controller.NotFoundError{Kind: "replica", Name: id, Hint: "`sluice replicas " + name + "` lists them"}
	})
}

// Events implements server.Releases.
func (m *Memory) Events(_ context.Context, q store.EventQuery) ([]api.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []api.Event
	known := q.Service == "" || m.services[q.Service] != nil
	for _, e := range m.events {
		known = known || e.Service == q.Service
		if (q.Service == "" || e.Service == q.Service) && e.Seq > q.After && q.Takes(e) {
			list = append(list, e)
		}
	}
	if !known && q.After == 0 {
		_, err := m.find(q.Service)
		return nil, err
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[len(list)-q.Limit:]
	}
	return list, nil
}

// Logs implements server.Releases: each replica has written "line 1" to "line 3".
// A follower gets one more line each Pace.
func (m *Memory) Logs(ctx context.Context, name, replica string, tail int, follow bool) (io.ReadCloser, error) {
	list, err := m.Replicas(ctx, name)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, p := range list {
		for n := range 3 {
			if replica != "" && replica != p.ID || tail > 0 && n < 3-tail {
				continue
			}
			if replica == "" {
				fmt.Fprintf(&b, "%s ", p.ID)
			}
			fmt.Fprintf(&b, "line %d\n", n+1)
		}
	}
	if replica != "" && b.Len() == 0 {
		return nil, &controller.NotFoundError{Kind: "replica", Name: replica}
	}
	if !follow {
		return io.NopCloser(strings.NewReader(b.String())), nil
	}
	return m.followed(ctx, b.String()), nil
}

func (m *Memory) followed(ctx context.Context, begin string) io.ReadCloser {
	r, w := io.Pipe()
	count := func(n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.follow += n
	}
	count(1)
	m.steps.Go(func() {
		defer count(-1)
		_, err := io.WriteString(w, begin)
		for n := 4; err == nil; n++ {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-m.closed:
				err = io.EOF
			case <-time.After(m.Pace):
				_, err = fmt.Fprintf(w, "line %d\n", n)
			}
		}
		w.CloseWithError(err)
	})
	return r
}
