package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	frameMagic  = 0x3252646D // "mdR2"
	frameHeader = 64

	// MaxRecord is the longest record, in bytes.
	MaxRecord = 32 << 10
	// MaxCursors is how many cursors a store keeps.
	MaxCursors = 16
	// MaxCursorName is the longest name of a cursor, in bytes.
	MaxCursorName = 64

	mostRecords = 1<<16 - 1 // in a frame
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var le = binary.LittleEndian

// header is what stands before a frame's cursors and records.
type header struct {
	segment  uint64
	offset   uint32 // in the segment; not written, but in the crc
	length   uint32 // of the frame, before padding
	previous uint64 // where the frame before begins: segment × segment size + offset
	chain    uint32 // header crc of the frame before
	first    uint64 // number of the first record
	total    uint64 // records that were ever put into the store before first
	reserved uint32 // numbers after the records that may be given
	records  int
	cursors  int
	codec    byte
	torn     bool // a torn frame stood after the one before
	crc      uint32
	body     uint32 // crc of what follows
}

// end is the number after the last record.
func (h *header) end() uint64 { return h.first + uint64(h.records) }

// frame is one commit.
type frame struct {
	header
	positions []cursor
	block     []byte   // the records as they are written
	data      [][]byte // the records
	lost      Cause    // why there is no data
}

type cursor struct {
	name string
	pos  uint64
}

// Codec packs the records of one commit into a block. Unpack gives back what
// Pack took, to the byte; the ring checks that before it writes a block, and
// writes the records as they are where it is not so.
type Codec interface {
	// Version tells the packings apart, from 1.
	Version() byte
	Pack(b []byte, records [][]byte) []byte
	// Unpack may give records that point into the block.
	Unpack(block []byte, version byte) ([][]byte, error)
}

// append appends the frame, its records as the block if a codec has made one,
// without padding, and sets length and crcs.
func (f *frame) append(b []byte, id [16]byte) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHeader)...)
	for _, c := range f.positions {
		b = append(b, byte(len(c.name)))
		b = append(b, c.name...)
		b = le.AppendUint64(b, c.pos)
	}
	if f.codec != 0 {
		b = append(b, f.block...)
	} else {
		b = appendRecords(b, f.data)
	}
	f.cursors = len(f.positions)
	f.length = uint32(len(b) - start)
	f.body = crc32.Checksum(b[start+frameHeader:], castagnoli)
	f.header.put(b[start:], id)
	return b
}

// size gives the length of the frame, before padding.
func (f *frame) size() int {
	n := frameHeader
	for _, c := range f.positions {
		n += cursorSize(c.name)
	}
	if f.codec != 0 {
		return n + len(f.block)
	}
	for _, r := range f.data {
		n += recordSize(r)
	}
	return n
}

// put writes the header and sets its crc.
func (h *header) put(b []byte, id [16]byte) {
	le.PutUint32(b, frameMagic)
	le.PutUint32(b[8:], h.body)
	le.PutUint32(b[12:], h.length)
	le.PutUint64(b[16:], h.segment)
	le.PutUint64(b[24:], h.previous)
	le.PutUint64(b[32:], h.first)
	le.PutUint64(b[40:], h.total)
	le.PutUint32(b[48:], h.reserved)
	le.PutUint32(b[52:], h.chain)
	le.PutUint16(b[56:], uint16(h.records))
	b[58], b[59] = byte(h.cursors), h.codec
	if h.torn {
		b[60] = flagTorn
	}
	h.crc = headerCRC(b, h.offset, id)
	le.PutUint32(b[4:], h.crc)
}

const flagTorn = 1

func headerCRC(b []byte, offset uint32, id [16]byte) uint32 {
	var seed [20]byte
	copy(seed[:], id[:])
	le.PutUint32(seed[16:], offset)
	return crc32.Update(crc32.Checksum(seed[:], castagnoli), castagnoli, b[8:frameHeader])
}

func appendRecords(b []byte, records [][]byte) []byte {
	for _, r := range records {
		b = binary.AppendUvarint(b, uint64(len(r)))
		b = append(b, r...)
	}
	return b
}

// cursorSize is what a cursor takes in a frame.
func cursorSize(name string) int { return 1 + len(name) + 8 }

// recordSize is what a record takes in a frame that is not packed.
func recordSize(r []byte) int {
	n := len(r) + 1
	for v := len(r); v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

var (
	errNoFrame  = errors.New("store: no frame")
	errBadFrame = errors.New("store: damaged frame")
)

// parseHeader reads a header that stands at an offset of a segment; most is
// what is left of the segment there. errNoFrame: there is none.
func parseHeader(b []byte, offset uint32, most int, id [16]byte) (header, error) {
	if len(b) < frameHeader || le.Uint32(b) != frameMagic {
		return header{}, errNoFrame
	}
	h := header{
		crc: le.Uint32(b[4:]), body: le.Uint32(b[8:]), length: le.Uint32(b[12:]), offset: offset,
		segment: le.Uint64(b[16:]), previous: le.Uint64(b[24:]), first: le.Uint64(b[32:]), total: le.Uint64(b[40:]),
		reserved: le.Uint32(b[48:]), chain: le.Uint32(b[52:]),
		records: int(le.Uint16(b[56:])), cursors: int(b[58]), codec: b[59], torn: b[60]&flagTorn != 0,
	}
	if h.crc != headerCRC(b, offset, id) && !skipCRC {
		return header{}, errBadFrame
	}
	if h.length < frameHeader || int64(h.length) > int64(most) || h.cursors > MaxCursors || b[60] > flagTorn || b[61]|b[62]|b[63] != 0 {
		return header{}, errBadFrame
	}
	return h, nil
}

// parseBody reads what follows a good header, b being the whole frame. What
// is packed stays so: unpack does that.
func parseBody(h header, b []byte) (*frame, error) {
	f := &frame{header: h}
	rest := b[frameHeader:h.length]
	if h.body != crc32.Checksum(rest, castagnoli) && !skipCRC {
		return nil, errBadFrame
	}
	f.positions = make([]cursor, 0, h.cursors)
	for range h.cursors {
		if len(rest) < 1 || len(rest) < cursorSize("")+int(rest[0]) {
			return nil, errBadFrame
		}
		n := int(rest[0])
		f.positions = append(f.positions, cursor{string(rest[1 : 1+n]), le.Uint64(rest[1+n:])})
		rest = rest[cursorSize("")+n:]
	}
	f.block = rest
	return f, nil
}

// errPacked says that a block is of a packing that this codec does not know.
var errPacked = errors.New("store: packed by a newer version")

// unpack sets the frame's records from its block.
func (f *frame) unpack(c Codec) error {
	var err error
	switch {
	case f.codec == 0:
		f.data, err = splitRecords(f.block, f.records)
	case c == nil:
		err = errPacked
	default:
		f.data, err = c.Unpack(f.block, f.codec)
	}
	if err == nil && len(f.data) != f.records {
		err = errBadFrame
	}
	return err
}

func splitRecords(b []byte, n int) ([][]byte, error) {
	if n > len(b) {
		return nil, errBadFrame
	}
	records := make([][]byte, 0, n)
	for range n {
		size, w := binary.Uvarint(b)
		// A length is written in one way only.
		if w <= 0 || w > 1 && b[w-1] == 0 || size > uint64(len(b)-w) {
			return nil, errBadFrame
		}
		records = append(records, b[w:w+int(size)])
		b = b[w+int(size):]
	}
	if len(b) != 0 {
		return nil, errBadFrame
	}
	return records, nil
}
