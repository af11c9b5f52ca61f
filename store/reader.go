package store

// Entry is what a Reader gives: a record, or a gap in the numbers.
type Entry struct {
	Seq  uint64 // of the record
	Data []byte // may be kept, not changed
	Gap  *Gap   // nil for a record
}

// Gap is a run of numbers that no record has.
type Gap struct {
	From, To uint64
	Cause    Cause
}

// Cause tells why numbers are missing.
type Cause string

// The causes.
const (
	Overwritten Cause = "overwritten" // the ring was full
	Corrupt     Cause = "corrupt"     // damage on the medium
	Reserved    Cause = "reserved"    // numbers never used, or of records that no cut had made durable
	Dropped     Cause = "dropped"     // given up in memory because no commit worked
)

// Reader goes through the records in the order of their numbers. It is for
// one goroutine.
type Reader struct {
	ring *Ring
	next uint64 // number that is due

	placed  bool   // what follows is valid
	segment uint64 // where the next frame stands
	offset  int64
	chain   uint32 // crc of the frame before, 0: not known
	frame   *frame // the frame that was read last
	cause   Cause  // of a gap before that frame, "" if nothing is known of one
	passed  uint64 // how many records were ever put in up to the one read last
	counted bool   // passed is known
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
			rd.next++
			rd.cause = ""
			rd.passed, rd.counted = f.total+rd.next-f.first, true
			return Entry{Seq: rd.next - 1, Data: f.records[rd.next-1-f.first]}, true
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
	g := &Gap{From: rd.next, To: seq - 1, Cause: rd.cause}
	rd.next, rd.cause = seq, ""
	return Entry{Gap: g}
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
		return rd.gapTo(first, Dropped), true, false
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
		newest, inRing := rd.where()
		if !inRing {
			// The ring was faster, or the segment was given up: go on with the
			// oldest behind it.
			if rd.segment > newest || !rd.overtaken() {
				return false
			}
			continue
		}
		f, skipped, ok := m.nextFrame(rd.segment, rd.offset)
		if ok && skipped > 0 {
			// The frame that was skipped may have been written meanwhile. The one
			// behind it was written after it was synced, so now it is there, or
			// never.
			f, _, ok = m.nextFrame(rd.segment, rd.offset)
		}
		if _, still := rd.where(); !still {
			continue // overwritten while we read
		}
		if !ok {
			if rd.segment == newest {
				return false
			}
			rd.segment, rd.offset = rd.segment+1, 0
			continue
		}
		if rd.chain != 0 && f.chain != rd.chain && f.first > rd.next {
			rd.cause = Corrupt
			rd.ring.noteDamage(f.first)
		}
		rd.offset, rd.chain, rd.frame = m.after(f), f.crc, f
		return true
	}
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

// where reports the newest segment, and whether the reader's is in the ring.
func (rd *Reader) where() (newest uint64, inRing bool) {
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[rd.segment%uint64(len(r.slots))]
	return r.newest, s.used && s.segment == rd.segment
}

// seek finds the segment that holds the number that is due, or the oldest.
func (rd *Reader) seek() bool {
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	var best *slot
	for i := range r.slots {
		s := &r.slots[i]
		if s.used && s.first <= rd.next && (best == nil || s.segment > best.segment) {
			best = s
		}
	}
	if best == nil {
		if best = r.oldestLocked(0); best == nil {
			return false
		}
		rd.cause = Overwritten
		if rd.next == 1 {
			rd.next = best.first
		}
	}
	rd.placed, rd.segment, rd.offset, rd.chain, rd.frame = true, best.segment, 0, 0, nil
	return true
}

// oldestLocked gives the oldest segment from a number on.
func (r *Ring) oldestLocked(from uint64) *slot {
	var oldest *slot
	for i := range r.slots {
		s := &r.slots[i]
		if s.used && s.segment >= from && (oldest == nil || s.segment < oldest.segment) {
			oldest = s
		}
	}
	return oldest
}

// overtaken goes on with the oldest segment behind the reader's place.
func (rd *Reader) overtaken() bool {
	r := rd.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.oldestLocked(rd.segment + 1)
	if s == nil {
		return false
	}
	// The ring overwrites the oldest segment. A younger one that is missing was
	// damaged, or given up before it held anything.
	rd.cause = Corrupt
	if rd.segment+uint64(len(r.slots)) <= r.newest {
		rd.cause = Overwritten
	}
	rd.segment, rd.offset, rd.chain = s.segment, 0, 0
	return true
}
