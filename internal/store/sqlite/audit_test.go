package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// TestAuditIsAppendOnly: no statement changes or removes an entry, by whatever
// program.
func TestAuditIsAppendOnly(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	if err := s.AppendAudit(t.Context(), api.AuditEntry{Time: api.At(time.Now()), Actor: "ann", Service: "a", Outcome: api.AuditDone}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, "sluice.db"), func(ctx context.Context, conn *sql.Conn) {
		for _, text := range []string{`UPDATE audit SET actor = 'bob'`, `UPDATE audit SET record = '{}' WHERE seq = 1`, `DELETE FROM audit`, `DELETE FROM audit WHERE seq = 1`,
			`INSERT OR REPLACE INTO audit (seq, time, actor, about, outcome, record) VALUES (1, 0, 'bob', '', 'done', '{}')`} {
			if _, err := conn.ExecContext(ctx, text); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
	s = mustOpen(t, dir)
	defer s.Close()
	list, err := s.Audit(t.Context(), store.AuditQuery{})
	if err != nil || len(list) != 1 || list[0].Actor != "ann" {
		t.Errorf("%+v, %v", list, err)
	}
}
