package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// Load implements store.Store.
func (s *Store) Load(ctx context.Context) ([]store.Snapshot, error) {
	list, err := s.load(ctx)
	return list, failure("load", s.path, err)
}

// load reads three tables in the order of services and lays them together; one
// transaction makes them one moment.
func (s *Store) load(ctx context.Context) ([]store.Snapshot, error) {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()

	var list []store.Snapshot
	var orphan string
	index := map[string]int{}
	of := func(service string) *store.Snapshot {
		at, ok := index[service]
		if !ok {
			orphan = service
			return new(store.Snapshot)
		}
		return &list[at]
	}
	err = each(ctx, tx, func(name string, v store.Service) string {
		v.Config = absent(v.Config)
		index[name] = len(list)
		list = append(list, store.Snapshot{Service: v})
		return "service " + v.Core.Name
	}, `SELECT name, 'service ' || name, record FROM services ORDER BY name`)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(service string, r store.Replica) string {
		at := of(service)
		at.Replicas = append(at.Replicas, r)
		return "replica " + r.Core.ID + " of service " + service
	}, `SELECT service, 'replica ' || id || ' of service ' || service, record FROM replicas ORDER BY service, made`)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(service string, v store.Version) string {
		v.Config = absent(v.Config)
		at := of(service)
		at.Versions = append(at.Versions, v)
		return "version " + strconv.Itoa(v.Number) + " of service " + service
	}, `SELECT service, 'version ' || number || ' of service ' || service, record FROM versions ORDER BY service, number`)
	if err == nil && orphan != "" {
		err = fmt.Errorf("%w: records of service %q without the service", ErrCorrupt, orphan)
	}
	return list, err
}

// absent gives an absent document back as it was: JSON makes it null.
func absent(document json.RawMessage) json.RawMessage {
	if string(document) == "null" {
		return nil
	}
	return document
}

// Rollouts implements store.Store: in order of insertion, the last first. A
// service that is not there is store.ErrNotFound.
func (s *Store) Rollouts(ctx context.Context, service string) ([]store.Rollout, error) {
	list, err := s.rollouts(ctx, service)
	return list, failure("read rollouts", s.path, err)
}

func (s *Store) rollouts(ctx context.Context, service string) ([]store.Rollout, error) {
	list := []store.Rollout{}
	err := each(ctx, s.readers, func(_ string, r store.Rollout) string {
		list = append(list, r)
		return "rollout " + r.ID + " of service " + service
	}, `SELECT id, 'rollout ' || id || ' of service ' || service, record FROM rollouts WHERE service = ? ORDER BY made DESC`, service)
	if err != nil || len(list) > 0 {
		return list, err
	}
	var known bool
	err = s.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM services WHERE name = ?)`, service).Scan(&known)
	if err == nil && !known {
		err = fmt.Errorf("service %q: %w", service, store.ErrNotFound)
	}
	return list, err
}

// Rollout implements store.Store.
func (s *Store) Rollout(ctx context.Context, service, id string) (store.Rollout, error) {
	found := []store.Rollout{}
	err := each(ctx, s.readers, func(_ string, r store.Rollout) string {
		found = append(found, r)
		return "rollout " + r.ID + " of service " + service
	}, `SELECT id, 'rollout ' || id || ' of service ' || service, record FROM rollouts WHERE service = ? AND id = ?`, service, id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("rollout %q of service %q: %w", id, service, store.ErrNotFound)
	}
	if err != nil {
		return store.Rollout{}, failure("read rollout", s.path, err)
	}
	return found[0], nil
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, q store.EventQuery) ([]api.Event, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	list := []api.Event{}
	add := func(seq int64, e api.Event) string {
		e.Seq = seq
		list = append(list, e)
		return "event " + strconv.FormatInt(seq, 10) + " of service " + e.Service
	}
	where, args := eventsWhere(q)
	err := each(ctx, s.readers, add, `SELECT seq, 'event ' || seq || ' of service ' || service, record FROM events WHERE `+where+
		` ORDER BY seq DESC LIMIT ?`, append(args, limit)...)
	slices.Reverse(list)
	return list, failure("read events", s.path, err)
}

// eventsWhere looks into records for what has no column: a service has no more
// than KeepEvents of them.
func eventsWhere(q store.EventQuery) (where string, args []any) {
	w := condition{}
	w.and(`seq > ?`, q.After)
	w.andText(`service = ?`, q.Service)
	w.andText(`record ->> '$.type' = ?`, q.Type)
	w.andText(`record ->> '$.reason' = ?`, q.Reason)
	w.andText(`record ->> '$.rollout' = ?`, q.Rollout)
	w.andText(`record ->> '$.replica' = ?`, q.Replica)
	w.andText(`record ->> '$.actor' = ?`, q.Actor)
	if q.Version != 0 {
		w.and(`record ->> '$.version' = ?`, q.Version)
	}
	if !q.Since.IsZero() {
		w.and(`time >= ?`, millis(q.Since))
	}
	return strings.Join(w.terms, " AND "), w.args
}

// condition is what a WHERE asks for, all at once.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) and(term string, arg any) {
	c.terms, c.args = append(c.terms, term), append(c.args, arg)
}

// andText asks for nothing where the text is empty.
func (c *condition) andText(term, arg string) {
	if arg != "" {
		c.and(term, arg)
	}
}

// Gateways implements store.Store: by id.
func (s *Store) Gateways(ctx context.Context) ([]store.Gateway, error) {
	list := []store.Gateway{}
	err := each(ctx, s.readers, func(id string, g store.Gateway) string {
		list = append(list, g)
		return "gateway " + id // its own choice, which JSON need not give back to the byte
	}, `SELECT id, 'gateway ' || id, record FROM gateways ORDER BY id`)
	return list, failure("read gateways", s.path, err)
}

// PutGateway implements store.Store.
func (s *Store) PutGateway(ctx context.Context, g store.Gateway) error {
	return s.write(ctx, "record gateway", func(ctx context.Context) error {
		w := writer{ctx: ctx}
		w.exec(s.stmt.putGateway, g.ID, millis(g.SeenAt), w.json(g))
		return w.err
	})
}

// DropGateway implements store.Store. One that is not there is no error.
func (s *Store) DropGateway(ctx context.Context, id string) error {
	return s.write(ctx, "drop gateway", func(ctx context.Context) error {
		_, err := s.stmt.dropGateway.ExecContext(ctx, id)
		return err
	})
}

// Groups implements store.Store.
func (s *Store) Groups(ctx context.Context) ([]store.Group, error) {
	list := []store.Group{}
	err := each(ctx, s.readers, func(_ string, g store.Group) string {
		list = append(list, g)
		return "group " + g.Name
	}, `SELECT name, 'group ' || name, record FROM groups ORDER BY name`)
	return list, failure("read groups", s.path, err)
}

// Tokens implements store.Store.
func (s *Store) Tokens(ctx context.Context) ([]store.Token, error) {
	list := []store.Token{}
	err := each(ctx, s.readers, func(_ string, t store.Token) string {
		list = append(list, t)
		return "token " + t.Name
	}, `SELECT name, 'token ' || name, record FROM tokens ORDER BY name`)
	return list, failure("read tokens", s.path, err)
}

// PutToken implements store.Store.
func (s *Store) PutToken(ctx context.Context, t store.Token) error {
	return s.write(ctx, "record token", func(ctx context.Context) error {
		w := writer{ctx: ctx}
		w.exec(s.stmt.putToken, t.Name, w.json(t))
		return w.err
	})
}

// DropToken implements store.Store.
func (s *Store) DropToken(ctx context.Context, name string) error {
	return s.write(ctx, "drop token", func(ctx context.Context) error {
		_, err := s.stmt.dropToken.ExecContext(ctx, name)
		return err
	})
}

// NextEpoch implements store.Store: the first is 1.
func (s *Store) NextEpoch(ctx context.Context) (uint64, error) {
	var epoch int64
	err := s.write(ctx, "count start", func(ctx context.Context) error {
		return s.stmt.nextEpoch.QueryRowContext(ctx).Scan(&epoch)
	})
	return uint64(epoch), err
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each reads rows of a key, the name of what the record is of, and the record,
// and hands them to take in their order. Take gives the name by what the record
// itself says. A record that is no JSON of T, or of something else than its row, is
// damage: it was put there by another program or by a failing disk.
func each[K, T any](ctx context.Context, q querier, take func(K, T) (name string), query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key K
		var name string
		var text []byte
		if err := rows.Scan(&key, &name, &text); err != nil {
			return err
		}
		var record T
		if err := json.Unmarshal(text, &record); err != nil {
			return fmt.Errorf("%w: record of %s: %w", ErrCorrupt, name, err)
		}
		if own := take(key, record); own != name {
			return fmt.Errorf("%w: record of %s: it says that it is of %s", ErrCorrupt, name, own)
		}
	}
	return rows.Err()
}
