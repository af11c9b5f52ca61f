package store

import "time"

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
	}
	r.mu.Unlock()
	if r.opt.Failed != nil && (err != nil || had) {
		r.opt.Failed(err)
	}
}

// commitFrame writes one frame. More tells that records are left, because
// one frame does not hold them all.
func (r *Ring) commitFrame(clean bool) (more bool, err error) {
	began := time.Now()
	f, more, moved := r.collect(clean)
	n, err := r.place(f)
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved = f.reserved
	r.settleLocked(f)
	r.since = began // what is left came while the frame was written, or later
	r.moved -= moved
	r.movedAt = began
	r.stats.Commits++
	r.stats.BytesWritten += int64(n)
	return more, nil
}

// collect builds a frame from the oldest pending records, as many as fit
// into a segment, and from all cursors. More tells that some do not fit. The
// last frame of a clean end takes the reservation back: from here on no
// number is given until another frame has reserved some.
func (r *Ring) collect(clean bool) (f *frame, more bool, moved int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f = &frame{first: r.next - uint64(len(r.pending)), total: r.total - uint64(len(r.pending))}
	size := frameHeader
	for name, pos := range r.cursors {
		f.cursors = append(f.cursors, cursor{name, pos})
		size += cursorSize(name)
	}
	for _, rec := range r.pending {
		size += recordSize(rec)
		if size > r.medium.segmentSize {
			break
		}
		f.records = append(f.records, rec)
	}
	more = len(f.records) < len(r.pending)
	f.reserved = f.end() + reserveAhead
	if clean && !more {
		f.reserved = f.end()
		r.reserved = f.end()
	}
	return f, more, r.moved
}

// settleLocked takes the records of a durable frame out of memory. Those
// that were given up meanwhile are gone from pending already.
func (r *Ring) settleLocked(f *frame) {
	first := r.next - uint64(len(r.pending))
	for ; first < f.end() && len(r.pending) > 0; first++ {
		r.bytes -= len(r.pending[0])
		r.pending[0] = nil
		r.pending = r.pending[1:]
	}
}

// place writes a frame behind the last one and syncs. If that fails it is
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
		case t.opening: // a start that fails again and again must not eat the ring
			return 0, err
		case t.committed:
			t.offset = int64(r.medium.segmentSize)
		case t.failed > t.patience:
			t.offset, t.patience = int64(r.medium.segmentSize), 2*t.failed
		default:
			t.offset = 0
		}
	}
	return 0, err
}

// firstPatience is how often a new segment is tried before it is given up.
const firstPatience = 64

func (r *Ring) write(f *frame) (int, error) {
	f.segment, f.offset, f.chain = r.tail.segment, uint32(r.tail.offset), r.tail.chain
	b := f.append(nil, r.medium.id)
	if r.tail.offset+int64(len(b)) > int64(r.medium.segmentSize) {
		f.segment, f.offset = r.tail.segment+1, 0
		r.tail.segment, r.tail.offset, r.tail.committed = f.segment, 0, false
		r.reuse(f.segment)
		b = f.append(b[:0], r.medium.id)
	}
	b = append(b, make([]byte, r.medium.pad(len(b))-len(b))...)
	if _, err := r.medium.file.WriteAt(b, r.medium.at(f.segment, int64(f.offset))); err != nil {
		return 0, err
	}
	if err := r.medium.file.Sync(); err != nil {
		return 0, err
	}
	r.tail = tail{segment: f.segment, offset: r.medium.after(f), chain: f.crc, committed: true, patience: firstPatience}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[f.segment%uint64(r.medium.segments)]
	if !s.used {
		*s = slot{used: true, segment: f.segment, first: f.first}
	}
	r.newest = f.segment
	return len(b), nil
}

// reuse takes a slot's old segment out of the index before the first byte of
// it is overwritten, and counts for each cursor what it had not read.
func (r *Ring) reuse(segment uint64) {
	i := segment % uint64(r.medium.segments)
	r.mu.Lock()
	old := r.slots[i]
	r.slots[i].used = false
	r.mu.Unlock()
	if !old.used {
		return
	}
	cursors := r.Cursors()
	lost := map[string]int{}
	for offset := int64(0); ; {
		f, _, ok := r.medium.nextFrame(old.segment, offset)
		if !ok {
			break
		}
		for name, pos := range cursors {
			if unread := int64(f.end()) - int64(max(pos+1, f.first)); unread > 0 {
				lost[name] += int(unread)
			}
		}
		offset = r.medium.after(f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, n := range lost {
		r.stats.Lost[name] += n
	}
}
