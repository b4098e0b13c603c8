-- API tokens by name; the record holds the role and the digest of the token.

CREATE TABLE tokens (
    name   TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;
