package store

// recover finds where the ring ends. It reads the first frame of each slot,
// and the newest segment whole. It never fails and never writes; nobody else
// has the ring yet, so no lock is taken.
func (r *Ring) recover() {
	m := &r.medium
	r.slots = make([]slot, m.segments)
	r.next, r.reserved = 1, 1
	var empty []uint64
	for i := range uint64(len(r.slots)) {
		if r.isEmpty(i) {
			empty = append(empty, i)
			continue
		}
		r.index(i)
	}
	r.searchEmpty(empty)
	var newest uint64
	var last *frame
	var damaged bool
	for last == nil { // a slot that could be read a moment ago may fail now
		s := r.newestSlot()
		if s == nil {
			return
		}
		newest = s.segment
		if last, damaged = r.scanTail(newest); last == nil {
			s.used = false
		}
	}
	r.dropStale(newest)
	for _, c := range last.cursors {
		r.cursors[c.name] = c.pos
	}
	r.newest = newest
	r.tail = tail{segment: newest, offset: m.after(last), chain: last.crc, committed: true, patience: firstPatience}
	r.next, r.total = last.end(), last.total+uint64(len(last.records))
	if clean := last.reserved == last.end(); !clean || damaged {
		// Beyond what was reserved, and beyond what frames that are gone
		// without a trace can have held.
		r.next = max(last.end(), last.reserved) + uint64(r.stats.CapacityBytes)
	}
	r.reserved = r.next
}

// isEmpty reports whether a slot begins with zeros, as it was made.
func (r *Ring) isEmpty(i uint64) bool {
	head, err := r.medium.readAt(i, 0, r.medium.unit)
	return err == nil && isZero(head)
}

// index finds the first good frame in a slot and notes it.
func (r *Ring) index(i uint64) {
	m := &r.medium
	for offset := int64(0); offset < int64(m.segmentSize); offset += int64(m.unit) {
		f, err := m.slotFrame(i, offset)
		if err != nil {
			continue
		}
		r.slots[i] = slot{used: true, segment: f.segment, first: f.first}
		if offset > 0 {
			r.noteDamageLocked(f.first)
		}
		return
	}
	r.stats.Corrupt++
}

// searchEmpty looks into slots that begin with zeros although segments were
// written there: up to the newest one, and one beyond it, whose first frame
// may be what is gone.
func (r *Ring) searchEmpty(empty []uint64) {
	for _, i := range empty {
		s := r.newestSlot()
		if s == nil && i > 0 || s != nil && s.segment+1 < i {
			continue // the ring has not come as far yet
		}
		corrupt := r.stats.Corrupt
		r.index(i)
		if !r.slots[i].used {
			r.stats.Corrupt = corrupt // empty indeed
		}
	}
}

func (r *Ring) newestSlot() *slot {
	var newest *slot
	for i := range r.slots {
		if s := &r.slots[i]; s.used && (newest == nil || s.segment > newest.segment) {
			newest = s
		}
	}
	return newest
}

// dropStale takes segments out of the index that cannot be of this ring's
// present life: each slot holds one of the newest n.
func (r *Ring) dropStale(newest uint64) {
	for i := range r.slots {
		if s := &r.slots[i]; s.used && s.segment+uint64(r.medium.segments) <= newest {
			s.used = false
			r.stats.Corrupt++
		}
	}
}

// scanTail gives the last good frame of the newest segment. Damaged tells
// that something stands behind it or between its frames that is neither a
// good frame nor what was there before: a torn commit, or damage.
func (r *Ring) scanTail(segment uint64) (last *frame, damaged bool) {
	m := &r.medium
	offset := int64(0)
	for {
		f, skipped, ok := m.nextFrame(segment, offset)
		if !ok {
			break
		}
		if skipped > 0 {
			damaged = true
			r.noteDamageLocked(f.first)
		}
		last, offset = f, m.after(f)
	}
	if offset >= int64(m.segmentSize) {
		return last, damaged || !r.blank(segment+1, 0)
	}
	return last, damaged || !r.blank(segment, offset)
}

// blank reports whether a unit holds zeros or a frame of the slot's former
// life.
func (r *Ring) blank(segment uint64, offset int64) bool {
	b, err := r.medium.readAt(segment, offset, r.medium.unit)
	if err != nil {
		return false
	}
	if isZero(b) {
		return true
	}
	n, err := frameLength(b, r.medium.segmentSize-int(offset))
	if err != nil {
		// It may be the inside of a longer frame of the former life, or all
		// that is left of a later one.
		return false
	}
	if b, err = r.medium.readAt(segment, offset, n); err != nil || len(b) < n {
		return false
	}
	_, err = parseFrame(b[:n], r.medium.id)
	return err == nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
