package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
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
	// Codec packs the records of a commit; nil: they are written as they are.
	Codec Codec
	// Taken tells when what a record holds was taken, false if nobody knows; nil:
	// nobody ever does.
	Taken func(rec []byte) (time.Time, bool)
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
	turn   chan struct{} // holds a token while a commit runs; who has it owns tail and buf

	tail  tail
	buf   []byte
	data  [][]byte
	gone  error     // why there is no medium
	began sync.Once // reserve ran
	// readOnly: another program may be writing.
	readOnly bool

	mu        sync.Mutex // guards what follows; no I/O under it
	next      uint64     // number of the next record
	reserved  uint64     // numbers below are reserved durably
	first     uint64     // number of the oldest record, or of the next one
	total     uint64     // records ever put in, those before next
	pending   [][]byte   // the records before next that are not durable
	bytes     int        // of them
	since     time.Time  // when the first of them came
	cursors   map[string]uint64
	unseen    map[string]uint64 // records that were overwritten after each cursor's position
	unseenAt  map[string]uint64 // when the first of those was taken, in ms since 1970; none: not known
	moved     int               // by how many records cursors went on since they were last durable
	movedAt   time.Time         // when the first of these moves was
	lowest    uint64            // the oldest segment that may be read
	newest    uint64            // segment that is written
	end       int64             // where its last frame ends
	written   bool              // there is one
	reserving bool              // this session has reserved numbers
	ended     bool              // the last frame says that no more numbers are given
	held      uint64            // the last number that a frame on the medium names
	far       bool              // numbers go on far away once one is given
	changed   chan struct{}
	damage    map[uint64]bool // damaged places that were met, by the number after
	dropped   Gap             // the records given up in memory, from the first to the last
	stats     Stats
	pace      pace
}

// tail is where the next frame goes.
type tail struct {
	segment  uint64
	offset   int64
	previous uint64 // where the last frame begins
	chain    uint32 // its header crc
	torn     bool   // something torn stood after it when the store was opened
	// committed tells that the segment holds a frame of this life of it.
	committed bool
	last      uint64 // the segment that held a committed frame last
	given     int    // segments that were given up since
	failed    int    // writes that failed since the last good one
	patience  int    // failures before a segment without a committed frame is given up
	// opening tells that nothing was written yet since the store was opened.
	opening bool
}

const (
	// reserveAhead is how many numbers a commit reserves beyond its own.
	reserveAhead = 4096
	// lent is how many numbers are given beyond the reservation while nothing
	// can be written.
	lent = 1 << 32
	// commitBytes is how much may wait before a commit is made early.
	commitBytes = 64 << 10
	// mostPending is how much may wait when no commit works.
	mostPending = 2 << 20
	// A moved cursor becomes durable with the next frame, or alone after this.
	cursorRecords = 256
	cursorAge     = time.Minute
)

// Open opens the store at path and recovers what a power cut left. A store
// that does not exist is made. It fails if the file is not a store, is of
// another version, or another program writes it. If the device cannot be
// used the ring works in memory, and Stats tells why.
func Open(path string, opt Options) (*Ring, error) {
	file, isNew, err := openOrCreate(path, opt.Geometry)
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	if err != nil {
		return inMemory(opt, fmt.Errorf("store: %w", err)), nil
	}
	if err := lock(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	s, err := readSuperblock(&osFile{File: file})
	switch {
	case errors.Is(err, ErrForeign) || errors.Is(err, ErrVersion):
		file.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	case err != nil:
		file.Close()
		return inMemory(opt, fmt.Errorf("store: %w", err)), nil
	}
	r, err := load(newOSFile(file, path, s.unit), s, opt)
	if err != nil {
		file.Close()
		return inMemory(opt, err), nil
	}
	if r.stats.Emptied = !isNew && !r.written; r.stats.Emptied {
		r.Leap()
	}
	return begin(r), nil
}

// openFile opens the store on an open file.
func openFile(f File, opt Options) (*Ring, error) {
	s, err := readSuperblock(f)
	if err != nil {
		return nil, err
	}
	r, err := load(f, s, opt)
	if err != nil {
		return inMemory(opt, err), nil
	}
	return begin(r), nil
}

// begin makes what was recovered durable before anybody reads it. A store that
// has frames gets no further one before there is something to write: starts
// alone shall not eat it.
func begin(r *Ring) *Ring {
	r.tail.opening = true
	if r.written && !r.stats.Emptied && r.medium.file.Sync() == nil {
		return r
	}
	r.reserve()
	return r
}

// reserve reserves numbers before this session gives its first. That takes two
// commits: after a clean end numbers go on, so no single damaged unit may hide
// that this session was. Where nothing can be reserved, numbers begin where no
// other session's are.
func (r *Ring) reserve() {
	r.began.Do(func() {
		r.mu.Lock()
		far := r.far
		r.mu.Unlock()
		if far {
			r.leap(farSpread)
		}
		if err := r.Flush(); err == nil {
			_ = r.Flush() // it is told by Failed
		} else if r.medium.file != nil { // else it has an identity of its own
			r.Leap() // a session without a reservation leaves no trace
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reserving = true
	})
}

// untouched reports whether this session has nothing to write.
func (r *Ring) untouched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.reserving && r.moved == 0 && len(r.pending) == 0
}

// Leap has numbers go on where no other ones are: those that come next may have
// been used under this identity, by a copy of the store that was at work
// elsewhere or later than this one.
func (r *Ring) Leap() { r.leap(leapSpread) }

// How widely the numbers are spread that come after a leap, so that no two who begin
// at one place meet: two that each give a million do so once in 70,000 times, and
// once in a million. The first is less because it happens with each power cut:
// numbers are to stay below 2^53 for the life of a board.
const (
	farSpread  = 1 << 36
	leapSpread = 1 << 40
)

func (r *Ring) leap(spread uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.far = false
	r.next += r.medium.skipped() + mathrand.Uint64N(spread)
	r.reserved = r.next
	if !r.written {
		r.first = r.next
	}
}

// Far has numbers go on far away as Leap does, but not before one is given: a
// start that has nothing to write leaves no trace of it. Where one was given
// already, or this session has made the ring, it does nothing.
func (r *Ring) Far() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.far = r.far || !r.reserving
}

// inMemory gives a ring without a medium. It has an identity of its own.
func inMemory(opt Options, why error) *Ring {
	s := superblock{unit: 4096, segmentSize: 128 << 10, segments: leastSegments}
	rand.Read(s.id[:])
	r := newRing(nil, s, opt)
	r.gone = why
	r.next, r.reserved, r.first = 1, 1, 1
	return begin(r)
}

// OpenReadOnly opens the store at path without writing to it, also next to a
// process that writes. Only reading works on it.
func OpenReadOnly(path string, codec Codec) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s, err := readSuperblock(&osFile{File: f})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	r, err := load(newOSFile(f, path, directAlign), s, Options{Codec: codec})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	r.readOnly = true
	return r, nil
}

func newRing(f File, s superblock, opt Options) *Ring {
	r := &Ring{
		medium:   medium{superblock: s, file: f, codec: opt.Codec},
		opt:      opt,
		kick:     make(chan struct{}, 1),
		turn:     make(chan struct{}, 1),
		cursors:  map[string]uint64{},
		unseen:   map[string]uint64{},
		unseenAt: map[string]uint64{},
		damage:   map[uint64]bool{},
	}
	r.stats.Lost = map[string]int{}
	if f != nil {
		r.stats.CapacityBytes = r.medium.capacity()
	}
	r.pace.start(time.Now())
	return r
}

// load recovers a ring and writes nothing.
func load(f File, s superblock, opt Options) (*Ring, error) {
	r := newRing(f, s, opt)
	if damagedHead(f, s) {
		r.stats.Corrupt++
	}
	return r, r.recover()
}

// ID names this store for ever.
func (r *Ring) ID() [16]byte { return r.medium.id }

// Errors of Append.
var (
	ErrTooLong = errors.New("store: record too long")
	// ErrNoNumber says that no commit has worked for so long that no number is
	// left that is surely new.
	ErrNoNumber = errors.New("store: no number is left that is surely new")
)

// Append takes a record, which it keeps, and gives its number. Readers see
// it at once; it is durable within the flush time.
func (r *Ring) Append(rec []byte) (uint64, error) {
	if len(rec) > r.longest() {
		return 0, ErrTooLong
	}
	r.reserve()
	r.mu.Lock()
	if r.next >= r.reserved && r.stats.LastErr == "" {
		r.mu.Unlock()
		_ = r.Flush() // if it fails numbers are lent
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	if r.next >= r.reserved+lent || r.ended && r.next >= r.reserved {
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
	if r.bytes > mostPending {
		r.giveUpLocked()
	}
	r.tellLocked()
	if r.opt.Flush == 0 || r.bytes > commitBytes || len(r.pending) == 1 {
		r.wakeRun() // to commit, or to set its timer
	}
	return seq, nil
}

// giveUpLocked drops the oldest records that wait. One that all readers have
// passed is no loss.
func (r *Ring) giveUpLocked() {
	gone, first := 0, r.next-uint64(len(r.pending))
	for ; r.bytes > mostPending; gone++ {
		r.bytes -= len(r.pending[gone])
		seq := first + uint64(gone)
		unread := len(r.cursors) == 0
		for name, pos := range r.cursors {
			if pos < seq {
				unread = true
				r.stats.Lost[name]++
			}
		}
		if unread {
			if r.stats.Dropped == 0 {
				r.dropped.From = seq
			}
			r.dropped.To = seq
			r.stats.Dropped++
		}
	}
	r.forgetPendingLocked(gone)
}

// forgetPendingLocked takes the oldest records out of memory.
func (r *Ring) forgetPendingLocked(n int) {
	left := copy(r.pending, r.pending[n:])
	clear(r.pending[left:])
	r.pending = r.pending[:left]
	if !r.written {
		r.first = r.next - uint64(left)
	}
}

// longest is the longest record that fits into a segment with all cursors.
func (r *Ring) longest() int {
	const overhead = frameHeader + MaxCursors*(1+len(sinceMark)+MaxCursorName+8) + 5
	return min(MaxRecord, r.medium.segmentSize-overhead)
}

// tellLocked wakes the readers that wait.
func (r *Ring) tellLocked() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Durable reports whether a record survives a power cut, as far as the medium
// lets it: a ring in memory, or one that cannot be written, knows no better.
func (r *Ring) Durable(seq uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return seq < r.next-uint64(len(r.pending)) || r.medium.file == nil || r.stats.LastErr != ""
}

// Changed gives a channel that is closed when a record was appended after
// the call, or became durable.
func (r *Ring) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// Last gives the number before the next record's: that of the newest record,
// but after an unclean end one that no record has; 0 for a new store.
func (r *Ring) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
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
	r.passLocked(name, old, pos)
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
	delete(r.unseen, name)
	delete(r.unseenAt, name)
}

// passLocked takes off what a cursor that goes on has passed of what was
// overwritten after it.
func (r *Ring) passLocked(name string, from, to uint64) {
	switch n := r.unseen[name]; {
	case n == 0:
	case to+1 >= r.first || to < from:
		delete(r.unseen, name)
		delete(r.unseenAt, name)
	default:
		r.unseen[name] = n - min(n, to-from)
	}
}

// Close closes the file. What is still in memory is lost: end Run before.
func (r *Ring) Close() error {
	if r.medium.file == nil {
		return nil
	}
	return r.medium.file.Close()
}
