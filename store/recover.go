package store

import (
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"time"
)

// skipped is how many numbers an unclean end leaves out: all that frames that
// are gone without a trace can have held, and all that are lent.
func (m *medium) skipped() uint64 { return uint64(m.capacity()) + lent }

// How often, and with which pause, a start is tried anew when a place could
// not be read: what was there a moment ago may be there again.
const (
	mostLooks = 4
	lookPause = 50 * time.Millisecond
)

// recover finds where the ring ends. It reads the newest segment and a few
// units more, and never writes; nobody else has the ring yet, so no lock is
// taken. It fails if the device does not let itself be read.
func (r *Ring) recover() error {
	m := &r.medium
	for n := range mostLooks {
		if n > 0 {
			time.Sleep(lookPause << n)
		}
		m.failed.Store(0)
		clear(r.cursors)
		clear(r.unseen)
		clear(r.unseenAt)
		r.findEnd()
		if m.failed.Load() == 0 {
			return nil
		}
	}
	if !r.written {
		return fmt.Errorf("%w: nothing after the superblock", errRead)
	}
	// What cannot be read may hold more than was found: it is not written over,
	// and its numbers are not used.
	r.tail.offset, r.tail.given = int64(m.segmentSize), 1
	r.end = r.tail.offset
	r.tail.segment++
	r.next += m.skipped() + mathrand.Uint64N(1<<40)
	r.reserved = r.next
	return nil
}

// findEnd looks once.
func (r *Ring) findEnd() {
	m := &r.medium
	r.next, r.reserved, r.first, r.held, r.written, r.far = 1, 1, 1, 0, false, false
	newest, ok := m.newestSegment()
	if !ok {
		return
	}
	r.newest, r.written = newest, true
	if n := uint64(m.segments); newest >= n {
		r.lowest = newest - n + 1
	}
	end := r.scanTail(newest)
	for s := newest; end.header.crc == 0 && s > r.lowest; { // what could be read a moment ago fails now
		s--
		end = r.scanTail(s)
		end.offset, end.torn = int64(m.segmentSize), true
	}
	r.end = end.offset
	r.tail = tail{segment: newest, last: newest, offset: end.offset, committed: true, patience: firstPatience, torn: end.torn}
	good := end.good
	if good == nil { // nothing of the newest segment is whole
		good = r.frameBefore(end.header)
	}
	for s := newest; good == nil && s > r.lowest && s+neighbours > newest; {
		s--
		good = r.scanTail(s).good
	}
	if good != nil {
		for _, c := range good.positions {
			if name, ok := strings.CutPrefix(c.name, sinceMark); ok {
				r.unseenAt[name] = c.pos
				continue
			}
			if name, ok := strings.CutPrefix(c.name, unseenMark); ok {
				r.unseen[name] = c.pos
				continue
			}
			r.cursors[c.name] = c.pos
		}
		r.tail.previous, r.tail.chain = m.position(&good.header), good.crc
	}
	h := end.header
	r.next, r.total = max(1, h.end()), h.total+uint64(h.records)
	r.held = r.next - 1
	if clean := h.reserved == 0 && h.crc != 0 && !end.broken; !clean && !reuseNumber {
		r.next += uint64(h.reserved) + m.skipped()
		r.far = true // a copy of the ring, taken while it was at work, goes on from here as well
	}
	r.reserved = r.next
	r.stats.Torn = end.torn
	r.first = r.next
	if _, oldest, ok, _ := m.readable(r.lowest, newest+1); ok {
		r.first = oldest.first
	}
}

// tailEnd is what the newest segment ends with.
type tailEnd struct {
	header header // the last good one
	good   *frame // the last whole frame, nil: there is none
	offset int64  // where the next frame goes
	broken bool   // the frame of that header is not whole
	torn   bool   // that, or something else was being written
}

// scanTail looks at all frames of a segment.
func (r *Ring) scanTail(segment uint64) tailEnd {
	m := &r.medium
	var end tailEnd
	begin := segment * uint64(m.segmentSize)
	for w := (walk{m: m, segment: segment}); ; {
		h, unit, ok, _ := w.past()
		if !ok {
			break
		}
		if h.previous >= begin && h.chain != 0 && (end.good == nil || h.previous > m.position(&end.good.header)) {
			r.noteDamageLocked(h.first)
		}
		end.header, end.offset = h, m.after(&h)
		f, err := m.body(h, unit)
		end.broken = err != nil
		if err == nil {
			end.good = f
		}
	}
	end.torn = end.broken || r.tornAt(segment, end.offset)
	return end
}

// tornAt reports whether a write began at an offset after the last frame.
// What is left of the slot's former life is no such thing.
func (r *Ring) tornAt(segment uint64, offset int64) bool {
	m := &r.medium
	if offset >= int64(m.segmentSize) {
		segment, offset = segment+1, 0
	}
	_, b, err := m.slotHeader(segment, offset)
	if err == nil || b == nil || isZero(b) {
		return false
	}
	// In the first round of the ring everything was zero. Later it may be the
	// inside of a longer frame of the former life.
	return segment < uint64(m.segments) || len(b) >= 4 && le.Uint32(b) == frameMagic
}

// frameBefore reads the frame that a header names as the one before it.
func (r *Ring) frameBefore(h header) *frame {
	m := &r.medium
	size := uint64(m.segmentSize)
	if h.previous/size+uint64(m.segments) <= h.segment || h.previous%size%uint64(m.unit) != 0 {
		return nil
	}
	b, unit, err := m.slotHeader(h.previous/size, int64(h.previous%size))
	if err != nil || b.crc != h.chain {
		return nil
	}
	f, err := m.body(b, unit)
	if err != nil {
		return nil
	}
	return f
}
