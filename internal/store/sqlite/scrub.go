package sqlite

import (
	"context"
	"fmt"
)

// Scrub implements store.Store: the database is written anew without its free
// space, and the log is taken into it and emptied. From here on, until the store is
// closed, what a change frees is overwritten with zeros. What a disk keeps of blocks
// that a file has let go of is beyond it.
func (s *Store) Scrub(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	return failure("scrub", s.path, s.scrub(context.WithoutCancel(ctx)))
}

func (s *Store) scrub(ctx context.Context) error {
	// VACUUM makes a copy first, which must not be a file somewhere else.
	for _, do := range []string{"PRAGMA secure_delete = on", "PRAGMA temp_store = memory", "VACUUM"} {
		if _, err := s.conn.ExecContext(ctx, do); err != nil {
			return err
		}
	}
	var busy, pages, moved int
	if err := s.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return fmt.Errorf("the log cannot be emptied: the database is being read")
	}
	return nil
}
