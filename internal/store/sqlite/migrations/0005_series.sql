-- What gateways measured, by hour (since 1970) and service, as package series makes
-- it of bytes. The hour comes first, since the services are written together every
-- minute, and go together after a day.

CREATE TABLE series (
    hour    INTEGER NOT NULL,
    service TEXT    NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    points  BLOB    NOT NULL,
    PRIMARY KEY (hour, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX series_of_service ON series (service);
