package main

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tidwall/wal"
	"go.etcd.io/bbolt"
	_ "modernc.org/sqlite"

	"meterd/store"
)

// engine is a queue of records on a disk. Append is durable when it returns;
// drain takes so many of the oldest and gives them up durably.
type engine interface {
	append(batch [][]byte) error
	drain(n int) error
	all() ([][]byte, error)
	close() error
}

var engines = map[string]func(dir string) (engine, error){
	"ring":     func(dir string) (engine, error) { return openRing(dir, 4096) },
	"ring-512": func(dir string) (engine, error) { return openRing(dir, 512) },
	"bbolt":    openBolt,
	"tidwall":  openTidwall,
	"sqlite":   openSQLite,
}

type ring struct {
	*store.Ring
	rd *store.Reader
}

func openRing(dir string, unit int) (engine, error) {
	r, err := store.Open(filepath.Join(dir, "ring"), store.Options{Geometry: store.Geometry{Size: ringSize, Unit: unit}, Flush: time.Hour})
	if err != nil {
		return nil, err
	}
	pos, _ := r.Cursor("drained")
	return &ring{r, r.NewReader(pos)}, nil
}

// ringSize is what the ring takes of the disk.
var ringSize int64 = 4 << 20

func (r *ring) append(batch [][]byte) error {
	for _, rec := range batch {
		if _, err := r.Append(rec); err != nil {
			return err
		}
	}
	return r.Flush()
}

// drain moves the cursor, which becomes durable with the next commit: what is
// repeated after a cut is bounded, and that is what the ring promises.
func (r *ring) drain(n int) error {
	for range n {
		if e, ok := r.rd.Next(); ok {
			if err := r.SetCursor("drained", e.Seq); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *ring) all() (recs [][]byte, err error) {
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap == nil {
			recs = append(recs, e.Data)
		}
	}
	if s := r.Stats(); s.CapacityBytes == 0 {
		return nil, fmt.Errorf("there is no store: %s", s.LastErr)
	}
	return recs, nil
}

func (r *ring) close() error { return r.Close() }

type bolt struct{ *bbolt.DB }

var bucket = []byte("queue")

func openBolt(dir string) (engine, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bolt"), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucketIfNotExists(bucket); return err })
	return bolt{db}, err
}

func (b bolt) append(batch [][]byte) error {
	return b.Update(func(tx *bbolt.Tx) error {
		q := tx.Bucket(bucket)
		for _, rec := range batch {
			n, err := q.NextSequence()
			if err != nil {
				return err
			}
			if err := q.Put(binary.BigEndian.AppendUint64(nil, n), rec); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b bolt) drain(n int) error {
	return b.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for k, _ := c.First(); k != nil && n > 0; k, _ = c.First() {
			if err := c.Delete(); err != nil {
				return err
			}
			n--
		}
		return nil
	})
}

func (b bolt) all() (recs [][]byte, err error) {
	err = b.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, v []byte) error {
			recs = append(recs, append([]byte(nil), v...))
			return nil
		})
	})
	return recs, err
}

func (b bolt) close() error { return b.Close() }

type tidwall struct {
	*wal.Log
	last, first uint64
}

func openTidwall(dir string) (engine, error) {
	l, err := wal.Open(filepath.Join(dir, "wal"), nil)
	if err != nil {
		return nil, err
	}
	t := &tidwall{Log: l}
	if t.last, err = l.LastIndex(); err != nil {
		return nil, err
	}
	if t.first, err = l.FirstIndex(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *tidwall) append(batch [][]byte) error {
	var b wal.Batch
	for _, rec := range batch {
		t.last++
		b.Write(t.last, rec)
	}
	return t.WriteBatch(&b)
}

func (t *tidwall) drain(n int) error {
	if t.first == 0 {
		t.first = 1
	}
	t.first = min(t.first+uint64(n), t.last) // it cannot be emptied
	return t.TruncateFront(t.first)
}

func (t *tidwall) all() (recs [][]byte, err error) {
	for i := max(t.first, 1); i <= t.last && t.last > 0; i++ {
		rec, err := t.Read(i)
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func (t *tidwall) close() error { return t.Close() }

type sqlite struct{ *sql.DB }

func openSQLite(dir string) (engine, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "queue.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec("create table if not exists queue (id integer primary key autoincrement, rec blob)")
	return sqlite{db}, err
}

func (s sqlite) append(batch [][]byte) error {
	tx, err := s.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, rec := range batch {
		if _, err := tx.Exec("insert into queue (rec) values (?)", rec); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s sqlite) drain(n int) error {
	_, err := s.Exec("delete from queue where id in (select id from queue order by id limit ?)", n)
	return err
}

func (s sqlite) all() ([][]byte, error) {
	rows, err := s.Query("select rec from queue order by id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var recs [][]byte
	for rows.Next() {
		var rec []byte
		if err := rows.Scan(&rec); err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, rows.Err()
}

func (s sqlite) close() error { return s.Close() }

// record is the n-th record of 64 bytes.
func record(n int) []byte {
	b := make([]byte, 64)
	binary.BigEndian.PutUint64(b, uint64(n))
	for i := 8; i < len(b); i++ {
		b[i] = byte(n*31 + i*7)
	}
	return b
}

// number tells which record these bytes are; false if none.
func number(b []byte) (int, bool) {
	if len(b) != 64 {
		return 0, false
	}
	n := int(binary.BigEndian.Uint64(b))
	return n, string(b) == string(record(n))
}

func batch(from, n int) [][]byte {
	var b [][]byte
	for i := range n {
		b = append(b, record(from+i))
	}
	return b
}

func open(name, dir string) (engine, error) {
	make, ok := engines[name]
	if !ok {
		return nil, fmt.Errorf("there is no engine %q", name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return make(dir)
}
