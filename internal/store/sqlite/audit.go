package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// AppendAudit implements store.Store.
func (s *Store) AppendAudit(ctx context.Context, e api.AuditEntry) error {
	return s.write(ctx, "append to the audit log", func(ctx context.Context) error {
		w := writer{ctx: ctx}
		e.Seq = 0 // the column has it
		w.exec(s.stmt.addAudit, millis(e.Time.Time), e.Actor, cmp.Or(e.Service, e.Group), string(e.Outcome), w.json(e))
		return w.err
	})
}

// Audit implements store.Store.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]api.AuditEntry, error) {
	w := condition{}
	w.and(`seq > ?`, q.After)
	w.andText(`about = ?`, q.Service)
	w.andText(`actor = ?`, q.Actor)
	w.andText(`outcome = ?`, string(q.Outcome))
	if !q.Since.IsZero() {
		w.and(`time >= ?`, millis(q.Since.Time))
	}
	if !q.Until.IsZero() {
		w.and(`time < ?`, millis(q.Until.Time))
	}
	order, limit := "DESC", q.Limit
	if q.Oldest {
		order = "ASC"
	}
	if limit <= 0 {
		limit = 1000
	}
	list := []api.AuditEntry{}
	err := each(ctx, s.readers, func(seq int64, e api.AuditEntry) string {
		e.Seq = seq
		list = append(list, e)
		return "entry " + strconv.FormatInt(seq, 10) + " of the audit log, about " + cmp.Or(e.Service, e.Group)
	}, fmt.Sprintf(`SELECT seq, 'entry ' || seq || ' of the audit log, about ' || about, record FROM audit WHERE %s ORDER BY seq %s LIMIT ?`,
		strings.Join(w.terms, " AND "), order), append(w.args, limit)...)
	if !q.Oldest {
		slices.Reverse(list)
	}
	return list, failure("read the audit log", s.path, err)
}
