package store

import (
	"errors"
	"io"
)

// medium reads and places frames; it holds no state of the ring.
type medium struct {
	superblock
	file File
}

// at gives the place of an offset in a segment.
func (m *medium) at(segment uint64, offset int64) int64 {
	slot := int64(segment % uint64(m.segments))
	return 2*int64(m.unit) + slot*int64(m.segmentSize) + offset
}

// pad gives n rounded up to the write unit.
func (m *medium) pad(n int) int { return (n + m.unit - 1) / m.unit * m.unit }

// readAt reads up to n bytes at an offset of a segment.
func (m *medium) readAt(segment uint64, offset int64, n int) ([]byte, error) {
	n = min(n, m.segmentSize-int(offset))
	b := make([]byte, n)
	k, err := m.file.ReadAt(b, m.at(segment, offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:k], nil
}

// frameAt reads the frame of that segment at that offset. A good frame of
// another segment, left over in the slot, is errNoFrame.
func (m *medium) frameAt(segment uint64, offset int64) (*frame, error) {
	f, err := m.slotFrame(segment, offset)
	if err == nil && f.segment != segment {
		return nil, errNoFrame
	}
	return f, err
}

// slotFrame reads whatever frame stands at an offset of a segment's slot.
func (m *medium) slotFrame(segment uint64, offset int64) (*frame, error) {
	if offset+frameHeader > int64(m.segmentSize) {
		return nil, errNoFrame
	}
	b, err := m.readAt(segment, offset, m.unit)
	if err != nil {
		return nil, err
	}
	n, err := frameLength(b, m.segmentSize-int(offset))
	if err != nil {
		return nil, err
	}
	if n > len(b) {
		if b, err = m.readAt(segment, offset, n); err != nil {
			return nil, err
		}
	}
	if n > len(b) {
		return nil, errBadFrame
	}
	f, err := parseFrame(b[:n], m.id)
	if err != nil {
		return nil, err
	}
	if f.offset != uint32(offset) || f.segment%uint64(m.segments) != segment%uint64(m.segments) {
		return nil, errBadFrame // written somewhere else
	}
	return f, nil
}

// nextFrame finds the first good frame of a segment at or behind offset.
// Skipped tells how many units were passed over.
func (m *medium) nextFrame(segment uint64, offset int64) (f *frame, skipped int, ok bool) {
	for ; offset < int64(m.segmentSize); offset += int64(m.unit) {
		if f, err := m.frameAt(segment, offset); err == nil {
			return f, skipped, true
		}
		skipped++
	}
	return nil, skipped, false
}

// after gives the offset behind a frame.
func (m *medium) after(f *frame) int64 { return int64(f.offset) + int64(m.pad(int(f.length))) }
