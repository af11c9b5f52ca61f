package dlt645

import (
	"bytes"
	"errors"
	"fmt"
)

// Found says where in a buffer a frame stands.
type Found struct {
	Start, End int // the frame is b[Start:End]
	Preamble   int // FE bytes directly before Start
}

// Scan finds the first complete frame in b and reads it into f. Whatever
// stands before it (preamble, noise, echoes cut short, false start bytes) is
// passed over: after a candidate that fails, the search goes on one byte
// after its first 68, so no noise hides the good frame after it.
//
// A candidate that the buffer ends in is passed over too. Whoever reads from
// a stream keeps the bytes from Pending on and scans again when more came.
func Scan(b []byte, f *Frame) (Found, bool) {
	i := 0
	for i < len(b) && b[i] == preambleByte {
		i++
	}
	for i = next(b, i); i < len(b); i = next(b, i+1) {
		n, ok := frameLen(b[i:])
		if !ok || !f.take(b[i:i+n]) {
			if n := frame698(b[i:]); n > 0 { // what it carries is not meant for us
				i += n - 1
			}
			continue
		}
		return Found{Start: i, End: i + n, Preamble: preamble(b, i)}, true
	}
	return Found{}, false
}

// Pending gives the offset of the first candidate in b that further bytes
// may complete, len(b) if there is none. What stands before it can be
// dropped once Scan has found no frame in b.
func Pending(b []byte) int {
	for i := next(b, 0); i < len(b); i = next(b, i+1) {
		if _, err := check(b[i:]); err == errShort {
			return i
		}
	}
	return len(b)
}

// Missing gives how many bytes must still come before a frame can be complete
// at the end of b, in which Scan has found none. A candidate with both of its
// start bytes counts as the frame.
func Missing(b []byte) int {
	least := overheadLen
	for i := next(b, 0); i < len(b); i = next(b, i+1) {
		if _, err := check(b[i:]); err != errShort {
			continue
		}
		n := overheadLen
		if len(b)-i >= headerLen {
			return n + int(b[i+9]) - (len(b) - i)
		}
		least = min(least, n-(len(b)-i))
	}
	return least
}

// Diagnose tells why Scan finds no frame in b: that it is of another protocol,
// what is wrong with the first candidate that has two start bytes, else with
// the first start byte. Where a byte is wrong and a preamble came before it
// right, it says that the parity or the rate probably is.
func Diagnose(b []byte) error {
	if o, ok := FindOther(b); ok {
		return fmt.Errorf("dlt645: a frame of another protocol, %s", o)
	}
	var first error
	at := 0
	for i := next(b, 0); i < len(b); i = next(b, i+1) {
		_, err := check(b[i:])
		if err != nil && i+7 < len(b) && b[i+7] == headByte {
			return likely(b, i, err)
		}
		if first == nil {
			first, at = err, i
		}
	}
	if first == nil {
		return errNoStart
	}
	return likely(b, at, first)
}

// likely adds the cause that a preamble before the start byte points to: FE and
// 68 are read as themselves at some wrong settings, what follows is not.
func likely(b []byte, start int, err error) error {
	if _, wrong := errors.AsType[*FrameError](err); !wrong || preamble(b, start) == 0 {
		return err
	}
	return fmt.Errorf("%w, after a preamble and a start byte: %w", err, ErrSettings)
}

// ErrSettings is among what Diagnose tells where bytes came that a line with
// another parity or rate makes of a frame.
var ErrSettings = errors.New("the parity or the rate may be wrong")

// next gives the offset of the first 68 in b at or after i, len(b) if none.
func next(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	if b[i] == headByte {
		return i
	}
	k := bytes.IndexByte(b[i:], headByte)
	if k < 0 {
		return len(b)
	}
	return i + k
}

func preamble(b []byte, start int) int {
	n := 0
	for start-n > 0 && b[start-n-1] == preambleByte {
		n++
	}
	return n
}
