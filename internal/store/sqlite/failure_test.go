package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// TestDamaged: each kind of damage is told apart, with a hint, and the file is
// as it was afterwards.
func TestDamaged(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, path string, good []byte) []byte
		want   error
		atLoad bool // found when the records are read, not before
	}{
		{"text", func(*testing.T, string, []byte) []byte { return []byte("not a database") }, ErrCorrupt, false},
		{"long text", func(*testing.T, string, []byte) []byte { return []byte(strings.Repeat("words ", 9000)) }, ErrCorrupt, false},
		{"cut in half", func(_ *testing.T, _ string, good []byte) []byte { return good[:len(good)/2] }, ErrCorrupt, false},
		{"schema page zeroed", func(_ *testing.T, _ string, good []byte) []byte { clear(good[100:4096]); return good }, ErrCorrupt, false},
		{"records zeroed", func(_ *testing.T, _ string, good []byte) []byte { clear(good[4096:]); return good }, ErrCorrupt, true},
		{"record is no JSON", withSQL("UPDATE services SET record = 'x'"), ErrCorrupt, true},
		{"newer schema", withSQL("PRAGMA user_version = 99"), ErrNewerSchema, false},
		{"another program's", withSQL("PRAGMA application_id = 7"), ErrForeign, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "sluice.db")
			s := mustOpen(t, dir)
			for n := range 50 {
				commitNumbered(t, s, n+1)
			}
			s.Close()
			damaged := c.damage(t, path, read(t, path))
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dir)
			if c.atLoad && err == nil {
				_, err = s.Load(t.Context())
				s.Close()
			}
			checkError(t, err, c.want, path)
			if !c.atLoad && string(read(t, path)) != string(damaged) {
				t.Error("the file was changed")
			}
			if _, held := LockHolder(dir); held {
				t.Error("a failed Open keeps the lock")
			}
		})
	}
}

func withSQL(text string) func(*testing.T, string, []byte) []byte {
	return func(t *testing.T, path string, _ []byte) []byte {
		raw(t, path, func(ctx context.Context, conn *sql.Conn) {
			if _, err := conn.ExecContext(ctx, text); err != nil {
				t.Fatal(err)
			}
		})
		return read(t, path)
	}
}

func checkError(t *testing.T, err, want error, path string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, want) {
		t.Fatalf("error %v, want an *Error that is %q", err, want)
	}
	if e.Hint == "" || !strings.Contains(err.Error(), e.Hint) || !strings.Contains(err.Error(), path) {
		t.Errorf("message %q lacks a hint or the path %s", err, path)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func commitNumbered(t *testing.T, s *Store, n int) {
	t.Helper()
	if _, err := s.Commit(t.Context(), numbered(n)); err != nil {
		t.Fatal(err)
	}
}

func TestUnderAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), filepath.Join(file, "data"))
	checkError(t, err, ErrReadOnly, file)
}

func TestDirectoryInPlaceOfTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sluice.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want an *Error", err)
	}
}

// TestReadOnly opens as a user who may not write: root may write anywhere, so
// root asks a child without its rights.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	commitNumbered(t, s, 1)
	s.Close()
	for _, c := range []struct {
		name      string
		directory os.FileMode
		database  os.FileMode
	}{
		{"directory", 0o555, 0o666},
		{"database", 0o777, 0o444},
	} {
		t.Run(c.name, func(t *testing.T) {
			for path, mode := range map[string]os.FileMode{
				filepath.Dir(dir): 0o755, dir: c.directory,
				filepath.Join(dir, "lock"): 0o666, filepath.Join(dir, "sluice.db"): c.database,
			} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			defer os.Chmod(dir, 0o700)
			child := newChild(t, "open", dir)
			if os.Getuid() == 0 {
				dropRights(t, child)
			}
			if err := child.start(t); err != nil {
				t.Fatal(err)
			}
			message := child.line(t)
			if !strings.Contains(message, ErrReadOnly.Error()) || !strings.Contains(message, hintWrite) {
				t.Errorf("message %q", message)
			}
		})
	}
}

// dropRights makes the child nobody, and a copy of the program that nobody may
// run.
func dropRights(t *testing.T, c *child) {
	t.Helper()
	place, err := os.MkdirTemp("", "sluice-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(place) })
	if err := os.Chmod(place, 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	c.Path = filepath.Join(place, "child")
	to, err := os.OpenFile(c.Path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// TestNoRoom forces SQLITE_FULL: the commit that does not fit leaves nothing,
// reads go on, and the same commit works once there is room.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	defer s.Close()
	limit := func(pages int) {
		t.Helper()
		if _, err := s.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	n := 0
	var err error
	for err == nil && n < 5000 {
		n++
		_, err = s.Commit(t.Context(), numbered(n))
	}
	checkError(t, err, ErrFull, s.path)
	checkNumbered(t, s, n-1)
	limit(1 << 20)
	commitNumbered(t, s, n)
	checkNumbered(t, s, n)
}

func TestEventsArePruned(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	defer s.Close()
	many := func(name string, n int) store.Change { return store.Change{Name: name, Events: make([]api.Event, n)} }
	kept := func(name string) []api.Event {
		t.Helper()
		events, err := s.Events(t.Context(), store.EventQuery{Service: name, Limit: 3 * KeepEvents})
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	if _, err := s.Commit(t.Context(), many("quiet", 3)); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range []int{KeepEvents - 1, 1, 1, KeepEvents + 500, 7} {
		told, err := s.Commit(t.Context(), many("loud", n))
		if err != nil {
			t.Fatal(err)
		}
		total += n
		want := min(total, KeepEvents)
		last := told[n-1].Seq
		if got := kept("loud"); len(got) != want || got[0].Seq != last-int64(want)+1 || got[want-1].Seq != last {
			t.Errorf("of %d events %d are kept, want the newest %d", total, len(got), want)
		}
	}
	if got := kept("quiet"); len(got) != 3 {
		t.Errorf("another service's events went: %d of 3", len(got))
	}
}

// TestDurable: the settings that the promises of Commit rest on hold on the
// connection that writes.
func TestDurable(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "a ?%#", "data"))
	defer s.Close()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
	} {
		var got string
		if err := s.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", pragma, got, err, want)
		}
	}
	for path, want := range map[string]os.FileMode{filepath.Dir(s.path): 0o700, s.path: 0o600, s.path + "-wal": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %o", path, info, err, want)
		}
	}
}
