package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as ours in its header ("SLUC"), so that the
// database of another program is refused and not built upon.
const applicationID = 0x534c5543

// A migration takes the schema from number-1 to number.
type migration struct {
	number int
	name   string
	sql    string
}

// readMigrations lists the files of fsys named NNNN_what.sql; their numbers
// are 1, 2, 3 without a gap.
func readMigrations(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []migration
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("%s: want a name that begins with %04d_", name, i+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{number, name, string(text)})
	}
	return list, nil
}

// migrate brings the schema to the last of list. Each step is a transaction of
// its own with its user_version, so that a step that fails leaves the file at
// the version before, readable by the program that wrote it.
func migrate(ctx context.Context, conn *sql.Conn, list []migration) error {
	have, err := knownVersion(ctx, conn, list)
	if err != nil {
		return err
	}
	for _, m := range list[have:] {
		if err := inTransaction(ctx, conn, func() error { return apply(ctx, conn, m) }); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, conn *sql.Conn, m migration) error {
	for _, text := range []string{
		m.sql,
		fmt.Sprintf("PRAGMA user_version = %d", m.number),
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
	} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// knownVersion is schemaVersion; one that none of the list leads to is an error.
func knownVersion(ctx context.Context, conn *sql.Conn, list []migration) (int, error) {
	have, err := schemaVersion(ctx, conn)
	if err == nil && have > len(list) {
		err = fmt.Errorf("%w: its schema has number %d, this program knows %d", ErrNewerSchema, have, len(list))
	}
	return have, err
}

// schemaVersion reads the schema, which finds most damage that matters at
// once, and says which version it has: 0 for an empty file.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var version, application, tables int
	for _, read := range []struct {
		query string
		into  *int
	}{
		{"SELECT count(*) FROM sqlite_schema", &tables},
		{"PRAGMA user_version", &version},
		{"PRAGMA application_id", &application},
	} {
		if err := conn.QueryRowContext(ctx, read.query).Scan(read.into); err != nil {
			return 0, err
		}
	}
	if application != applicationID && (tables > 0 || version > 0) {
		return 0, fmt.Errorf("%w: application id %#x, want %#x", ErrForeign, application, applicationID)
	}
	return version, nil
}

// inTransaction runs do between BEGIN and COMMIT, or rolls back.
func inTransaction(ctx context.Context, conn *sql.Conn, do func() error) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// SQLite has rolled back by itself after some errors; then this one
		// fails and says nothing new.
		conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}
