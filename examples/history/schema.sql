-- What is kept. A value is known by meter, point and time: what comes again is
-- the same value, and what comes late has its place.
CREATE TABLE IF NOT EXISTS reading (
    meter   text        NOT NULL,
    point   text        NOT NULL,
    at      timestamptz NOT NULL,
    number  numeric,          -- with the meter's own digits
    word    text,             -- of what is no number
    gateway text        NOT NULL,
    stored  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (meter, point, at),
    CHECK ((number IS NULL) <> (word IS NULL))
);

CREATE TABLE IF NOT EXISTS event (
    id      text PRIMARY KEY, -- of the message: the same when it comes again
    gateway text        NOT NULL,
    meter   text        NOT NULL, -- '' for what is of the board itself
    at      timestamptz NOT NULL,
    event   text        NOT NULL,
    active  boolean,
    source  text        NOT NULL,
    detail  text        NOT NULL
);

-- What could not be kept, and why. The same payload has one row.
CREATE TABLE IF NOT EXISTS dead_letter (
    digest  bytea PRIMARY KEY,
    topic   text        NOT NULL,
    payload bytea       NOT NULL,
    why     text        NOT NULL,
    times   bigint      NOT NULL DEFAULT 1,
    last    timestamptz NOT NULL DEFAULT now()
);

-- How often a meter is read. Whoever has no row is read every 15 minutes.
CREATE TABLE IF NOT EXISTS plan (
    meter text PRIMARY KEY,
    every interval NOT NULL CHECK (every > '0' AND every <= '1 day')
);

-- How whole the record of each meter and day is: of the slots that its plan
-- divides the day into, those in which it has a value. Days are those of the
-- database's time zone.
CREATE OR REPLACE VIEW completeness AS
SELECT meter, day, filled, expected, round(100.0 * filled / expected, 1) AS percent, late
FROM (
    SELECT r.meter, r.at::date AS day,
        count(DISTINCT date_bin(coalesce(p.every, '15 min'), r.at, r.at::date::timestamptz)) AS filled,
        ceil(extract(epoch FROM (r.at::date + 1)::timestamptz - r.at::date::timestamptz)
            / extract(epoch FROM coalesce(p.every, '15 min')))::bigint AS expected,
        count(*) FILTER (WHERE r.stored > r.at + interval '1 hour') AS late -- values that came more than an hour after their time
    FROM reading r LEFT JOIN plan p USING (meter)
    GROUP BY r.meter, r.at::date, p.every
) AS days;

-- A hypertable where TimescaleDB is there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('reading', 'at', if_not_exists => true, migrate_data => true);
    END IF;
END $$;
