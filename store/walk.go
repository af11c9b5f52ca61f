package store

import (
	"errors"
	"slices"
)

// walk goes through the frames of a segment.
type walk struct {
	m       *medium
	segment uint64
	offset  int64 // where to look for the next one
	ended   int64 // where the last one ends
	seen    []link
	first   link // what the first one names as the frame before it
}

// link names a frame: where it begins, and its header crc.
type link struct {
	at  uint64
	crc uint32
}

// next gives the next good header and the unit that it stands in; false if
// there is none. Where a unit cannot be read the walk stays before it.
func (w *walk) next() (h header, unit []byte, ok bool, err error) {
	for ; w.offset < int64(w.m.segmentSize); w.offset += int64(w.m.unit) {
		h, b, err := w.m.slotHeader(w.segment, w.offset)
		if errors.Is(err, errRead) {
			return header{}, nil, false, err
		}
		if err != nil || h.segment != w.segment || w.stale(&h) {
			continue
		}
		if len(w.seen) == 0 {
			w.first = link{h.previous, h.chain}
		}
		w.seen = append(w.seen, link{w.m.position(&h), h.crc})
		w.offset = w.m.after(&h)
		w.ended = w.offset
		return h, b, true, nil
	}
	return header{}, nil, false, nil
}

// past is next, but it passes over what cannot be read; the error is of the
// last such place.
func (w *walk) past() (h header, unit []byte, ok bool, err error) {
	for {
		h, unit, ok, failed := w.next()
		if failed == nil {
			return h, unit, ok, err
		}
		err = failed
		w.offset += int64(w.m.unit)
	}
}

// back goes back to before the last frame.
func (w *walk) back(h *header) {
	w.seen = w.seen[:len(w.seen)-1]
	w.offset, w.ended = int64(h.offset), int64(h.offset)
}

// stale reports whether a frame is of an older life of this very segment,
// which was written again because its end was not found. A frame names the
// one before it: that was seen, or it is damaged and lies between here and
// the last one that was seen, or in an earlier segment if this is the first.
func (w *walk) stale(h *header) bool {
	if len(w.seen) == 0 {
		return false
	}
	before := link{h.previous, h.chain}
	begin := w.segment * uint64(w.m.segmentSize)
	if h.previous < begin {
		return before != w.first // after torn ones that name the same
	}
	return h.previous < begin+uint64(w.ended) && !slices.Contains(w.seen, before)
}
