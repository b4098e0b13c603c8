package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// Commit implements store.Store. Within a change the order is: the deletion,
// the service, versions put, versions dropped, rollouts, replicas dropped, replicas put, events. An
// event without a service is of the change's. Replicas, versions or rollouts of
// a service that is not there are refused with store.ErrNotFound.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) ([]api.Event, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	for i := range changes {
		if err := check(&changes[i]); err != nil {
			return nil, err
		}
	}
	var events []api.Event
	err := s.write(ctx, "commit", func(ctx context.Context) error {
		var err error
		for i := range changes {
			if err = s.writeRecords(ctx, &changes[i]); err != nil {
				break
			}
		}
		if err == nil {
			events, err = s.writeEvents(ctx, changes)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}

func check(c *store.Change) error {
	switch {
	case c.Service != nil && c.Service.Core.Name != c.Name:
		return fmt.Errorf("change of service %q holds the record of service %q", c.Name, c.Service.Core.Name)
	case c.Group != nil && (c.Group.Name != c.Name || c.DropGroup):
		return fmt.Errorf("change of group %q holds the record of group %q, or drops it too", c.Name, c.Group.Name)
	case c.Delete && (c.Service != nil || len(c.Versions)+len(c.Rollouts)+len(c.PutReplicas) > 0):
		return fmt.Errorf("change of service %q deletes it and writes records of it; make it two changes", c.Name)
	}
	return nil
}

func (s *Store) writeRecords(ctx context.Context, c *store.Change) error {
	w := writer{ctx: ctx}
	if c.Delete {
		w.exec(s.stmt.deleteService, c.Name)
	}
	if c.Service != nil {
		w.exec(s.stmt.putService, c.Name, millis(c.Service.UpdatedAt), w.json(c.Service))
	}
	for i := range c.Versions {
		v := &c.Versions[i]
		w.exec(s.stmt.putVersion, c.Name, v.Number, millis(v.CreatedAt.Time), w.json(v))
	}
	for _, n := range c.DropVersions {
		w.exec(s.stmt.dropVersion, c.Name, n)
	}
	for i := range c.Rollouts {
		r := &c.Rollouts[i]
		w.exec(s.stmt.putRollout, c.Name, r.ID, millis(r.StartedAt.Time), w.json(r))
	}
	for _, id := range c.DropReplicas {
		w.exec(s.stmt.dropReplica, c.Name, id)
	}
	for i := range c.PutReplicas {
		r := &c.PutReplicas[i]
		w.exec(s.stmt.putReplica, c.Name, r.Core.ID, w.json(r))
	}
	if c.DropGroup {
		w.exec(s.stmt.dropGroup, c.Name)
	}
	if c.Group != nil {
		w.exec(s.stmt.putGroup, c.Name, w.json(c.Group))
	}
	if missingParent(w.err) {
		return fmt.Errorf("service %q: %w", c.Name, store.ErrNotFound)
	}
	return w.err
}

// writeEvents appends the events of all changes, then prunes each service that
// got any.
func (s *Store) writeEvents(ctx context.Context, changes []store.Change) ([]api.Event, error) {
	w := writer{ctx: ctx}
	var events []api.Event
	touched := map[string]bool{}
	for i := range changes {
		for _, e := range changes[i].Events {
			if e.Service == "" {
				e.Service = changes[i].Name
			}
			e.Seq = 0 // the column has it
			result := w.exec(s.stmt.addEvent, e.Service, millis(e.Time.Time), w.json(e))
			if w.err != nil {
				return nil, w.err
			}
			if e.Seq, w.err = result.LastInsertId(); w.err != nil {
				return nil, w.err
			}
			events = append(events, e)
			touched[e.Service] = true
		}
	}
	for service := range touched {
		var count int
		if err := s.stmt.countEvents.QueryRowContext(ctx, service).Scan(&count); err != nil {
			return nil, err
		}
		if count > s.keepEvents {
			w.exec(s.stmt.pruneEvents, service, count-s.keepEvents)
		}
	}
	return events, w.err
}

// A writer keeps its first error and does nothing after it.
type writer struct {
	ctx context.Context
	err error
}

func (w *writer) exec(stmt *sql.Stmt, args ...any) sql.Result {
	if w.err != nil {
		return nil
	}
	var result sql.Result
	result, w.err = stmt.ExecContext(w.ctx, args...)
	return result
}

func (w *writer) json(v any) string {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	return string(text)
}

func millis(t time.Time) int64 { return t.UnixMilli() }
