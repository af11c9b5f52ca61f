package store

// Where things stand on the medium is found by search, so that opening costs
// a few reads and no memory however large the ring is. Segments stand in the
// slots in the order of their numbers, rotated: the newest is the last one
// before the numbers step back.

const (
	// neighbours is how many slots are looked at beyond the place where the
	// numbers step back: fewer than that in a row that are damaged, stale or
	// given up do not hide the newest segment.
	neighbours = 4
	// lookInto is how far into the segment behind the newest one is looked,
	// in bytes: its first frame may be what is damaged.
	lookInto = 32 << 10
	// samples is how many slots are looked at before a ring counts as empty.
	samples = 16
)

// newestSegment finds the newest segment; false if the ring is empty.
func (m *medium) newestSegment() (uint64, bool) {
	base, ok := m.anySegment()
	if !ok {
		return 0, false
	}
	for {
		last := m.lastInOrder(base)
		next, newer := m.beyond(last)
		if !newer {
			return last, true
		}
		base = next
	}
}

// anySegment finds some segment.
func (m *medium) anySegment() (uint64, bool) {
	n := uint64(m.segments)
	for i := range min(neighbours, n) {
		if s, ok := m.slotSegment(i); ok {
			return s, true
		}
	}
	for i := range min(samples, n) {
		if s, ok := m.slotSegment(i * n / min(samples, n)); ok {
			return s, true
		}
	}
	for offset := int64(0); offset < min(lookInto, int64(m.segmentSize)); offset += int64(m.unit) {
		if h, _, err := m.slotHeader(0, offset); err == nil {
			return h.segment, true // a first segment whose first unit is blank
		}
	}
	return 0, false
}

// slotSegment tells which segment a slot holds: that of its first good
// header. A slot that begins with zeros counts as empty.
func (m *medium) slotSegment(slot uint64) (uint64, bool) {
	for offset := int64(0); offset < int64(m.segmentSize); offset += int64(m.unit) {
		h, b, err := m.slotHeader(slot, offset)
		if err == nil {
			return h.segment, true
		}
		if offset == 0 && b != nil && isZero(b) {
			return 0, false
		}
	}
	return 0, false
}

// lastInOrder finds the last segment from base on, in the same round of the
// ring, before the numbers step back.
func (m *medium) lastInOrder(base uint64) uint64 {
	n := uint64(m.segments)
	low, high := base, base-base%n+n
	for high-low > 1 {
		middle := low + (high-low)/2
		s, at := uint64(0), middle
		for ok := false; !ok && at < min(high, middle+neighbours); {
			if s, ok = m.slotSegment(at); !ok {
				at++
			}
		}
		switch {
		case s == at:
			low = at
		case s > at: // base was stale: this is a later round
			low, high = s, s-s%n+n
		default:
			high = middle
		}
	}
	return low
}

// beyond looks for a segment that is newer than the one that seems the last.
func (m *medium) beyond(last uint64) (uint64, bool) {
	for offset := int64(0); offset < min(lookInto, int64(m.segmentSize)); offset += int64(m.unit) {
		if h, _, err := m.slotHeader(last+1, offset); err == nil && h.segment > last {
			return h.segment, true
		}
	}
	for i := uint64(2); i <= min(neighbours, uint64(m.segments)-1); i++ {
		if s, ok := m.slotSegment(last + i); ok && s > last {
			return s, true
		}
	}
	return 0, false
}

// holding finds where to start reading for a number: the newest of the
// segments from oldest to newest that begins at or before it, else the first
// one that can be read. False if none can.
func (m *medium) holding(number, oldest, newest uint64) (segment uint64, h header, ok bool) {
	if h, _, found := m.nextHeader(newest, 0); found && h.first <= number {
		return newest, h, true
	}
	for low, high := oldest, newest; low < high; {
		middle := low + (high-low)/2
		at, mh, found := m.readable(middle, high)
		switch {
		case !found:
			high = middle
		case mh.first <= number:
			segment, h, ok = at, mh, true
			low = at + 1
		default:
			high = middle
		}
	}
	if !ok {
		segment, h, ok = m.readable(oldest, newest+1)
	}
	return segment, h, ok
}

// readable gives the first segment in [from, to) that holds a frame of its
// own, with the first header of it.
func (m *medium) readable(from, to uint64) (uint64, header, bool) {
	for s := from; s < to; s++ {
		if h, _, ok := m.nextHeader(s, 0); ok {
			return s, h, true
		}
	}
	return 0, header{}, false
}
