package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// TestOlderSchemas opens a file of every schema there ever was and finds in it
// what its program left. A new migration needs a new testdata/schemaN.sql.
func TestOlderSchemas(t *testing.T) {
	all, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(all); n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			records, err := os.ReadFile(fmt.Sprintf("testdata/schema%d.sql", n))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			raw(t, filepath.Join(dir, "sluice.db"), func(ctx context.Context, conn *sql.Conn) {
				if err := migrate(ctx, conn, all[:n]); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.ExecContext(ctx, string(records)); err != nil {
					t.Fatal(err)
				}
			})
			s := mustOpen(t, dir)
			defer s.Close()
			checkOldRecords(t, s)
			checkOldTokens(t, s, n)
			checkOldGroups(t, s, n)
			checkOldAudit(t, s, n)
			checkOldSeries(t, s, n)
		})
	}
}

func checkOldRecords(t *testing.T, s *Store) {
	list, err := s.Load(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("Load: %d services, %v", len(list), err)
	}
	got := list[0]
	if got.Service.Core.Name != "digits" || got.Service.Core.Base.Revision != "r1" ||
		got.Service.Core.Strategy.MaxSurge != (api.Count{Value: 25, Percent: true}) {
		t.Errorf("service: %+v", got.Service)
	}
	if len(got.Versions) != 2 || got.Versions[0].Number != 1 || got.Versions[1].Message != "better" {
		t.Errorf("versions: %+v", got.Versions)
	}
	if len(got.Replicas) != 2 || got.Replicas[0].Handle.Pid != 4242 || got.Replicas[1].Core.ID != "digits-2-a" {
		t.Errorf("replicas: %+v", got.Replicas)
	}
	rollouts, err := s.Rollouts(t.Context(), "digits")
	if err != nil || len(rollouts) != 1 || rollouts[0].Phase != api.RolloutCompleted {
		t.Errorf("rollouts: %+v, %v", rollouts, err)
	}
	gateways, err := s.Gateways(t.Context())
	if err != nil || len(gateways) != 1 || gateways[0].Pid != 77 {
		t.Errorf("gateways: %+v, %v", gateways, err)
	}
	if epoch, err := s.NextEpoch(t.Context()); epoch != 4 || err != nil {
		t.Errorf("epoch %d, %v; want 4", epoch, err)
	}
	events, err := s.Commit(t.Context(), store.Change{Name: "digits", Events: []api.Event{{Reason: "Next"}}})
	if err != nil || events[0].Seq != 42 {
		t.Errorf("next event: %+v, %v; want seq 42", events, err)
	}
}

// checkOldTokens: there are tokens since schema 2.
func checkOldTokens(t *testing.T, s *Store, schema int) {
	tokens, err := s.Tokens(t.Context())
	if err != nil || len(tokens) != min(1, schema-1) {
		t.Fatalf("tokens: %+v, %v", tokens, err)
	}
	for _, k := range tokens {
		if k.Name != "ci" || k.Role != api.RoleOperator || !strings.HasPrefix(k.SHA256, "2bb8") || k.CreatedBy != "admin" || !k.LastUsedAt.IsZero() {
			t.Errorf("token: %+v", k)
		}
	}
}

// checkOldGroups: there are groups since schema 3.
func checkOldGroups(t *testing.T, s *Store, schema int) {
	groups, err := s.Groups(t.Context())
	if err != nil || len(groups) != min(1, max(0, schema-2)) {
		t.Fatalf("groups: %+v, %v", groups, err)
	}
	for _, g := range groups {
		if g.Name != "digits-prod" || g.Mode != api.ModeCustomized || g.Members["digits"].Weight != 90 || g.Revision != 3 {
			t.Errorf("group: %+v", g)
		}
	}
}

// checkOldAudit: there is an audit log since schema 4.
func checkOldAudit(t *testing.T, s *Store, schema int) {
	list, err := s.Audit(t.Context(), store.AuditQuery{})
	if err != nil || len(list) != min(1, max(0, schema-3)) {
		t.Fatalf("audit: %+v, %v", list, err)
	}
	for _, e := range list {
		if e.Seq != 12 || e.Actor != "ci" || e.Outcome != api.AuditRefused || e.Status != 403 {
			t.Errorf("entry: %+v", e)
		}
	}
}

// checkOldSeries: there are series since schema 5.
func checkOldSeries(t *testing.T, s *Store, schema int) {
	list, err := s.Series(t.Context(), "", 0)
	if err != nil || len(list) != min(1, max(0, schema-4)) {
		t.Fatalf("series: %+v, %v", list, err)
	}
	for _, h := range list {
		if h.Service != "digits" || h.Hour != 492322 || len(h.Points) != 10 {
			t.Errorf("hour: %+v", h)
		}
	}
}

// raw opens the file without the store around it.
func raw(t *testing.T, path string, do func(ctx context.Context, conn *sql.Conn)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	do(t.Context(), conn)
}

// TestFailedMigration: the step that fails leaves the schema, the data and the
// number of the step before; a repaired program goes on from there.
func TestFailedMigration(t *testing.T) {
	steps := func(third string) []migration {
		list, err := readMigrations(fstest.MapFS{
			"migrations/0001_a.sql": {Data: []byte("CREATE TABLE a (x); INSERT INTO a VALUES (1)")},
			"migrations/0002_b.sql": {Data: []byte("UPDATE a SET x = x + 1; CREATE TABLE b (y)")},
			"migrations/0003_c.sql": {Data: []byte(third)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	raw(t, filepath.Join(t.TempDir(), "x.db"), func(ctx context.Context, conn *sql.Conn) {
		err := migrate(ctx, conn, steps("UPDATE a SET x = 99; INSERT INTO nowhere VALUES (1)"))
		if err == nil || !strings.Contains(err.Error(), "0003_c.sql") {
			t.Fatalf("error %v does not name the step", err)
		}
		check := func(wantVersion, wantX int) {
			t.Helper()
			var x int
			if err := conn.QueryRowContext(ctx, "SELECT x FROM a").Scan(&x); err != nil {
				t.Fatal(err)
			}
			if v, err := schemaVersion(ctx, conn); v != wantVersion || x != wantX || err != nil {
				t.Fatalf("schema %d with x=%d, %v; want %d with x=%d", v, x, err, wantVersion, wantX)
			}
		}
		check(2, 2)
		if err := migrate(ctx, conn, steps("UPDATE a SET x = 10 * x")); err != nil {
			t.Fatal(err)
		}
		check(3, 20)
		if err := migrate(ctx, conn, steps("unused")[:2]); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("an older program: %v, want ErrNewerSchema", err)
		}
	})
}

func TestMigrationNames(t *testing.T) {
	for _, name := range []string{"0002_gap.sql", "1x_bad.sql", "first.sql"} {
		if _, err := readMigrations(fstest.MapFS{"migrations/" + name: {}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
