package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	frameMagic  = 0x3152646D // "mdR1"
	frameHeader = 64

	// MaxRecord is the longest record, in bytes.
	MaxRecord = 32 << 10
	// MaxCursors is how many cursors a store keeps.
	MaxCursors = 16
	// MaxCursorName is the longest name of a cursor, in bytes.
	MaxCursorName = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var le = binary.LittleEndian

// frame is one commit.
type frame struct {
	segment  uint64
	offset   uint32 // in the segment
	length   uint32 // before padding
	first    uint64 // number of the first record
	reserved uint64
	total    uint64 // records that were ever put into the store before first
	chain    uint32 // crc of the frame before
	crc      uint32
	cursors  []cursor
	records  [][]byte
}

type cursor struct {
	name string
	pos  uint64
}

// end is the number behind the last record.
func (f *frame) end() uint64 { return f.first + uint64(len(f.records)) }

// append appends the frame without padding and sets length and crc.
func (f *frame) append(b []byte, id [16]byte) []byte {
	start := len(b)
	b = le.AppendUint32(b, frameMagic)
	b = le.AppendUint32(b, 0) // crc
	b = le.AppendUint32(b, 0) // length
	b = le.AppendUint32(b, f.offset)
	b = le.AppendUint64(b, f.segment)
	b = le.AppendUint64(b, f.first)
	b = le.AppendUint64(b, f.reserved)
	b = le.AppendUint32(b, uint32(len(f.records)))
	b = le.AppendUint16(b, uint16(len(f.cursors)))
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, f.chain)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, f.total)
	for _, c := range f.cursors {
		b = append(b, byte(len(c.name)))
		b = append(b, c.name...)
		b = le.AppendUint64(b, c.pos)
	}
	for _, r := range f.records {
		b = binary.AppendUvarint(b, uint64(len(r)))
		b = append(b, r...)
	}
	f.length = uint32(len(b) - start)
	le.PutUint32(b[start+8:], f.length)
	f.crc = frameCRC(b[start:], id)
	le.PutUint32(b[start+4:], f.crc)
	return b
}

func frameCRC(b []byte, id [16]byte) uint32 {
	return crc32.Update(crc32.Checksum(id[:], castagnoli), castagnoli, b[8:])
}

// cursorSize is what a cursor takes in a frame.
func cursorSize(name string) int { return 1 + len(name) + 8 }

// recordSize is what a record takes in a frame.
func recordSize(r []byte) int { return (len(binary.AppendUvarint(nil, uint64(len(r))))) + len(r) }

var (
	errNoFrame  = errors.New("store: no frame")
	errBadFrame = errors.New("store: damaged frame")
)

// frameLength gives the length that a header claims; errNoFrame if it is no
// header. Whether the frame is good only its crc tells.
func frameLength(head []byte, most int) (int, error) {
	if len(head) < frameHeader || le.Uint32(head) != frameMagic {
		return 0, errNoFrame
	}
	n := int(le.Uint32(head[8:]))
	if n < frameHeader || n > most {
		return 0, errBadFrame
	}
	return n, nil
}

// parseFrame reads a frame whose length is len(b). The records point into b.
func parseFrame(b []byte, id [16]byte) (*frame, error) {
	n, err := frameLength(b, len(b))
	if err != nil {
		return nil, err
	}
	f := &frame{crc: le.Uint32(b[4:])}
	if n != len(b) || f.crc != frameCRC(b, id) || le.Uint16(b[46:]) != 0 || le.Uint32(b[52:]) != 0 {
		return nil, errBadFrame
	}
	f.length = uint32(n)
	f.offset = le.Uint32(b[12:])
	f.segment = le.Uint64(b[16:])
	f.first = le.Uint64(b[24:])
	f.reserved = le.Uint64(b[32:])
	f.chain = le.Uint32(b[48:])
	f.total = le.Uint64(b[56:])
	records, cursors := int(le.Uint32(b[40:])), int(le.Uint16(b[44:]))
	rest := b[frameHeader:]
	if records > len(rest) || cursors > MaxCursors {
		return nil, errBadFrame
	}
	for range cursors {
		if len(rest) < 1 || len(rest) < cursorSize("")+int(rest[0]) {
			return nil, errBadFrame
		}
		n := int(rest[0])
		f.cursors = append(f.cursors, cursor{string(rest[1 : 1+n]), le.Uint64(rest[1+n:])})
		rest = rest[cursorSize("")+n:]
	}
	f.records = make([][]byte, 0, records)
	for range records {
		n, w := binary.Uvarint(rest)
		// A length is written in one way only.
		if w <= 0 || w > 1 && rest[w-1] == 0 || n > uint64(len(rest)-w) {
			return nil, errBadFrame
		}
		f.records = append(f.records, rest[w:w+int(n)])
		rest = rest[w+int(n):]
	}
	if len(rest) != 0 {
		return nil, errBadFrame
	}
	return f, nil
}
