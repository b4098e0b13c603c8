package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// statements are prepared once on the writing connection.
type statements struct {
	deleteService, putService, putVersion, putRollout *sql.Stmt
	dropVersion                                       *sql.Stmt
	putReplica, dropReplica                           *sql.Stmt
	addEvent, countEvents, pruneEvents                *sql.Stmt
	putGateway, dropGateway, nextEpoch                *sql.Stmt
	putToken, dropToken                               *sql.Stmt
	putGroup, dropGroup                               *sql.Stmt
	addAudit                                          *sql.Stmt
	putHour, dropHours                                *sql.Stmt

	all []*sql.Stmt
}

// The puts update in place (never INSERT OR REPLACE, which deletes the row
// first and with a service all it has), so order of insertion stays.
func (s *statements) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []struct {
		into *(*sql.Stmt)
		text string
	}{
		{&s.deleteService, `DELETE FROM services WHERE name = ?`},
		{&s.putService, `INSERT INTO services (name, updated_at, record) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET updated_at = excluded.updated_at, record = excluded.record`},
		{&s.putVersion, `INSERT INTO versions (service, number, created_at, record) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET created_at = excluded.created_at, record = excluded.record`},
		{&s.putRollout, `INSERT INTO rollouts (service, id, started_at, record) VALUES (?, ?, ?, ?)
			ON CONFLICT (service, id) DO UPDATE SET started_at = excluded.started_at, record = excluded.record`},
		{&s.putReplica, `INSERT INTO replicas (service, id, record) VALUES (?, ?, ?)
			ON CONFLICT (service, id) DO UPDATE SET record = excluded.record`},
		{&s.dropVersion, `DELETE FROM versions WHERE service = ? AND number = ?`},
		{&s.dropReplica, `DELETE FROM replicas WHERE service = ? AND id = ?`},
		{&s.addEvent, `INSERT INTO events (service, ordinal, time, record) VALUES (?1,
			1 + coalesce((SELECT ordinal FROM events WHERE service = ?1 ORDER BY seq DESC LIMIT 1), 0), ?2, ?3)`},
		{&s.countEvents, `SELECT
			(SELECT ordinal FROM events WHERE service = ?1 ORDER BY seq DESC LIMIT 1) -
			(SELECT ordinal FROM events WHERE service = ?1 ORDER BY seq LIMIT 1) + 1`},
		{&s.pruneEvents, `DELETE FROM events WHERE seq IN
			(SELECT seq FROM events WHERE service = ? ORDER BY seq LIMIT ?)`},
		{&s.putGateway, `INSERT INTO gateways (id, seen_at, record) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at, record = excluded.record`},
		{&s.dropGateway, `DELETE FROM gateways WHERE id = ?`},
		{&s.putToken, `INSERT INTO tokens (name, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record`},
		{&s.dropToken, `DELETE FROM tokens WHERE name = ?`},
		{&s.putGroup, `INSERT INTO groups (name, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record`},
		{&s.dropGroup, `DELETE FROM groups WHERE name = ?`},
		{&s.addAudit, `INSERT INTO audit (time, actor, about, outcome, record) VALUES (?, ?, ?, ?, ?)`},
		{&s.putHour, `INSERT INTO series (hour, service, points) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM services WHERE name = ?2)
			ON CONFLICT DO UPDATE SET points = excluded.points`},
		{&s.dropHours, `DELETE FROM series WHERE hour < ?`},
		{&s.nextEpoch, `UPDATE counters SET value = value + 1 WHERE name = 'epoch' RETURNING value`},
	} {
		stmt, err := conn.PrepareContext(ctx, p.text)
		if err != nil {
			return err
		}
		*p.into = stmt
		s.all = append(s.all, stmt)
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range s.all {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
