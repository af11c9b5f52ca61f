package store

import (
	"errors"
	"time"
)

// Reader goes through the records in the order of their numbers. It is for
// one goroutine.
type Reader struct {
	ring *Ring
	next uint64 // number that is due

	placed  bool   // what follows is valid
	walk    walk   // where the next frame stands
	before  link   // the frame that was read last; crc 0: not known
	again   link   // the one before that
	frame   *frame // the frame that was read last
	stuck   int    // tries at a place that cannot be read
	stuckAt time.Time
	force   bool   // that was long enough: it counts as damaged
	cause   Cause  // of a gap before that frame, "" if nothing is known of one
	passed  uint64 // how many records were ever put in up to the one read last
	counted bool   // passed is known
	cursor  string // that it began at; "": at none
	last    []byte // the record that it gave last; nil: none
}

// NewReader gives a reader of the records after a number; 0 starts at the
// oldest.
func (r *Ring) NewReader(after uint64) *Reader { return &Reader{ring: r, next: after + 1} }

// Of has the reader ask the ring how much was overwritten after a cursor, also
// before the ring was opened, where it begins at that.
func (rd *Reader) Of(cursor string) *Reader {
	rd.cursor = cursor
	return rd
}

// Next gives the next record, or the gap before it; false if there is none
// yet. What is missing before the oldest record is no gap to a reader from 0.
func (rd *Reader) Next() (Entry, bool) {
	for {
		if f := rd.frame; f != nil && rd.next < f.end() {
			if rd.next < f.first {
				return rd.gapTo(f.first, Reserved), true
			}
			if f.data == nil {
				return rd.gapTo(f.end(), f.lost), true
			}
			rd.next++
			rd.cause = ""
			rd.passed, rd.counted = f.total+rd.next-f.first, true
			rd.last = f.data[rd.next-1-f.first]
			return Entry{Seq: rd.next - 1, Data: rd.last}, true
		}
		commits := rd.ring.commits()
		if rd.advance() {
			continue
		}
		if rd.stuck > 0 {
			return Entry{}, false
		}
		if e, ok, again := rd.fromMemory(commits); !again {
			return e, ok
		}
	}
}

// Behind tells how many records lie before the reader. It may count such
// that damage has taken.
func (rd *Reader) Behind() int {
	if !rd.counted {
		rd.count()
	}
	rd.ring.mu.Lock()
	defer rd.ring.mu.Unlock()
	if rd.next >= rd.ring.next {
		return 0
	}
	return int(rd.ring.total - rd.passed)
}

// count finds how many records stand before the reader's first one.
func (rd *Reader) count() {
	for rd.frame == nil || rd.frame.end() <= rd.next {
		commits := rd.ring.commits()
		if rd.advance() {
			continue
		}
		if rd.stuck > 0 {
			return // it is asked again
		}
		rd.ring.mu.Lock()
		r := rd.ring
		first := r.next - uint64(len(r.pending))
		again := r.stats.Commits != commits
		if !again {
			rd.counted = true
			rd.passed = r.total - min(uint64(len(r.pending)), r.next-min(r.next, max(rd.next, first)))
		}
		rd.ring.mu.Unlock()
		if !again {
			return
		}
	}
	f := rd.frame
	rd.counted, rd.passed = true, f.total+max(rd.next, f.first)-f.first
	rd.assume(f)
}

// assume counts what was overwritten before the frame that a reader begins at:
// as much as the ring knows of its cursor, else a record for each number, though
// an unclean end leaves many unused.
func (rd *Reader) assume(f *frame) {
	if rd.cause != Overwritten || rd.next >= f.first {
		return
	}
	n := f.first - rd.next
	rd.ring.mu.Lock()
	if pos, ok := rd.ring.cursors[rd.cursor]; ok && pos+1 == rd.next {
		n = rd.ring.unseen[rd.cursor]
	}
	rd.ring.mu.Unlock()
	rd.counted, rd.passed = true, f.total-min(f.total, n)
}

// gapTo gives the gap before seq. Without a known cause it has the usual one.
func (rd *Reader) gapTo(seq uint64, usual Cause) Entry {
	if rd.cause == "" {
		rd.cause = usual
		if rd.ring.wasDropped(rd.next, seq) {
			rd.cause = Dropped
		}
	}
	if !rd.counted && rd.frame != nil && seq == rd.frame.first {
		rd.assume(rd.frame)
	}
	e := Entry{Gap: &Gap{From: rd.next, To: seq - 1, Cause: rd.cause}, Counted: rd.counted}
	if f := rd.frame; f != nil && seq >= f.first && seq < f.first+uint64(len(f.data)) {
		rd.date(e.Gap, f.data[seq-f.first])
	} else {
		rd.date(e.Gap, nil)
	}
	if f := rd.frame; rd.counted {
		before := f.total + min(seq-f.first, uint64(f.records))
		e.Missing = int(before - min(before, rd.passed))
		rd.passed = before
	}
	if e.Gap.Cause == Reserved && e.Missing > 0 {
		e.Gap.Cause = Dropped // there were records, and no frame holds them
	}
	rd.next, rd.cause = seq, ""
	return e
}

// date gives the time of a gap; after is the record that follows it, nil
// where that is not at hand.
func (rd *Reader) date(g *Gap, after []byte) {
	rd.ring.mu.Lock()
	defer rd.ring.mu.Unlock()
	rd.dateLocked(g, after)
}

func (rd *Reader) dateLocked(g *Gap, after []byte) {
	r := rd.ring
	if r.opt.Taken == nil {
		return
	}
	for _, known := range []struct {
		of []byte
		at *time.Time
	}{{rd.last, &g.Since}, {after, &g.Until}} {
		if known.of == nil {
			continue
		}
		if at, ok := r.opt.Taken(known.of); ok {
			*known.at = at
		}
	}
	if pos, ok := r.cursors[rd.cursor]; ok && pos+1 == g.From && r.unseenAt[rd.cursor] > 0 {
		g.Since = time.UnixMilli(int64(r.unseenAt[rd.cursor]))
	}
}

func (r *Ring) commits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats.Commits
}

// fromMemory gives what is due if it is not durable yet. Again tells that a
// commit came between, so the medium is to be looked at once more.
func (rd *Reader) fromMemory(commits int) (e Entry, ok, again bool) {
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.next - uint64(len(r.pending))
	switch {
	case r.stats.Commits != commits:
		return Entry{}, false, true
	case rd.next >= r.next || len(r.pending) == 0:
		return Entry{}, false, false
	case rd.next < first:
		if rd.next == 1 && rd.frame == nil {
			rd.next = first
			return Entry{}, false, true
		}
		usual := Reserved
		if r.dropped.From < first && rd.next <= r.dropped.To {
			usual = Dropped
		}
		e := Entry{Gap: &Gap{From: rd.next, To: first - 1, Cause: usual}, Counted: rd.counted}
		rd.dateLocked(e.Gap, r.pending[0])
		if before := r.total - uint64(len(r.pending)); rd.counted {
			e.Missing = int(before - min(before, rd.passed))
			rd.passed = before
		}
		rd.next, rd.cause = first, ""
		return e, true, false
	}
	rd.next++
	rd.passed, rd.counted = r.total-(r.next-rd.next), true
	rd.last = r.pending[rd.next-1-first]
	return Entry{Seq: rd.next - 1, Data: rd.last}, true, false
}

// advance goes on to the next frame on the medium, false if there is none.
func (rd *Reader) advance() bool {
	if !rd.placed && !rd.seek() {
		return false
	}
	m := &rd.ring.medium
	for {
		lowest, newest, end := rd.ring.span()
		w := &rd.walk
		if w.segment > newest || w.segment == newest && w.offset >= end {
			return false
		}
		if w.segment < lowest { // the ring was faster
			rd.cause = Overwritten
			rd.walk, rd.before = walk{m: m, segment: lowest}, link{}
		}
		h, unit, ok, err := w.next()
		var f *frame
		if err == nil && ok {
			if f, err = m.body(h, unit); errors.Is(err, errRead) {
				w.back(&h)
			}
		}
		if errors.Is(err, errRead) {
			if rd.wait() {
				return false
			}
			w.offset += int64(m.unit)
			continue
		}
		rd.ring.lookAgain(w.segment)
		if lowest, _, _ := rd.ring.span(); w.segment < lowest {
			continue // overwritten while we read
		}
		rd.stuck, rd.force = 0, false
		switch {
		case ok && err != nil: // a bad frame
			continue
		case !ok && w.segment == newest:
			return false
		case !ok:
			rd.walk = walk{m: m, segment: w.segment + 1}
			continue
		}
		rd.take(f)
		return true
	}
}

// take makes a frame the one that is read.
func (rd *Reader) take(f *frame) {
	m := &rd.ring.medium
	if !rd.follows(f) {
		rd.ring.noteDamage(f.first)
	}
	if rd.cause == "" && f.first > rd.next {
		rd.cause = rd.causeBefore(f)
	}
	if err := f.unpack(m.codec); errors.Is(err, errPacked) {
		f.lost = Newer
	} else if err != nil {
		f.lost = Corrupt
		rd.ring.noteDamage(f.end())
	}
	if f.end() <= rd.next {
		rd.passed, rd.counted = f.total+uint64(f.records), true
	}
	rd.before, rd.again, rd.frame = link{m.position(&f.header), f.crc}, link{f.previous, f.chain}, f
}

// Stuck reports whether the reader waits for a place that cannot be read at
// present. Next gives nothing then, and tries again each time.
func (rd *Reader) Stuck() bool { return rd.stuck > 0 }

// How long a place that cannot be read is tried before it counts as damaged.
// Who only looks does not wait.
const (
	mostTries = 20
	longTry   = time.Minute
	fewTries  = 3
)

// wait reports whether a place that cannot be read is to be tried again.
func (rd *Reader) wait() bool {
	if rd.stuck == 0 {
		rd.stuckAt = time.Now()
	}
	rd.stuck++
	switch {
	case rd.force:
	case rd.ring.readOnly && rd.stuck > fewTries:
		rd.force = true
	case rd.stuck > mostTries && time.Since(rd.stuckAt) > longTry:
		rd.force = true
	case rd.ring.readOnly:
		return rd.wait()
	}
	return !rd.force
}

// follows reports whether a frame is the next one: that after the one that
// was read last, or that one again, because a sync had failed.
func (rd *Reader) follows(f *frame) bool {
	before := link{f.previous, f.chain}
	return rd.before.crc == 0 || before == rd.before || before == rd.again
}

// causeBefore tells why numbers are missing before a frame. "" means that
// they were reserved, or given up in memory.
func (rd *Reader) causeBefore(f *frame) Cause {
	switch {
	case !rd.follows(f):
		return Corrupt // the frame before that one is not the one that was read
	case rd.before.crc == 0 && f.chain != 0 && f.previous/uint64(rd.ring.medium.segmentSize) == f.segment:
		return Corrupt // the frame before stood in this segment
	case f.torn:
		return Torn
	}
	return ""
}

// wasDropped reports whether records between two numbers were given up in
// memory.
func (r *Ring) wasDropped(from, to uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped.From < to && from <= r.dropped.To
}

// noteDamage counts a damaged place once, however many readers pass it.
func (r *Ring) noteDamage(before uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteDamageLocked(before)
}

func (r *Ring) noteDamageLocked(before uint64) {
	if !r.damage[before] && len(r.damage) < mostDamage {
		r.damage[before] = true
		r.stats.Corrupt++
	}
}

const mostDamage = 4096

// span gives the segments that may be read, and where the newest one ends.
// Before the first one is written the newest is less than the lowest.
func (r *Ring) span() (lowest, newest uint64, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.written {
		return 1, 0, 0
	}
	return r.lowest, r.newest, r.end
}

// lookAgain sees whether another program, that writes the ring, has come to a
// segment that is being read.
func (r *Ring) lookAgain(segment uint64) {
	if !r.readOnly {
		return // we write it, and know
	}
	if h, _, err := r.medium.slotHeader(segment, 0); err == nil && h.segment > segment {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lowest = max(r.lowest, segment+1)
	}
}

// seek finds the segment that holds the number that is due, or the oldest.
func (rd *Reader) seek() bool {
	m := &rd.ring.medium
	lowest, newest, _ := rd.ring.span()
	if lowest > newest {
		return false
	}
	segment, h, ok, err := m.holding(rd.next, lowest, newest, rd.force)
	for err != nil && !rd.wait() {
		segment, h, ok, err = m.holding(rd.next, lowest, newest, true)
	}
	if err != nil {
		return false
	}
	rd.stuck, rd.force = 0, false
	if !ok {
		return false
	}
	if h.first > rd.next {
		inRing := h.chain != 0 && h.previous >= lowest*uint64(m.segmentSize)
		if inRing {
			rd.ring.noteDamage(h.first)
		}
		switch {
		case inRing && (lowest == 0 || rd.next > 1):
			rd.cause = Corrupt // what stood before it
		case rd.next == 1:
			rd.next = h.first
		case lowest > 0:
			rd.cause = Overwritten
		}
	}
	rd.placed, rd.walk, rd.before, rd.frame = true, walk{m: m, segment: segment}, link{}, nil
	return true
}
