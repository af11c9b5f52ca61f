package dlt645

import "fmt"

// Address names a meter: 12 digits as printed on it, two to a byte, in the
// order they are printed. On the wire the last byte goes first.
//
// AA in the high-order bytes stands for any digits (abbreviated addressing):
// all meters whose low-order bytes compare answer, each with its own address.
type Address [6]byte

// The addresses that name more than one meter.
var (
	// AnyAddress is answered by every meter, so it is for a line with one.
	AnyAddress = Address{0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA}
	// BroadcastAddress is obeyed by every meter and answered by none.
	BroadcastAddress = Address{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}
)

// AddressDigits is how many digits an address has.
const AddressDigits = 12

// ParseAddress reads 12 digits. The leading bytes may be AA.
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) != AddressDigits {
		return a, fmt.Errorf("dlt645: address %q has %d characters, want %d digits", s, len(s), AddressDigits)
	}
	for i := range a {
		hi, lo := hexNibble(s[2*i]), hexNibble(s[2*i+1])
		b := hi<<4 | lo
		wild := b == 0xAA && (i == 0 || a[i-1] == 0xAA)
		if !wild && (hi > 9 || lo > 9) {
			return Address{}, fmt.Errorf("dlt645: address %q is not %d digits (AA may stand for its first bytes)", s, AddressDigits)
		}
		a[i] = b
	}
	return a, nil
}

// String gives the 12 characters that ParseAddress reads.
func (a Address) String() string { return fmt.Sprintf("%X", a[:]) }

// IsMeter reports whether a is one meter's own address: digits only, and not
// the broadcast address.
func (a Address) IsMeter() bool {
	for _, b := range a {
		if b>>4 > 9 || b&15 > 9 {
			return false
		}
	}
	return a != BroadcastAddress
}

// Accepts reports whether an answer that carries the address from may answer
// a request that was sent to a: equal, or covered by the wildcard in a.
// Some meters answer the all-AA request with AA, and meters of 1997 answer
// reads that were sent to the broadcast address with their own.
func (a Address) Accepts(from Address) bool {
	switch {
	case a == from:
		return true
	case a == BroadcastAddress:
		return from.IsMeter()
	}
	if !from.IsMeter() {
		return false
	}
	wild := true
	for i, b := range a {
		wild = wild && b == 0xAA
		if !wild && b != from[i] {
			return false
		}
	}
	return true
}

// hexNibble gives the value of a hexadecimal digit, 16 for anything else.
func hexNibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

// AppendBinary appends the address as it goes on the wire, low byte first.
func (a Address) AppendBinary(b []byte) ([]byte, error) {
	for i := len(a) - 1; i >= 0; i-- {
		b = append(b, a[i])
	}
	return b, nil
}

// AddressOf reads an address as it goes on the wire, low byte first; false
// if b has not 6 bytes.
func AddressOf(b []byte) (Address, bool) {
	var a Address
	if len(b) != len(a) {
		return a, false
	}
	for i := range a {
		a[len(a)-1-i] = b[i]
	}
	return a, true
}
