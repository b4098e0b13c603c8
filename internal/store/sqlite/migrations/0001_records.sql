-- What is searched has a column of its own; the rest of each record is JSON, so
-- that a new field of a record needs no migration.

CREATE TABLE services (
    name       TEXT    PRIMARY KEY,
    updated_at INTEGER NOT NULL, -- Unix milliseconds, as every time here
    record     TEXT    NOT NULL
) STRICT;

CREATE TABLE versions (
    service    TEXT    NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    record     TEXT    NOT NULL,
    PRIMARY KEY (service, number)
) STRICT;

CREATE TABLE replicas (
    made    INTEGER PRIMARY KEY AUTOINCREMENT, -- order of insertion
    service TEXT    NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    id      TEXT    NOT NULL,
    record  TEXT    NOT NULL,
    UNIQUE (service, id)
) STRICT;
CREATE INDEX replicas_of_service ON replicas (service, made);

-- Ordered by insertion as well, not by their time: clocks go back.
CREATE TABLE rollouts (
    made       INTEGER PRIMARY KEY AUTOINCREMENT,
    service    TEXT    NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    id         TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    record     TEXT    NOT NULL,
    UNIQUE (service, id)
) STRICT;
CREATE INDEX rollouts_of_service ON rollouts (service, made);

-- No reference to services: the events of a deleted service stay readable.
-- AUTOINCREMENT keeps a seq from being used twice when the newest are pruned.
-- ordinal counts a service's events without a gap, so that newest minus oldest
-- tells how many there are without counting them.
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT    NOT NULL,
    ordinal INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    record  TEXT    NOT NULL
) STRICT;
CREATE INDEX events_of_service ON events (service, seq);

CREATE TABLE gateways (
    id      TEXT    PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    record  TEXT    NOT NULL
) STRICT;

CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, value) VALUES ('epoch', 0);
