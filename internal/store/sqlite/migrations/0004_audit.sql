-- Who asked for what, and what became of it: never changed, never removed. The
-- triggers hold for every program that opens the file, not only for this one.
-- about is the service or the group.

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    time    INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    about   TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    record  TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_of_actor ON audit (actor, seq);
CREATE INDEX audit_about ON audit (about, seq);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: no entry is changed'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: no entry is removed'); END;
-- INSERT OR REPLACE removes the old row without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: no entry is replaced'); END;
