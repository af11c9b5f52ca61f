package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"log"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// database is where it is kept.
type database struct{ *pgxpool.Pool }

// letter is what cannot be kept.
type letter struct {
	message
	why string
}

// mostLetters bounds the dead letters that are kept, the newest.
const mostLetters = 100000

// open connects, and makes the tables if they are not there.
func open(ctx context.Context, at string) (*database, error) {
	pool, err := pgxpool.New(ctx, at)
	if err != nil {
		return nil, err
	}
	db := &database{pool}
	return db, db.patiently(ctx, func() error {
		_, err := pool.Exec(ctx, schema)
		return err
	})
}

// patiently does something until the database lets it. An error that waiting
// does not mend is given back.
func (db *database) patiently(ctx context.Context, do func() error) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := do()
		if err == nil || ctx.Err() != nil || !passes(err) {
			return err
		}
		log.Print("the database is not ready: ", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// passes reports whether an error is of the connection, or one that the database
// gives while it starts, ends, is full or is held up by others.
func passes(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || ofClass(pg, "08", "40", "53", "55", "57")
}

// ofData reports whether the database refused what it was given.
func ofData(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && ofClass(pg, "22", "23", "54")
}

// ofClass reports whether an error's code is in one of these classes of
// PostgreSQL's appendix A.
func ofClass(err *pgconn.PgError, classes ...string) bool {
	return slices.ContainsFunc(classes, func(c string) bool { return strings.HasPrefix(err.Code, c) })
}

// keep commits all in one transaction, dead letters too. Where the database
// refuses a message, each has one of its own, and refused tells why by its ID.
func (db *database) keep(ctx context.Context, good []message, bad []letter) (refused map[string]string, err error) {
	once := func(good []message, bad []letter) (err error) {
		return db.patiently(ctx, func() error {
			return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return write(ctx, tx, good, bad) })
		})
	}
	if err = once(good, bad); err == nil || !ofData(err) {
		return nil, err
	}
	refused = map[string]string{}
	for _, m := range good {
		if err := once([]message{m}, nil); ofData(err) {
			refused[m.ID] = err.Error()
			bad = append(bad, letter{m, err.Error()})
		} else if err != nil {
			return nil, err
		}
	}
	return refused, once(nil, bad)
}

// write is the transaction. A value that is there already stays as it is; one
// that is there as another value is a dead letter.
func write(ctx context.Context, tx pgx.Tx, good []message, bad []letter) error {
	var rows [][]any
	b := &pgx.Batch{}
	for _, m := range good {
		for _, v := range m.Values {
			rows = append(rows, []any{len(rows), v.Meter, v.Point, v.At, v.Number, v.Word, v.Gateway})
		}
		if e := m.Event; e != nil {
			b.Queue(`INSERT INTO event VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`, e.ID, e.Gateway, e.Meter, e.At, e.Event, e.Active, e.By, e.Text)
		}
	}
	if len(rows) > 0 {
		if _, err := tx.Exec(ctx, `CREATE TEMP TABLE IF NOT EXISTS incoming (n int, meter text, point text, at timestamptz, number text, word text, gateway text) ON COMMIT DELETE ROWS`); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"incoming"}, []string{"n", "meter", "point", "at", "number", "word", "gateway"}, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
		b.Queue(`INSERT INTO reading (meter, point, at, number, word, gateway)
			SELECT meter, point, at, number::numeric, word, gateway FROM incoming ORDER BY meter, point, at, n ON CONFLICT DO NOTHING`)
		b.Queue(`INSERT INTO dead_letter (digest, topic, payload, why)
			SELECT DISTINCT ON (1) sha256(convert_to(concat_ws('/', i.meter, i.point, i.at, coalesce(i.number, i.word)), 'UTF8')), i.gateway,
				convert_to(concat_ws(' ', i.meter, i.point, i.at, coalesce(i.number, i.word)), 'UTF8'), 'another value is there: ' || coalesce(r.number::text, r.word)
			FROM incoming i JOIN reading r USING (meter, point, at)
			WHERE i.number::numeric IS DISTINCT FROM r.number OR i.word IS DISTINCT FROM r.word
			ON CONFLICT (digest) DO UPDATE SET times = dead_letter.times + 1, last = now()`)
	}
	for _, l := range bad {
		sum := sha256.Sum256([]byte(l.Topic + "\x00" + string(l.Payload)))
		b.Queue(`INSERT INTO dead_letter (digest, topic, payload, why) VALUES ($1, $2, $3, $4)
			ON CONFLICT (digest) DO UPDATE SET times = dead_letter.times + 1, last = now()`, sum[:], readable(l.Topic), l.Payload, readable(l.why))
	}
	if len(bad) > 0 {
		b.Queue(`DELETE FROM dead_letter WHERE digest IN (SELECT digest FROM dead_letter ORDER BY last DESC OFFSET $1)`, mostLetters)
	}
	return tx.SendBatch(ctx, b).Close()
}

// readable is a text that the database takes.
func readable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
