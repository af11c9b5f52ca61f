package store

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// medium reads and places frames; it holds no state of the ring.
type medium struct {
	superblock
	file   File // nil: there is none, the ring is in memory
	codec  Codec
	failed atomic.Int64 // reads that failed
}

// errRead says that a place could not be read: what stands there is not
// known, unlike that of a bad frame.
var errRead = errors.New("store: a place cannot be read")

// capacity gives the bytes of all segments.
func (m *medium) capacity() int64 { return int64(m.segments) * int64(m.segmentSize) }

// at gives the place of an offset in a segment.
func (m *medium) at(segment uint64, offset int64) int64 {
	slot := int64(segment % uint64(m.segments))
	return 2*int64(m.unit) + slot*int64(m.segmentSize) + offset
}

// fileSize is how long a file must be that holds the store.
func (m *medium) fileSize() int64 { return 2*int64(m.unit) + m.capacity() }

// pad gives n rounded up to the write unit.
func (m *medium) pad(n int) int { return (n + m.unit - 1) / m.unit * m.unit }

// position gives the place of a frame in the life of the ring.
func (m *medium) position(h *header) uint64 {
	return h.segment*uint64(m.segmentSize) + uint64(h.offset)
}

// after gives the offset after a frame.
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
		m.failed.Add(1)
		return nil, fmt.Errorf("%w: %w", errRead, err)
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

// firstHeader finds the first good header of a segment; false if there is
// none. The error is of a place before it that could not be read.
func (m *medium) firstHeader(segment uint64) (h header, ok bool, err error) {
	w := walk{m: m, segment: segment}
	h, _, ok, err = w.past()
	return h, ok, err
}

// body reads the frame of a header; unit is its first unit.
func (m *medium) body(h header, unit []byte) (*frame, error) {
	b := unit
	if int(h.length) > len(b) {
		rest, err := m.readAt(h.segment, int64(h.offset)+int64(len(unit)), int(h.length)-len(unit))
		if err != nil {
			return nil, err
		}
		b = append(unit[:len(unit):len(unit)], rest...)
		if len(b) < int(h.length) {
			return nil, errBadFrame
		}
	}
	return parseBody(h, b)
}
