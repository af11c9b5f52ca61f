package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// Geometry is how a store is laid out. The zero value of a field takes the
// default.
type Geometry struct {
	Unit        int   // bytes that are written at once; 0: 4096, on a device its sector
	SegmentSize int   // bytes; 0: 128 KiB, on a device its erase group
	Size        int64 // of the whole file; 0: 64 MiB
}

func (g Geometry) withDefaults() Geometry {
	if g.Unit == 0 {
		g.Unit = 4096
	}
	if g.SegmentSize == 0 {
		g.SegmentSize = 128 << 10
	}
	if g.Size == 0 {
		g.Size = 64 << 20
	}
	return g
}

// leastSegments keeps a ring a ring: one segment is written while others
// hold what is not delivered yet.
const leastSegments = 4

// MinSize is the smallest store with default unit and segment size.
const MinSize = leastSegments*128<<10 + 2*4096 + lastCopy

// lastCopy is how far from the end the third copy of the superblock stands:
// what is lost at once at the beginning of a device does not reach it.
const lastCopy = 4096

func (g Geometry) segments() int {
	return int((g.Size - 2*int64(g.Unit) - lastCopy) / int64(g.SegmentSize))
}

func (g Geometry) check() error {
	if g.segments() < leastSegments {
		return fmt.Errorf("store: %d bytes are too few for %d segments of %d bytes", g.Size, leastSegments, g.SegmentSize)
	}
	if g.Unit < frameHeader || g.SegmentSize%g.Unit != 0 {
		return fmt.Errorf("store: segments of %d bytes are no multiple of units of %d", g.SegmentSize, g.Unit)
	}
	return nil
}

const (
	superMagic   = 0x474E495244524D45 // "EMRDRING"
	superVersion = 2
	superSize    = 8 + 2 + 2 + 4 + 4 + 4 + 16 + 4
)

// superblock tells whose store a file is.
type superblock struct {
	unit, segmentSize, segments int
	id                          [16]byte
}

func (s *superblock) append(b []byte) []byte {
	start := len(b)
	b = le.AppendUint64(b, superMagic)
	b = le.AppendUint16(b, superVersion)
	b = le.AppendUint16(b, superVersion)
	b = le.AppendUint32(b, uint32(s.unit))
	b = le.AppendUint32(b, uint32(s.segmentSize))
	b = le.AppendUint32(b, uint32(s.segments))
	b = append(b, s.id[:]...)
	return le.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// Errors of Open.
var (
	// ErrForeign says that a file is no store of ours.
	ErrForeign = errors.New("store: not a store")
	// ErrVersion says that a store is of another format.
	ErrVersion = errors.New("store: a store of another version")
)

func parseSuperblock(b []byte) (superblock, error) {
	var s superblock
	if len(b) < superSize || le.Uint64(b) != superMagic || crc32.Checksum(b[:superSize-4], castagnoli) != le.Uint32(b[superSize-4:]) {
		return s, ErrForeign
	}
	if wrote, oldest := le.Uint16(b[8:]), le.Uint16(b[10:]); wrote < superVersion || oldest > superVersion {
		return s, fmt.Errorf("%w: it has format %d, for readers of %d and later; this is %d", ErrVersion, wrote, oldest, superVersion)
	}
	s.unit, s.segmentSize, s.segments = int(le.Uint32(b[12:])), int(le.Uint32(b[16:])), int(le.Uint32(b[20:]))
	copy(s.id[:], b[24:])
	if s.unit < frameHeader || s.segmentSize < s.unit || s.segmentSize%s.unit != 0 || s.segments < leastSegments {
		return s, ErrForeign
	}
	return s, nil
}

// readSuperblock takes the first good copy. The copies' distance is the
// unit, which the first copy would tell: without it the usual ones are tried.
// Of two good ones that differ, that one counts whose frames are there.
func readSuperblock(f File) (superblock, error) {
	var first error
	var found []superblock
	places := []int64{0, 4096, 512}
	if at := lastPlace(f); at > 0 {
		places = append(places, at)
	}
	for i := 0; i < len(places); i++ {
		b := make([]byte, superSize)
		_, err := f.ReadAt(b, places[i])
		if err == nil || errors.Is(err, io.EOF) {
			var s superblock
			if s, err = parseSuperblock(b); err == nil {
				if len(found) == 0 && i == 0 {
					places = append(places, int64(s.unit))
				}
				if !slices.Contains(found, s) {
					found = append(found, s)
				}
				continue
			}
		}
		if first == nil || errors.Is(first, ErrForeign) {
			first = err // a read that failed tells more than a copy that is bad
		}
	}
	if len(found) == 0 {
		return superblock{}, first
	}
	for _, s := range found {
		m := medium{superblock: s, file: f}
		if len(found) == 1 {
			break
		}
		if _, ok := m.newestSegment(); ok {
			return s, nil
		}
	}
	return found[0], nil
}

// lastPlace gives where the third copy stands; 0 if the size is not known.
func lastPlace(f File) int64 {
	if s, ok := f.(interface{ size() int64 }); ok {
		return max(0, s.size()-lastCopy) / lastCopy * lastCopy
	}
	return 0
}

// damagedHead reports whether one of the superblocks is bad, or the file is
// shorter than they tell.
func damagedHead(f io.ReaderAt, s superblock) bool {
	want := s.append(nil)
	for _, at := range []int64{0, int64(s.unit)} {
		b := make([]byte, len(want))
		if _, err := f.ReadAt(b, at); err != nil || string(b) != string(want) {
			return true
		}
	}
	last := make([]byte, 1)
	_, err := f.ReadAt(last, 2*int64(s.unit)+int64(s.segments)*int64(s.segmentSize)-1)
	return err != nil
}
