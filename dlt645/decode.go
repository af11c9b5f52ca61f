package dlt645

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrUnknown says that the table does not hold an identifier.
var ErrUnknown = errors.New("dlt645: unknown data identifier")

// Decode appends the items that data hold, the payload of an answer for di.
// A block gives one item for each member. The number of bytes must fit the
// table: for an identifier that the table lacks the error is ErrUnknown, for
// a length that no member width divides it says so.
func Decode(dst []Item, di DI, data []byte) ([]Item, error) {
	r, ok := lookup(di)
	if !ok {
		return dst, fmt.Errorf("%w %s", ErrUnknown, di)
	}
	at, first, last, family := r.varying()
	if !family || di.byteAt(at) != block {
		return r.decode(dst, di, data)
	}
	width, n := r.members(data, int(last-first)+1)
	if n == 0 {
		return dst, r.lengthError(di, data)
	}
	for i := range n {
		var err error
		if dst, err = r.decode(dst, di.with(at, first+byte(i)), data[i*width:(i+1)*width]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// members divides a block's data: the width of one member and how many there
// are, at most most. Some meters send one AA or DD behind the last.
func (r *row) members(data []byte, most int) (width, n int) {
	for _, w := range []int{int(r.width), int(r.alt)} {
		if w == 0 {
			continue
		}
		rest := len(data) % w
		if rest == 1 && (data[len(data)-1] == 0xAA || data[len(data)-1] == 0xDD) {
			rest = 0
		}
		if n := len(data) / w; rest == 0 && n <= most {
			return w, n
		}
	}
	return 0, 0
}

func (r *row) lengthError(di DI, data []byte) error {
	if len(data) == 0 {
		return fmt.Errorf("dlt645: the answer for %s holds no data", di)
	}
	return fmt.Errorf("dlt645: the answer for %s holds %d bytes, which is no multiple of %d", di, len(data), r.width)
}

// decode reads the data of one identifier.
func (r *row) decode(dst []Item, di DI, data []byte) ([]Item, error) {
	width := int(r.width)
	switch {
	case len(data) == 0:
		return dst, r.lengthError(di, data)
	case r.form == formTariffs:
		return r.decodeTariffs(dst, di, data)
	case width != 0 && len(data) != width && len(data) != int(r.alt):
		return dst, fmt.Errorf("dlt645: the answer for %s holds %d bytes, want %d", di, len(data), width)
	case r.form == formDemand:
		number, at := data[:3], data[3:]
		dst = append(dst, Item{DI: di, Value: r.value(formNumber, number)})
		return append(dst, Item{DI: di, Index: 1, Value: r.value(formTime, at)}), nil
	}
	return append(dst, Item{DI: di, Value: r.value(r.form, data)}), nil
}

func (r *row) decodeTariffs(dst []Item, di DI, data []byte) ([]Item, error) {
	width, n := r.members(data, 64)
	if n == 0 {
		return dst, r.lengthError(di, data)
	}
	for i := range n {
		v := r.value(formNumber, data[i*width:(i+1)*width])
		dst = append(dst, Item{DI: di, Index: uint8(i), Value: v})
	}
	return dst, nil
}

// value reads one item. Absent and invalid data are values too.
func (r *row) value(f form, b []byte) Value {
	if f == formText {
		return text(b)
	}
	if all(b, 0xFF) {
		return Value{}
	}
	switch f {
	case formNumber:
		return NumberValue(b, r.dec, r.signed)
	case formBits:
		return Value{Kind: Bits, Text: reversed(b)}
	}
	if _, ok := number(b, false); !ok {
		return Value{Kind: Invalid, Text: reversed(b)}
	}
	d := reversed(b) // two digits to a byte, high byte first
	switch f {
	case formDate:
		return Value{Kind: Time, Text: "20" + d[0:2] + "-" + d[2:4] + "-" + d[4:6]}
	case formClock:
		return Value{Kind: Time, Text: d[0:2] + ":" + d[2:4] + ":" + d[4:6]}
	case formTime:
		return Value{Kind: Time, Text: "20" + d[0:2] + "-" + d[2:4] + "-" + d[4:6] + " " + d[6:8] + ":" + d[8:10]}
	}
	return Value{Kind: Characters, Text: d}
}

// NumberValue reads BCD bytes, low byte first, as a number with dec decimal
// places. It is for identifiers that the table does not hold.
func NumberValue(b []byte, dec uint8, signed bool) Value {
	if all(b, 0xFF) {
		return Value{}
	}
	n, ok := number(b, signed)
	if !ok || len(b) > 9 {
		return Value{Kind: Invalid, Text: reversed(b)}
	}
	return Value{Kind: Number, Dec: Decimal{n, dec}}
}

// text reads ASCII that was sent last character first. Padding (00, 20, FF)
// on either side is dropped.
func text(b []byte) Value {
	b = bytes.Trim(b, "\x00\x20\xFF")
	if len(b) == 0 {
		return Value{}
	}
	s := make([]byte, len(b))
	for i, c := range b {
		if c < 0x20 || c > 0x7E {
			return Value{Kind: Invalid, Text: reversed(b)}
		}
		s[len(b)-1-i] = c
	}
	return Value{Kind: Characters, Text: string(s)}
}

func all(b []byte, c byte) bool {
	for _, x := range b {
		if x != c {
			return false
		}
	}
	return true
}
