package dlt645

import (
	"fmt"
	"math"
	"strconv"
)

// Decimal is an exact decimal number, Coef / 10^Scale. It keeps the digits
// that the meter sent: 220.10 and 220.1 are different Decimals of one value.
type Decimal struct {
	Coef  int64
	Scale uint8 // decimal places, at most MaxScale
}

// MaxScale is the most decimal places that a Decimal can have.
const MaxScale = 18

// ParseDecimal reads what String writes: an optional minus, digits, and
// optionally a point and digits.
func ParseDecimal(s string) (Decimal, error) {
	digits, scale, point := make([]byte, 0, len(s)), 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-' && i == 0, '0' <= c && c <= '9':
			digits = append(digits, c)
			if point {
				scale++
			}
		case c == '.' && !point && i > 0 && s[i-1] != '-' && i < len(s)-1:
			point = true
		default:
			return Decimal{}, fmt.Errorf("dlt645: %q is not a decimal number", s)
		}
	}
	coef, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || scale > MaxScale {
		return Decimal{}, fmt.Errorf("dlt645: %q is not a decimal number that fits", s)
	}
	return Decimal{coef, uint8(scale)}, nil
}

// String writes the number with exactly Scale decimal places and without
// leading zeros. A zero has no sign.
func (d Decimal) String() string { return string(d.append(nil)) }

// AppendText appends what String gives.
func (d Decimal) AppendText(b []byte) ([]byte, error) { return d.append(b), nil }

func (d Decimal) append(b []byte) []byte {
	u := uint64(d.Coef)
	if d.Coef < 0 {
		b = append(b, '-')
		u = -u
	}
	if d.Scale == 0 {
		return strconv.AppendUint(b, u, 10)
	}
	p := uint64(pow10(int(d.Scale)))
	b = strconv.AppendUint(b, u/p, 10)
	b = append(b, '.')
	frac := u % p
	for q := p / 10; q > frac && q > 1; q /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, frac, 10)
}

// Mul gives d × n with d's decimal places; false if it does not fit.
func (d Decimal) Mul(n int64) (Decimal, bool) {
	if n != 0 && (d.Coef > math.MaxInt64/abs(n) || d.Coef < -(math.MaxInt64/abs(n))) {
		return Decimal{}, false
	}
	return Decimal{d.Coef * n, d.Scale}, true
}

// Scaled gives d × 10^n as an integer, halves rounded away from zero; false
// if it does not fit.
func (d Decimal) Scaled(n int) (int64, bool) {
	shift := n - int(d.Scale)
	if shift >= 0 {
		if shift > MaxScale {
			return 0, d.Coef == 0
		}
		m, ok := Decimal{Coef: d.Coef}.Mul(pow10(shift))
		return m.Coef, ok
	}
	if -shift > MaxScale {
		return 0, true
	}
	p := pow10(-shift)
	q, r := d.Coef/p, d.Coef%p
	if abs(r) >= p-abs(r) {
		if d.Coef < 0 {
			q--
		} else {
			q++
		}
	}
	return q, true
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
