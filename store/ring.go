package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"
)

// Options are how a store is opened. The zero value takes the defaults.
type Options struct {
	Geometry // of a store that does not exist yet
	// Flush is the longest that a record waits in memory before it is durable;
	// zero: it is written at once.
	Flush time.Duration
	// Failed is told of each commit that failed, nil after one that worked
	// again.
	Failed func(error)
}

// Ring is an open store. Its methods may be called from several goroutines.
// Run must run for records to become durable by themselves.
type Ring struct {
	medium medium
	opt    Options
	kick   chan struct{} // asks Run for a commit
	turn   chan struct{} // holds a token while a commit runs; who has it owns tail

	tail tail

	mu       sync.Mutex // guards what follows; no I/O under it
	next     uint64     // number of the next record
	reserved uint64     // numbers below are reserved durably
	total    uint64     // records ever put in, those before next
	pending  [][]byte   // the records before next that are not durable
	bytes    int        // of them
	since    time.Time  // when the first of them came
	cursors  map[string]uint64
	moved    int       // by how many records cursors went on since they were last durable
	movedAt  time.Time // when the first of these moves was
	slots    []slot
	newest   uint64 // segment that is written
	changed  chan struct{}
	damage   map[uint64]bool // damaged places that were met, by the number behind
	dropped  Gap             // the records given up in memory, from the first to the last
	stats    Stats
}

// tail is where the next frame goes.
type tail struct {
	segment uint64
	offset  int64
	chain   uint32
	// committed tells that the segment holds a frame of this life of it.
	committed bool
	failed    int // writes that failed since the last good one
	patience  int // failures before a segment without a committed frame is given up
	// opening tells that nothing was written yet since the store was opened.
	opening bool
}

// slot is what a slot of the file holds.
type slot struct {
	used    bool
	segment uint64
	first   uint64 // number of the segment's first record
}

// Stats tells about the ring for people.
type Stats struct {
	CapacityBytes int64
	UsedBytes     int64
	First, Last   uint64 // numbers of the oldest and the newest record; Last < First: none
	Waiting       int    // records that are not durable yet
	Dropped       int    // records that were given up in memory because no commit worked
	Corrupt       int    // damaged frames met
	BytesWritten  int64
	Commits       int
	Failures      int
	LastErr       string // of the last commit, "" if it worked
	Lost          map[string]int
}

const (
	// reserveAhead is how many numbers a commit reserves beyond its own.
	reserveAhead = 4096
	// commitBytes is how much may wait before a commit is made early.
	commitBytes = 256 << 10
	// mostPending is how much may wait when no commit works.
	mostPending = 2 << 20
	// A moved cursor becomes durable with the next frame, or alone after this.
	cursorRecords = 256
	cursorAge     = time.Minute
)

// Open opens the store at path and recovers what a power cut left. A store
// that does not exist is made. It fails if the file is not a store, or the
// device does not answer.
func Open(path string, opt Options) (*Ring, error) {
	opt.Geometry = opt.Geometry.withDefaults()
	f, err := openOrCreate(path, opt.Geometry)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	r, err := openFile(osFile{f}, opt)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return r, nil
}

// openFile recovers the store on an open file. The first commit reserves
// numbers and makes what was recovered durable before anybody reads it. It is
// made twice: behind a clean end numbers go on, so no single damaged unit may
// hide that this session was.
func openFile(f File, opt Options) (*Ring, error) {
	r, err := load(f)
	if err != nil {
		return nil, err
	}
	r.opt = opt
	r.tail.opening = true
	for range 2 {
		if err := r.Flush(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// OpenReadOnly opens the store at path without writing to it, also beside a
// process that writes. Only reading works on it.
func OpenReadOnly(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	r, err := load(osFile{f})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return r, nil
}

func load(f File) (*Ring, error) {
	s, err := readSuperblock(f)
	if err != nil {
		return nil, err
	}
	r := &Ring{
		medium:  medium{superblock: s, file: f},
		kick:    make(chan struct{}, 1),
		turn:    make(chan struct{}, 1),
		cursors: map[string]uint64{},
		changed: make(chan struct{}),
		damage:  map[uint64]bool{},
	}
	r.stats.CapacityBytes = int64(s.segments) * int64(s.segmentSize)
	r.stats.Lost = map[string]int{}
	if damagedHead(f, s) {
		r.stats.Corrupt++
	}
	r.recover()
	return r, nil
}

// ID names this store for ever.
func (r *Ring) ID() [16]byte { return r.medium.id }

// Errors of Append.
var (
	ErrTooLong = errors.New("store: record too long")
	// ErrNoNumber says that no commit works and all reserved numbers are used.
	ErrNoNumber = errors.New("store: no number is left that is reserved durably")
)

// Append takes a record, which it keeps, and gives its number. Readers see
// it at once; it is durable within the flush time.
func (r *Ring) Append(rec []byte) (uint64, error) {
	if len(rec) > r.longest() {
		return 0, ErrTooLong
	}
	r.mu.Lock()
	if r.next >= r.reserved {
		r.mu.Unlock()
		if err := r.Flush(); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrNoNumber, err)
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	if r.next >= r.reserved {
		return 0, ErrNoNumber
	}
	seq := r.next
	r.next++
	r.total++
	if len(r.pending) == 0 {
		r.since = time.Now()
	}
	r.pending = append(r.pending, rec)
	r.bytes += len(rec)
	for r.bytes > mostPending {
		r.dropped.To = r.next - uint64(len(r.pending))
		if r.stats.Dropped == 0 {
			r.dropped.From = r.dropped.To
		}
		r.bytes -= len(r.pending[0])
		r.pending[0] = nil
		r.pending = r.pending[1:]
		r.stats.Dropped++
	}
	r.tellLocked()
	if r.opt.Flush == 0 || r.bytes > commitBytes || len(r.pending) == 1 {
		r.wakeRun() // to commit, or to set its timer
	}
	return seq, nil
}

// longest is the longest record that fits into a segment beside all cursors.
func (r *Ring) longest() int {
	const overhead = frameHeader + MaxCursors*(1+MaxCursorName+8) + 5
	return min(MaxRecord, r.medium.segmentSize-overhead)
}

// tellLocked wakes the readers that wait.
func (r *Ring) tellLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Changed gives a channel that is closed when a record was appended after
// the call.
func (r *Ring) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *Ring) wakeRun() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Cursor gives the position of a cursor: all records up to it are
// acknowledged. False if there is none of that name.
func (r *Ring) Cursor(name string) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pos, ok := r.cursors[name]
	return pos, ok
}

// Cursors gives all cursors.
func (r *Ring) Cursors() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.cursors)
}

// SetCursor moves a cursor, or makes one. It becomes durable with the next
// records, or by itself within a minute.
func (r *Ring) SetCursor(name string, pos uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, ok := r.cursors[name]
	if !ok && len(r.cursors) >= MaxCursors {
		return fmt.Errorf("store: %d cursors are the most that a store keeps", MaxCursors)
	}
	if len(name) == 0 || len(name) > MaxCursorName {
		return fmt.Errorf("store: a cursor's name has 1 to %d bytes", MaxCursorName)
	}
	if ok && old == pos {
		return nil
	}
	if r.moved == 0 {
		r.movedAt = time.Now()
		r.wakeRun()
	}
	r.cursors[name] = pos
	r.moved += int(min(max(pos, old)-old, cursorRecords)) // a step back counts as one
	r.moved = max(r.moved, 1)
	if r.moved >= cursorRecords {
		r.wakeRun()
	}
	return nil
}

// Forget takes a cursor away that nobody needs any more.
func (r *Ring) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cursors, name)
}

// Last gives the number before the next record's: that of the newest record,
// but behind an unclean end one that no record has; 0 for a new store.
func (r *Ring) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
}

// Stats tells about the ring.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Lost = maps.Clone(s.Lost)
	s.Last = r.next - 1
	s.Waiting = len(r.pending)
	s.First = r.next - uint64(len(r.pending))
	for _, sl := range r.slots {
		if sl.used {
			s.First = min(s.First, sl.first)
			s.UsedBytes += int64(r.medium.segmentSize)
		}
	}
	return s
}

// Run makes records and cursors durable in time, until the context ends. It
// then commits what is left, cleanly, and gives the error of that commit.
func (r *Ring) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(r.dueIn(time.Now()))
		select {
		case <-ctx.Done():
			return r.commit(true)
		case <-timer.C:
		case <-r.kick:
		}
		if r.dueIn(time.Now()) > 0 {
			continue
		}
		if err := r.Flush(); err != nil {
			select { // what failed will hardly work at once
			case <-ctx.Done():
				return r.commit(true)
			case <-time.After(retryPause):
			}
		}
	}
}

const retryPause = time.Second

// dueIn tells when the next commit is to be made.
func (r *Ring) dueIn(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := time.Hour
	if len(r.pending) > 0 {
		due = r.since.Add(r.opt.Flush).Sub(now)
		if r.bytes > commitBytes {
			due = 0
		}
	}
	if r.moved >= cursorRecords {
		due = 0
	} else if r.moved > 0 {
		due = min(due, r.movedAt.Add(cursorAge).Sub(now))
	}
	return max(0, due)
}

// Flush makes everything durable that was appended before the call.
func (r *Ring) Flush() error { return r.commit(false) }

// Close closes the file. What is still in memory is lost: end Run before.
func (r *Ring) Close() error { return r.medium.file.Close() }
