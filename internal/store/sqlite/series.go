package sqlite

import (
	"context"
	"strings"

	"sluice.dev/sluice/internal/series"
)

// PutSeries implements store.Store.
func (s *Store) PutSeries(ctx context.Context, hours []series.Hour, before int64) error {
	return s.write(ctx, "store what was measured", func(ctx context.Context) error {
		w := writer{ctx: ctx}
		for _, h := range hours {
			w.exec(s.stmt.putHour, h.Hour, h.Service, h.Points)
		}
		w.exec(s.stmt.dropHours, before)
		return w.err
	})
}

// Series implements store.Store.
func (s *Store) Series(ctx context.Context, service string, from int64) ([]series.Hour, error) {
	w := condition{}
	w.and(`hour >= ?`, from)
	w.andText(`service = ?`, service)
	list, err := s.hours(ctx, w)
	return list, failure("read what was measured", s.path, err)
}

func (s *Store) hours(ctx context.Context, w condition) ([]series.Hour, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT hour, service, points FROM series WHERE `+strings.Join(w.terms, " AND ")+` ORDER BY hour, service`, w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []series.Hour{}
	for rows.Next() {
		var h series.Hour
		if err := rows.Scan(&h.Hour, &h.Service, &h.Points); err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, rows.Err()
}
