package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"sluice.dev/sluice/internal/store"
)

// KeepEvents is how many events of each service are kept.
const KeepEvents = 10_000

var _ store.Store = (*Store)(nil)

// Store is the database of one data directory. It is safe for concurrent use:
// commits go one after the other, reads do not wait for them.
type Store struct {
	path string
	lock *lock

	readers *sql.DB
	writers *sql.DB // holds one connection, conn

	turn chan struct{} // holds one token; who has it uses conn and stmts
	conn *sql.Conn
	stmt statements

	keepEvents int
	notes      []string
}

// pragmas hold for every connection. With WAL, synchronous=FULL is what makes
// an answered change survive a power cut; NORMAL would lose the last ones.
const pragmas = "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=synchronous(full)&_pragma=trusted_schema(0)"

// Open takes the data directory dir, makes it when it is missing (mode 0700)
// and opens its database, bringing an older schema up to date. The error is a
// *LockedError when another process has it, else an *Error.
func Open(ctx context.Context, dir string) (*Store, error) {
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failure("create data directory", dir, err)
	}
	lock, err := takeLock(dir)
	var locked *LockedError
	switch {
	case errors.As(err, &locked):
		return nil, err
	case err != nil:
		return nil, failure("lock data directory", dir, err)
	}
	s := &Store{
		path:       filepath.Join(dir, "sluice.db"),
		lock:       lock,
		turn:       make(chan struct{}, 1),
		keepEvents: KeepEvents,
	}
	if err := s.open(ctx, migrations); err != nil {
		s.Close()
		return nil, failure("open", s.path, err)
	}
	s.turn <- struct{}{}
	return s, nil
}

func (s *Store) open(ctx context.Context, migrations []migration) error {
	log, err := lookAtLog(s.path + "-wal")
	if err != nil {
		return err
	}
	if err := lookAtFile(s.path, log); err != nil {
		return err
	}
	absolute, err := filepath.Abs(s.path)
	if err != nil {
		return err
	}
	// As a URI, a path may hold any character, "?" and "%" too.
	name := (&url.URL{Scheme: "file", Path: absolute}).String() + pragmas
	if log.unclosed {
		if err := lookAtPages(ctx, name, migrations); err != nil {
			return err
		}
	}
	if s.writers, err = sql.Open("sqlite", name); err != nil {
		return err
	}
	if s.conn, err = s.writers.Conn(ctx); err != nil {
		return err
	}
	// The schema is looked at before anything is written, the journal mode too.
	if _, err := knownVersion(ctx, s.conn, migrations); err != nil {
		return err
	}
	if log.unclosed {
		if err := s.recover(ctx, log); err != nil {
			return err
		}
	}
	var mode string
	if err := s.conn.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("journal mode is %q, want wal: the file system does not support shared memory", mode)
	}
	if err := migrate(ctx, s.conn, migrations); err != nil {
		return err
	}
	if err := s.stmt.prepare(ctx, s.conn); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", name+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(4)
	s.readers.SetMaxIdleConns(4)
	return s.readers.PingContext(ctx)
}

// lookAtFile makes the file when it is missing, readable by its owner alone (it
// holds service tokens; the files SQLite makes beside it take over its mode),
// and finds out cheaply that it may not be written to or is no database at all.
// It comes before SQLite opens the file: to close any descriptor of it later
// would drop SQLite's own locks.
func lookAtFile(path string, log tail) error {
	const magic = "SQLite format 3\x00"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	switch {
	case err == io.EOF && log.frames:
		// SQLite would begin anew and remove the log. It never leaves this itself:
		// the first page is in the file before there is a log.
		return fmt.Errorf("%w: it is empty or was missing, and the changes in %s-wal are not the whole of it", ErrCorrupt, path)
	case err == io.EOF: // new
		return syncDirectory(filepath.Dir(path))
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case string(head[:n]) != magic:
		return fmt.Errorf("%w: it does not begin as a SQLite file does", ErrCorrupt)
	}
	return nil
}

// recover follows a server that did not close its database: the log is taken over,
// so that what is left over behind its last whole transaction is never met again.
func (s *Store) recover(ctx context.Context, log tail) error {
	if log.bytes > 0 {
		s.notes = append(s.notes, fmt.Sprintf("the last %d bytes of %s-wal were no whole change and are left out: a change that was being stored "+
			"when the server ended without closing its database; had it been answered, then the disk or its driver lost it", log.bytes, s.path))
	}
	var busy, pages, moved int
	return s.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
}

// lookAtPages looks at every page, but not at whether indexes and tables say the
// same. Its connection may not write: the last one of those that may takes the log
// into the database when it is closed, and what is refused is to stay as it is.
func lookAtPages(ctx context.Context, name string, migrations []migration) error {
	db, err := sql.Open("sqlite", name+"&mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := knownVersion(ctx, conn, migrations); err != nil {
		return err
	}
	var found string
	if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, found)
	}
	return nil
}

// Notes says what Open found worth telling an operator: what was left over of a
// server that ended without closing the database. Mostly there is nothing.
func (s *Store) Notes() []string { return s.notes }

// syncDirectory makes the names in a directory durable; SQLite does it for its
// other files but not for the database itself.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// write runs do in one transaction when it is its turn. ctx ends the waiting
// for the turn; a transaction that has begun takes a few milliseconds and is
// not cut, so that an answer is never in doubt because the caller left.
func (s *Store) write(ctx context.Context, op string, do func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	uncut := context.WithoutCancel(ctx)
	return failure(op, s.path, inTransaction(uncut, s.conn, func() error { return do(uncut) }))
}

// Close ends the store and then its lock. No other call may be under way.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	errs = append(errs, s.stmt.close())
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.writers != nil {
		errs = append(errs, s.writers.Close())
	}
	err := failure("close", s.path, errors.Join(errs...))
	return errors.Join(err, s.lock.release())
}
