package store

import (
	"bytes"
	"maps"
	"time"
)

// commit writes what is pending and the cursors as frames, and syncs. A
// clean commit is the last one: it reserves no numbers beyond its own.
func (r *Ring) commit(clean bool) error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	for {
		more, err := r.commitFrame(clean)
		r.report(err)
		if err != nil || !more {
			return err
		}
	}
}

func (r *Ring) report(err error) {
	r.mu.Lock()
	had := r.stats.LastErr != ""
	r.stats.LastErr = ""
	if err != nil {
		r.stats.Failures++
		r.stats.LastErr = err.Error()
		r.tellLocked() // nobody waits for what does not become durable
	}
	r.mu.Unlock()
	if r.opt.Failed != nil && (err != nil || had) {
		r.opt.Failed(err)
	}
}

// commitFrame writes one frame. More tells that records are left, because
// one frame does not hold them all.
func (r *Ring) commitFrame(clean bool) (more bool, err error) {
	if r.medium.file == nil {
		return false, r.gone
	}
	began := time.Now()
	f, more, moved := r.gather(clean)
	n, err := r.place(f)
	clear(r.data)
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved = f.end() + uint64(f.reserved)
	r.ended = f.reserved == 0
	r.held = f.end() - 1
	r.settleLocked(f)
	r.since = began // what is left came while the frame was written, or later
	r.moved -= moved
	r.movedAt = began
	r.stats.Commits++
	r.stats.BytesWritten += int64(n)
	r.pace.roll(began, r.stats.BytesWritten)
	r.tellLocked()
	return more, nil
}

// mostFrame is how long a frame is made, in bytes, unless one record is
// longer: recovery looks that far for what stands after a damaged one.
const mostFrame = MaxRecord + 4096

// gather builds a frame that is not too long. The last frame of a clean end
// takes the reservation back: from here on no number is given until another
// frame has reserved some.
func (r *Ring) gather(clean bool) (f *frame, more bool, moved int) {
	for most := mostRecords; ; most = f.records / 2 {
		f, more, moved = r.collect(most)
		r.pack(f)
		if f.records <= 1 || f.size() <= mostFrame {
			break
		}
	}
	if !clean || more {
		return f, more, moved
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.end() != r.next {
		return f, true, moved // somebody has appended meanwhile
	}
	f.reserved = 0
	r.reserved, r.ended = f.end(), true
	return f, false, moved
}

// collect builds a frame from the oldest pending records, as many as fit
// into a segment, and from all cursors. More tells that some do not fit.
func (r *Ring) collect(most int) (f *frame, more bool, moved int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f = &frame{header: header{first: r.next - uint64(len(r.pending)), total: r.total - uint64(len(r.pending)), reserved: reserveAhead}}
	size := frameHeader
	f.positions = r.positionsLocked()
	for _, c := range f.positions {
		size += cursorSize(c.name)
	}
	r.data = r.data[:0]
	for _, rec := range r.pending {
		size += recordSize(rec)
		if size > r.medium.segmentSize || len(r.data) == most {
			break
		}
		r.data = append(r.data, rec)
	}
	f.data = r.data
	f.records = len(f.data)
	return f, f.records < len(r.pending), r.moved
}

// unseenMark begins the name of what stands in a frame beside a cursor: how many
// records were overwritten after it. A program that does not know it takes it
// for one more cursor.
const unseenMark = "\x00"

// sinceMark begins the name of when the first of them was taken.
const sinceMark = unseenMark + "\x00"

// positionsLocked gives the cursors as a frame holds them.
func (r *Ring) positionsLocked() (all []cursor) {
	for name, pos := range r.cursors {
		all = append(all, cursor{name, pos})
	}
	for name, n := range r.unseen {
		if n > 0 && len(all) < MaxCursors {
			all = append(all, cursor{unseenMark + name, n})
		}
	}
	for name, at := range r.unseenAt {
		if len(all) < MaxCursors {
			all = append(all, cursor{sinceMark + name, at})
		}
	}
	return all
}

// pack lets the codec pack the records. What it does not give back exactly,
// or makes no shorter, is written as it is.
func (r *Ring) pack(f *frame) {
	c := r.medium.codec
	if c == nil || f.records == 0 {
		return
	}
	block := c.Pack(nil, f.data)
	plain := 0
	for _, rec := range f.data {
		plain += recordSize(rec)
	}
	if len(block) >= plain {
		return
	}
	again, err := c.Unpack(block, c.Version())
	if err != nil || len(again) != f.records {
		return
	}
	for i, rec := range again {
		if !bytes.Equal(rec, f.data[i]) {
			return
		}
	}
	f.codec, f.block = c.Version(), block
}

// settleLocked takes the records of a durable frame out of memory. Those
// that were given up meanwhile are gone from pending already.
func (r *Ring) settleLocked(f *frame) {
	first := r.next - uint64(len(r.pending))
	n := 0
	for ; first+uint64(n) < f.end() && n < len(r.pending); n++ {
		r.bytes -= len(r.pending[n])
	}
	r.forgetPendingLocked(n)
}

// place writes a frame after the last one and syncs. If that fails it is
// written once more, in the next segment: a failed sync tells nothing about
// what is on the medium. A segment that holds no committed frame yet is tried
// again from its start, and given up only after more and more failures, so
// that a failing medium does not eat the older segments one by one.
func (r *Ring) place(f *frame) (n int, err error) {
	for range 2 {
		if n, err = r.write(f); err == nil {
			return n, nil
		}
		t := &r.tail
		t.failed++
		switch {
		case t.opening && t.failed <= firstPatience: // a start that fails again and again must not eat the ring
			return 0, err
		case t.committed:
			t.offset, t.committed = int64(r.medium.segmentSize), false
		case t.failed > t.patience:
			r.giveUpSegment()
		default:
			t.offset = 0
		}
	}
	return 0, err
}

const (
	// firstPatience is how often a new segment is tried before it is given up.
	firstPatience = 64
	// mostGiven is how many segments in a row are given up at most: recovery
	// must find what stands after them. Then they are tried again.
	mostGiven = neighbours - 2
)

// giveUpSegment goes on to the next segment, or back to the first one that
// was given up.
func (r *Ring) giveUpSegment() {
	t := &r.tail
	t.offset, t.patience = int64(r.medium.segmentSize), 2*t.failed
	if t.given++; t.given > mostGiven {
		t.segment, t.given = t.last, 0
	}
}

func (r *Ring) write(f *frame) (int, error) {
	t := &r.tail
	f.segment, f.offset, f.previous, f.chain, f.torn = t.segment, uint32(t.offset), t.previous, t.chain, t.torn
	b := f.append(r.buf[:0], r.medium.id)
	if t.offset+int64(len(b)) > int64(r.medium.segmentSize) {
		f.segment, f.offset = t.segment+1, 0
		t.segment, t.offset, t.committed = f.segment, 0, false
		if r.reuse(f.segment) {
			b = r.withUnseen(f, b)
		}
		f.header.put(b, r.medium.id)
	}
	b = append(b, make([]byte, r.medium.pad(len(b))-len(b))...)
	r.buf = b
	if _, err := r.medium.file.WriteAt(b, r.medium.at(f.segment, int64(f.offset))); err != nil {
		return 0, err
	}
	if !skipSync {
		if err := r.medium.file.Sync(); err != nil {
			return 0, err
		}
	}
	r.tail = tail{
		segment: f.segment, offset: r.medium.after(&f.header), previous: r.medium.position(&f.header), chain: f.crc,
		committed: true, last: f.segment, patience: firstPatience,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.written {
		r.first = f.first
	}
	r.newest, r.end, r.written = f.segment, r.tail.offset, true
	return len(b), nil
}

// withUnseen gives the frame with what it is about to overwrite counted, where
// there is room for that. Else the next one has it.
func (r *Ring) withUnseen(f *frame, b []byte) []byte {
	before := f.positions
	r.mu.Lock()
	f.positions = r.positionsLocked()
	r.mu.Unlock()
	if f.size() > r.medium.segmentSize {
		f.positions = before
	}
	return f.append(b[:0], r.medium.id)
}

// reuse leads readers past a slot's old segment before the first byte of it
// is overwritten, and counts for each cursor what it had not read; false if
// that is nothing.
func (r *Ring) reuse(segment uint64) bool {
	n := uint64(r.medium.segments)
	r.mu.Lock()
	lowest := r.lowest
	r.mu.Unlock()
	if segment < n || segment-n < lowest {
		return false
	}
	old := segment - n
	_, oldest, found, _ := r.medium.readable(old+1, segment)
	r.mu.Lock()
	r.lowest = old + 1
	end := r.next
	if found {
		r.first, end = oldest.first, oldest.first
	}
	r.mu.Unlock()
	cursors := r.Cursors()
	lost := r.unread(old, end, cursors)
	since := r.firstTaken(old, lost, cursors)
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.unseenAt, since)
	for name, n := range lost {
		r.stats.Lost[name] += n
		r.unseen[name] += uint64(n)
	}
	return len(lost) > 0
}

// firstTaken tells when the first record was taken that each cursor loses with a
// segment, where it has lost none before it. That is read once in an outage.
func (r *Ring) firstTaken(segment uint64, lost map[string]int, cursors map[string]uint64) map[string]uint64 {
	since := map[string]uint64{}
	if r.opt.Taken == nil {
		return since
	}
	for name := range lost {
		r.mu.Lock()
		before := r.unseen[name]
		r.mu.Unlock()
		if before > 0 {
			continue
		}
		if at := r.takenAfter(segment, cursors[name]); at > 0 {
			since[name] = at
		}
	}
	return since
}

// takenAfter tells when the first record after a number was taken, in ms since
// 1970, of those in a segment; 0 if nobody knows.
func (r *Ring) takenAfter(segment, pos uint64) uint64 {
	for w := (walk{m: &r.medium, segment: segment}); ; {
		h, unit, ok, _ := w.past()
		if !ok {
			return 0
		}
		if h.end() <= pos+1 || h.records == 0 { // a start has reserved numbers
			continue
		}
		f, err := r.medium.body(h, unit)
		if err != nil || f.unpack(r.medium.codec) != nil {
			return 0
		}
		at, ok := r.opt.Taken(f.data[max(pos+1, h.first)-h.first])
		if !ok || at.UnixMilli() <= 0 {
			return 0
		}
		return uint64(at.UnixMilli())
	}
}

// unread counts the records of a segment that each cursor has not passed.
// Those that stand once more in the next one, because a sync had failed, are
// not gone.
func (r *Ring) unread(segment, end uint64, cursors map[string]uint64) map[string]int {
	lost := map[string]int{}
	counted := uint64(0)
	for w := (walk{m: &r.medium, segment: segment}); ; {
		h, _, ok, _ := w.past()
		if !ok {
			return lost
		}
		from, to := max(h.first, counted), min(h.end(), end)
		for name, pos := range cursors {
			if n := int64(to) - int64(max(pos+1, from)); n > 0 {
				lost[name] += int(n)
			}
		}
		counted = max(counted, h.end())
	}
}
