package dlt645

import (
	"errors"
	"fmt"
)

// ErrUnknown says that the table does not hold an identifier.
var ErrUnknown = errors.New("dlt645: unknown data identifier")

// Decode appends the items that data hold, the payload of an answer for di.
// A block gives one item for each member. The number of bytes must fit the
// table: for an identifier that the table lacks the error is ErrUnknown, for
// another length a *LengthError.
func Decode(dst []Item, di DI, data []byte) ([]Item, error) {
	e, ok := lookup(di)
	if !ok {
		return dst, fmt.Errorf("%w %s", ErrUnknown, di)
	}
	if e.mask != 0 && di.Code&e.mask == e.mask {
		return e.decodeBlock(dst, di, data)
	}
	return e.decode(dst, di, data)
}

func (e *entry) decodeBlock(dst []Item, di DI, data []byte) ([]Item, error) {
	width, stride, n := e.members(data, int(e.last-e.first)+1)
	if n == 0 {
		if di.Code == powers1997 && di.Protocol == V1997 && len(data) == 16 {
			return e.decodePowers(dst, di, data)
		}
		return dst, e.lengthError(di, data)
	}
	for i := range n {
		var err error
		if dst, err = e.decode(dst, di.member(e.mask, e.first+uint32(i)), data[i*stride:i*stride+width]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// powers1997 asks for the active powers.
const powers1997 = 0xB63F

// decodePowers reads the block of active powers as some meters of 1997 have it,
// with the two limits, which have a format of their own, after it.
func (e *entry) decodePowers(dst []Item, di DI, data []byte) ([]Item, error) {
	dst, err := e.decodeBlock(dst, di, data[:12])
	for i := 12; i < 16 && err == nil; i += 2 {
		dst, err = Decode(dst, DI{V1997, 0xB634 + uint32(i-12)/2}, data[i:i+2])
	}
	return dst, err
}

// members divides the data of n members, at most most: the width of one, and
// from where to where the next begins. Some meters send one AA or DD after
// the last, some of 1997 an AA between them.
func (e *entry) members(data []byte, most int) (width, stride, n int) {
	// What is separated comes first: total and four tariffs of 4 bytes with AA
	// after each are as long as six of them. No digit is A or D.
	for _, w := range [2]int{e.width, e.alt} {
		if w == 0 || e.parts[0].form == formBits {
			continue
		}
		n, rest := len(data)/(w+1), len(data)%(w+1)
		if rest == w {
			n, rest = n+1, 0
		}
		if rest == 0 && n > 1 && n <= most && separated(data, w) {
			return w, w + 1, n
		}
	}
	for _, w := range [2]int{e.width, e.alt} {
		if w == 0 {
			continue
		}
		n, rest := len(data)/w, len(data)%w
		if rest == 1 && isFill(data[len(data)-1]) {
			rest = 0
		}
		if rest == 0 && n > 0 && n <= most {
			return w, w, n
		}
	}
	return 0, 0, 0
}

func isFill(b byte) bool { return b == 0xAA || b == 0xDD }

// separated reports whether an AA or DD stands after every w bytes.
func separated(data []byte, w int) bool {
	for i := w; i < len(data); i += w + 1 {
		if !isFill(data[i]) {
			return false
		}
	}
	return true
}

// LengthError says that a good answer holds another number of bytes than the
// table has for its identifier: its layout is unknown, and its bytes are all
// that can be told.
type LengthError struct {
	DI     DI
	Bytes  int
	Want   int  // 0: no number of tariffs explains them
	Always bool // exactly as many, else a multiple of it
}

// Error names the identifier and both numbers.
func (e *LengthError) Error() string {
	if e.Bytes == 0 {
		return "dlt645: the answer for " + e.DI.String() + " holds no data"
	}
	want := "which no number of tariffs explains"
	if e.Always {
		want = fmt.Sprint("want ", e.Want)
	} else if e.Want != 0 {
		want = fmt.Sprint("which is no multiple of ", e.Want)
	}
	return fmt.Sprintf("dlt645: the answer for %s holds %d bytes, %s", e.DI, e.Bytes, want)
}

func (e *entry) lengthError(di DI, data []byte) error {
	return &LengthError{DI: di, Bytes: len(data), Want: e.width}
}

// decode reads the data of one identifier.
func (e *entry) decode(dst []Item, di DI, data []byte) ([]Item, error) {
	p := &e.parts[0]
	if e.plain && len(data) == e.width { // most of what is ever read
		if n, ok := number(data, p.signed); ok {
			if len(dst) == cap(dst) {
				dst = append(dst, Item{})[:len(dst)]
			}
			dst = dst[:len(dst)+1]
			it := &dst[len(dst)-1] // in place: an Item has 56 bytes
			it.DI, it.Index = di, 0
			it.Value.Kind, it.Value.Dec.Coef, it.Value.Dec.Scale, it.Value.Text = Number, n, p.dec, ""
			return dst, nil
		}
	}
	switch {
	case len(data) == 0:
		return dst, e.lengthError(di, data)
	case p.form == formLoad:
		return decodeLoad(dst, di, data)
	case p.form == formFreeze:
		return decodeFreeze(dst, di, data)
	case e.again != once:
		return e.decodeAgain(dst, di, data)
	case e.width != 0 && len(data) != e.width && len(data) != e.alt:
		return dst, &LengthError{di, len(data), e.width, true}
	case len(e.parts) == 1:
		return append(dst, Item{DI: di, Value: p.value(data)}), nil
	}
	return e.decodeParts(dst, di, data, 0)
}

// decodeParts reads one set of parts, as many as there are data for.
func (e *entry) decodeParts(dst []Item, di DI, data []byte, index int) ([]Item, error) {
	for i := range e.parts {
		p := &e.parts[i]
		if int(p.off+p.width) <= len(data) {
			dst = append(dst, Item{DI: di, Index: uint16(index + i), Value: p.value(data[p.off : p.off+p.width])})
		}
	}
	return dst, nil
}

// mostAgain bounds what repeats: the total and 63 tariffs.
const mostAgain = 64

func (e *entry) decodeAgain(dst []Item, di DI, data []byte) ([]Item, error) {
	width, stride, n := e.members(data, mostAgain)
	if n == 0 {
		return dst, e.lengthError(di, data)
	}
	for i := range n {
		var err error
		if dst, err = e.decodeParts(dst, di, data[i*stride:i*stride+width], i*len(e.parts)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// within reports whether a number, without its point, can be the part's.
func (p *part) within(n int64) bool { return p.most == 0 || int64(p.least) <= n && n <= int64(p.most) }

// value reads one item. Absent and invalid data are values too.
func (p *part) value(b []byte) Value {
	if p.form == formNumber {
		v := NumberValue(b, p.dec, p.signed)
		if v.Kind == Number && !p.within(v.Dec.Coef) {
			return Value{Kind: Invalid, Text: reversed(b)}
		}
		return v
	}
	if p.form == formText {
		return textValue(b)
	}
	if all(b, 0xFF) {
		return Value{}
	}
	switch p.form {
	case formBits:
		return Value{Kind: Bits, Text: reversed(b)}
	case formHex:
		return Value{Kind: Characters, Text: reversed(b)}
	case formOctets:
		return Value{Kind: Characters, Text: fmt.Sprintf("%X", b)}
	case formTime:
		return timeValue(b, p.tokens)
	}
	if !digits(b) {
		return Value{Kind: Invalid, Text: reversed(b)}
	}
	return Value{Kind: Characters, Text: reversed(b)}
}

// NumberValue reads BCD bytes, low byte first, as a number with dec decimal
// places. It is for identifiers that the table does not hold.
func NumberValue(b []byte, dec uint8, signed bool) Value {
	if n, ok := number(b, signed); ok {
		return Value{Kind: Number, Dec: Decimal{n, dec}}
	}
	if all(b, 0xFF) {
		return Value{}
	}
	return Value{Kind: Invalid, Text: reversed(b)}
}

// textValue reads ASCII that was sent last character first. Padding (00, 20,
// FF) on either side is dropped.
func textValue(b []byte) Value {
	for len(b) > 0 && isPadding(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isPadding(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
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

func isPadding(c byte) bool { return c == 0 || c == ' ' || c == 0xFF }

// timeValue reads BCD, last token first. A date of zeros is none: so meters
// fill events that never were or did not end. A settlement day of nines is none
// either: there are three, and most meters use the first.
func timeValue(b []byte, tokens string) Value {
	if tokens == "DDhh" && all(b, 0x99) {
		return Value{}
	}
	if !digits(b) {
		return Value{Kind: Invalid, Text: reversed(b)}
	}
	s := make([]byte, 0, 20)
	dated, zeros, late, rest := false, true, false, byte(0)
	for i := 0; i < len(tokens); i += 2 {
		c := b[len(b)-1-i/2]
		low, high := timeRange(tokens[i : i+2])
		n := c>>4*10 + c&15
		zeros = zeros && n == 0
		if late {
			rest |= n
		}
		late = late || tokens[i] == 'h' && n == 24
		if n < low || n > high {
			if n != 0 || !all(b, 0) {
				return Value{Kind: Invalid, Text: reversed(b)}
			}
		}
		isDate := tokens[i] <= 'Z'
		dated = dated || isDate
		if i > 0 {
			s = append(s, separator(tokens, i))
		} else if tokens[0] == 'Y' {
			s = append(s, '2', '0')
		}
		s = append(s, '0'+c>>4, '0'+c&15)
	}
	switch {
	case dated && zeros:
		return Value{}
	case late && rest != 0: // 24:00 ends a day, and nothing is after it
		return Value{Kind: Invalid, Text: reversed(b)}
	}
	return Value{Kind: Time, Text: string(s)}
}

// timeRange gives the values that a token may have.
func timeRange(token string) (low, high byte) {
	switch token {
	case "MM":
		return 1, 12
	case "DD":
		return 1, 31
	case "hh":
		return 0, 24 // 24:00 ends a day
	case "mm", "ss":
		return 0, 59
	}
	return 0, 99
}

// digits reports whether all bytes are BCD.
func digits(b []byte) bool {
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return false
		}
	}
	return true
}

func all(b []byte, c byte) bool {
	for _, x := range b {
		if x != c {
			return false
		}
	}
	return true
}
