package store

import "errors"

// Reader goes through the records in the order of their numbers. It is for
// one goroutine.
type Reader struct {
	ring *Ring
	next uint64 // number that is due

	placed   bool   // what follows is valid
	segment  uint64 // where the next frame stands
	offset   int64
	previous uint64 // where the frame before begins
	chain    uint32 // its header crc, 0: not known
	frame    *frame // the frame that was read last
	cause    Cause  // of a gap before that frame, "" if nothing is known of one
	passed   uint64 // how many records were ever put in up to the one read last
	counted  bool   // passed is known
}

// NewReader gives a reader of the records behind a number; 0 starts at the
// oldest.
func (r *Ring) NewReader(after uint64) *Reader { return &Reader{ring: r, next: after + 1} }

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
			return Entry{Seq: rd.next - 1, Data: f.data[rd.next-1-f.first]}, true
		}
		commits := rd.ring.commits()
		if rd.advance() {
			continue
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
}

// gapTo gives the gap before seq. Without a known cause it has the usual one.
func (rd *Reader) gapTo(seq uint64, usual Cause) Entry {
	if rd.cause == "" {
		rd.cause = usual
		if rd.ring.wasDropped(rd.next, seq) {
			rd.cause = Dropped
		}
	}
	e := Entry{Gap: &Gap{From: rd.next, To: seq - 1, Cause: rd.cause}, Counted: rd.counted}
	if f := rd.frame; rd.counted {
		before := f.total + min(seq-f.first, uint64(f.records))
		e.Missing = int(before - min(before, rd.passed))
		rd.passed = before
	}
	rd.next, rd.cause = seq, ""
	return e
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
		if before := r.total - uint64(len(r.pending)); rd.counted {
			e.Missing = int(before - min(before, rd.passed))
			rd.passed = before
		}
		rd.next, rd.cause = first, ""
		return e, true, false
	}
	rd.next++
	rd.passed, rd.counted = r.total-(r.next-rd.next), true
	return Entry{Seq: rd.next - 1, Data: r.pending[rd.next-1-first]}, true, false
}

// advance goes on to the next frame on the medium, false if there is none.
func (rd *Reader) advance() bool {
	if !rd.placed && !rd.seek() {
		return false
	}
	m := &rd.ring.medium
	for {
		lowest, newest, end := rd.ring.span()
		if rd.segment > newest || rd.segment == newest && rd.offset >= end {
			return false
		}
		if rd.segment < lowest { // the ring was faster
			rd.cause = Overwritten
			rd.segment, rd.offset, rd.chain = lowest, 0, 0
		}
		f, ok := m.nextFrame(rd.segment, rd.offset)
		rd.ring.lookAgain(rd.segment)
		if lowest, _, _ := rd.ring.span(); rd.segment < lowest {
			continue // overwritten while we read
		}
		if !ok {
			if rd.segment == newest {
				return false
			}
			rd.segment, rd.offset = rd.segment+1, 0
			continue
		}
		if rd.chain != 0 && f.chain != rd.chain {
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
		rd.offset, rd.previous, rd.chain, rd.frame = m.after(&f.header), m.position(&f.header), f.crc, f
		return true
	}
}

// causeBefore tells why numbers are missing before a frame. "" means that
// they were reserved, or given up in memory.
func (rd *Reader) causeBefore(f *frame) Cause {
	switch {
	case rd.chain != 0 && (f.chain != rd.chain || f.previous != rd.previous):
		return Corrupt // the frame before that one is not the one that was read
	case rd.chain == 0 && f.chain != 0 && f.previous/uint64(rd.ring.medium.segmentSize) == rd.segment:
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
	segment, h, ok := m.holding(rd.next, lowest, newest)
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
	rd.placed, rd.segment, rd.offset, rd.chain, rd.frame = true, segment, 0, 0, nil
	return true
}
