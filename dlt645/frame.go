package dlt645

import (
	"errors"
	"fmt"
)

const (
	headByte     = 0x68
	tailByte     = 0x16
	preambleByte = 0xFE
	dataOffset   = 0x33

	headerLen   = 10 // 68 A0..A5 68 C L
	overheadLen = headerLen + 2

	// MaxData is the longest DATA that the length byte can tell. The
	// standard allows 200 in a read answer and 50 in a write; longer ones
	// are met, so the checksum and the end byte decide.
	MaxData = 255
	// MaxFrame is the length of a frame with MaxData bytes.
	MaxFrame = overheadLen + MaxData
)

// Frame is one frame, without preamble.
type Frame struct {
	Address Address
	Control Control
	Data    []byte // in the order of the wire, without the offset of 33H
}

// FrameLen is the length on the wire of a frame with n bytes of data.
func FrameLen(n int) int { return overheadLen + n }

// AppendBinary appends the frame as it goes on the wire, without preamble.
// Data longer than MaxData bytes is an error.
func (f Frame) AppendBinary(b []byte) ([]byte, error) {
	if len(f.Data) > MaxData {
		return b, fmt.Errorf("dlt645: %d bytes of data, at most %d fit", len(f.Data), MaxData)
	}
	start := len(b)
	b = append(b, headByte)
	for i := len(f.Address) - 1; i >= 0; i-- {
		b = append(b, f.Address[i])
	}
	b = append(b, headByte, byte(f.Control), byte(len(f.Data)))
	for _, d := range f.Data {
		b = append(b, d+dataOffset)
	}
	return append(b, checksum(b[start:]), tailByte), nil
}

// AppendPreamble appends n FE bytes.
func AppendPreamble(b []byte, n int) []byte {
	for range n {
		b = append(b, preambleByte)
	}
	return b
}

// UnmarshalBinary reads exactly one frame, without preamble and with nothing
// after it. It reuses the capacity of f.Data.
func (f *Frame) UnmarshalBinary(b []byte) error {
	n, err := check(b)
	if err != nil {
		return err
	}
	if n != len(b) {
		return fmt.Errorf("dlt645: %d bytes after the frame", len(b)-n)
	}
	f.take(b)
	return nil
}

// frameLen gives the length of the frame that may stand at the start of b,
// where the first start byte is; false if there is none or it is cut off.
func frameLen(b []byte) (int, bool) {
	if len(b) < overheadLen || b[7] != headByte {
		return 0, false
	}
	n := overheadLen + int(b[9])
	if len(b) < n || b[n-1] != tailByte {
		return 0, false
	}
	return n, true
}

// take reads a frame of that length, false if its checksum is wrong. What f
// held is lost then too.
func (f *Frame) take(b []byte) bool {
	data := b[headerLen : len(b)-2]
	if cap(f.Data) < len(data) {
		f.Data = make([]byte, len(data), max(len(data), 64))
	}
	out := f.Data[:len(data)]
	sum := b[0] + b[1] + b[2] + b[3] + b[4] + b[5] + b[6] + b[7] + b[8] + b[9]
	for i, d := range data {
		sum += d
		out[i] = d - dataOffset
	}
	if sum != b[len(b)-2] {
		return false
	}
	for i := range f.Address { // in place: a literal is built and copied
		f.Address[i] = b[6-i]
	}
	f.Control = Control(b[8])
	f.Data = out
	return true
}

// errNoStart says that nothing looks like a frame at all.
var errNoStart = errors.New("dlt645: no start byte 68")

// errShort says that b may be the beginning of a frame.
var errShort = errors.New("dlt645: the frame ends early")

// FrameError says which byte of a candidate makes it no frame.
type FrameError struct {
	Fault     Fault
	Got, Want byte
}

// Fault is a byte that is wrong.
type Fault uint8

// The faults of a frame.
const (
	FaultStart    Fault = iota // the second start byte
	FaultEnd                   // the end byte
	FaultChecksum              // the checksum, or any byte before it
)

// Error gives both bytes.
func (e *FrameError) Error() string {
	what, want := "checksum", "computed"
	if e.Fault == FaultStart {
		what, want = "second start byte", "want"
	} else if e.Fault == FaultEnd {
		what, want = "end byte", "want"
	}
	return fmt.Sprintf("dlt645: %s is %02X, %s %02X", what, e.Got, want, e.Want)
}

// check reports the length of the frame at the start of b, errShort if more
// bytes may complete one, or why there is none.
func check(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, errShort
	case b[0] != headByte:
		return 0, errNoStart
	case len(b) > 7 && b[7] != headByte:
		return 0, &FrameError{FaultStart, b[7], headByte}
	case len(b) < headerLen:
		return 0, errShort
	}
	n := overheadLen + int(b[9])
	if len(b) < n {
		return 0, errShort
	}
	if b[n-1] != tailByte {
		return 0, &FrameError{FaultEnd, b[n-1], tailByte}
	}
	if got, want := b[n-2], checksum(b[:n-2]); got != want {
		return 0, &FrameError{FaultChecksum, got, want}
	}
	return n, nil
}

func checksum(b []byte) byte {
	var sum byte
	for _, c := range b {
		sum += c
	}
	return sum
}
