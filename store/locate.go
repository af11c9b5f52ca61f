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
	// lookInto is how far into the segment after the newest one is looked,
	// in bytes: its first frame may be what is damaged, which is not longer.
	lookInto = mostFrame + 4096
	// spread is how many slots all over the ring are looked at besides those.
	spread = 6
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
		s, at, found := m.across(middle, high)
		switch {
		case found && s == at:
			low = at
		case found && s > at: // base was stale: this is a later round
			low, high = s, s-s%n+n
		default:
			high = middle
		}
	}
	return low
}

// across looks at a slot, and if it holds nothing that can be read at some
// after it, further and further: a hole must not pass for the end.
func (m *medium) across(middle, high uint64) (s, at uint64, found bool) {
	for _, step := range [...]uint64{0, 1, 2, 4, 16, 64} {
		if at = middle + step; at >= high {
			break
		}
		if s, found = m.slotSegment(at); found {
			return s, at, true
		}
	}
	return 0, 0, false
}

// beyond looks for a segment that is newer than the one that seems the last:
// in the segment after it, in those that follow, and here and there.
func (m *medium) beyond(last uint64) (uint64, bool) {
	for offset := int64(0); offset < min(lookInto, int64(m.segmentSize)); offset += int64(m.unit) {
		if h, _, err := m.slotHeader(last+1, offset); err == nil && h.segment > last {
			return h.segment, true
		}
	}
	n := uint64(m.segments)
	for i := uint64(2); i <= min(neighbours, n-1); i++ {
		if s, ok := m.slotSegment(last + i); ok && s > last {
			return s, true
		}
	}
	for i := range uint64(spread) {
		if s, ok := m.slotSegment(last + 1 + (i+1)*n/(spread+1)); ok && s > last {
			return s, true
		}
	}
	return 0, false
}

// holding finds where to start reading for a number: the newest of the
// segments from oldest to newest that begins at or before it, else the first
// one that can be read. False if none can.
//
// A place that cannot be read is an error, unless it is to count as damaged.
func (m *medium) holding(number, oldest, newest uint64, force bool) (segment uint64, h header, ok bool, err error) {
	h, found, err := m.firstHeader(newest)
	if err != nil && !force {
		return 0, h, false, err
	}
	if found && h.first <= number {
		return newest, h, true, nil
	}
	for low, high := oldest, newest; low < high; {
		middle := low + (high-low)/2
		at, mh, found, err := m.readable(middle, high)
		if err != nil && !force {
			return 0, h, false, err
		}
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
		if segment, h, ok, err = m.readable(oldest, newest+1); force {
			err = nil
		}
	}
	return segment, h, ok, err
}

// readable gives the first segment in [from, to) that holds a frame of its
// own, with the first header of it. The error is of a place before that which
// could not be read.
func (m *medium) readable(from, to uint64) (segment uint64, h header, ok bool, err error) {
	for s := from; s < to; s++ {
		h, ok, failed := m.firstHeader(s)
		if failed != nil {
			err = failed
		}
		if ok {
			return s, h, true, err
		}
	}
	return 0, header{}, false, err
}
