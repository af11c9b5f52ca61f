package store

import (
	"errors"
	"io"
)

// medium reads and places frames; it holds no state of the ring.
type medium struct {
	superblock
	file  File // nil: there is none, the ring is in memory
	codec Codec
}

// capacity gives the bytes of all segments.
func (m *medium) capacity() int64 { return int64(m.segments) * int64(m.segmentSize) }

// at gives the place of an offset in a segment.
func (m *medium) at(segment uint64, offset int64) int64 {
	slot := int64(segment % uint64(m.segments))
	return 2*int64(m.unit) + slot*int64(m.segmentSize) + offset
}

// pad gives n rounded up to the write unit.
func (m *medium) pad(n int) int { return (n + m.unit - 1) / m.unit * m.unit }

// position gives the place of a frame in the life of the ring.
func (m *medium) position(h *header) uint64 {
	return h.segment*uint64(m.segmentSize) + uint64(h.offset)
}

// after gives the offset behind a frame.
func (m *medium) after(h *header) int64 { return int64(h.offset) + int64(m.pad(int(h.length))) }

// readAt reads up to n bytes at an offset of a segment.
func (m *medium) readAt(segment uint64, offset int64, n int) ([]byte, error) {
	if m.file == nil {
		return nil, errNoFrame
	}
	n = min(n, m.segmentSize-int(offset))
	b := make([]byte, n)
	k, err := m.file.ReadAt(b, m.at(segment, offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:k], nil
}

// slotHeader reads whatever header stands at an offset of a segment's slot,
// and the unit that it is in.
func (m *medium) slotHeader(segment uint64, offset int64) (header, []byte, error) {
	b, err := m.readAt(segment, offset, m.unit)
	if err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(b, uint32(offset), m.segmentSize-int(offset), m.id)
	if err == nil && h.segment%uint64(m.segments) != segment%uint64(m.segments) {
		err = errBadFrame // written somewhere else
	}
	return h, b, err
}

// nextHeader finds the first good header of a segment at or behind offset;
// unit is where it stands.
func (m *medium) nextHeader(segment uint64, offset int64) (h header, unit []byte, ok bool) {
	for ; offset < int64(m.segmentSize); offset += int64(m.unit) {
		h, b, err := m.slotHeader(segment, offset)
		if err == nil && h.segment == segment {
			return h, b, true
		}
	}
	return header{}, nil, false
}

// nextFrame finds the first good frame of a segment at or behind offset.
func (m *medium) nextFrame(segment uint64, offset int64) (*frame, bool) {
	for {
		h, unit, ok := m.nextHeader(segment, offset)
		if !ok {
			return nil, false
		}
		if f, err := m.body(h, unit); err == nil {
			return f, true
		}
		offset = m.after(&h)
	}
}

// body reads the frame of a header; unit is its first unit.
func (m *medium) body(h header, unit []byte) (*frame, error) {
	b := unit
	if int(h.length) > len(b) {
		var err error
		if b, err = m.readAt(h.segment, int64(h.offset), int(h.length)); err != nil {
			return nil, err
		}
		if len(b) < int(h.length) {
			return nil, errBadFrame
		}
	}
	return parseBody(h, b)
}
