package dlt645

import (
	"fmt"
	"time"
)

// signBit is the top bit of a signed item's highest byte (Appendix A): 1 is
// negative. Items that the standard gives no sign use it as a digit.
const signBit = 0x80

// number reads BCD digits, low byte first. False means that a digit is not
// one. At most 9 bytes of BCD fit.
func number(b []byte, signed bool) (int64, bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	i := len(b) - 1
	c := b[i]
	negative := signed && c&signBit != 0
	if negative {
		c &^= signBit
	}
	n := int64(pairs[c])
	bad := pairs[c]
	for i--; i >= 0; i-- {
		d := pairs[b[i]]
		bad |= d
		n = n*100 + int64(d)
	}
	if bad&notBCD != 0 {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// pairs gives the number that a byte of BCD is, notBCD if it is none.
var pairs = func() (t [256]uint8) {
	for c := range t {
		t[c] = notBCD
		if c>>4 <= 9 && c&15 <= 9 {
			t[c] = uint8(c>>4*10 + c&15)
		}
	}
	return t
}()

// notBCD is a bit that no number below 100 has.
const notBCD = 0x80

// AppendNumber appends n as width bytes of BCD, low byte first, with the
// sign in the top bit if signed. It is an error if n does not fit.
func AppendNumber(b []byte, n int64, width int, signed bool) ([]byte, error) {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	start := len(b)
	if width < 1 {
		return b, fmt.Errorf("dlt645: %d does not fit into %d bytes of BCD", n, width)
	}
	for range width {
		b = append(b, byte(u%10)|byte(u/10%10)<<4)
		u /= 100
	}
	last := &b[len(b)-1]
	switch {
	case u != 0 || n < 0 && !signed || signed && *last&signBit != 0:
		return b[:start], fmt.Errorf("dlt645: %d does not fit into %d bytes of BCD", n, width)
	case n < 0:
		*last |= signBit
	}
	return b, nil
}

// reversed gives the bytes high byte first in hexadecimal, as a person reads
// them.
func reversed(b []byte) string {
	const digits = "0123456789ABCDEF"
	s := make([]byte, 0, 2*len(b))
	for i := len(b) - 1; i >= 0; i-- {
		s = append(s, digits[b[i]>>4], digits[b[i]&15])
	}
	return string(s)
}

// appendTime appends ss mm hh DD MM YY, the order of 08H.
func appendTime(b []byte, t time.Time) []byte {
	for _, n := range []int{t.Second(), t.Minute(), t.Hour(), t.Day(), int(t.Month()), t.Year() % 100} {
		b = append(b, bcd(n))
	}
	return b
}

// bcd gives a number of two digits.
func bcd(n int) byte { return byte(n/10%10<<4 | n%10) }
