-- Groups of services by name; the record holds the mode, the members and their weights.

CREATE TABLE groups (
    name   TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
