package dlt645

import (
	"slices"
	"strconv"
)

// Other protocols share the lines of electricity meters, and two of them the
// start byte. Their frames are told by name, so that nobody looks for noise
// where a meter speaks another language.
//
//	Q/GDW 698.45  68 | L L | C | SA CA | HCS | … | FCS | 16    L: all but 68 and 16; both sums are the FCS of RFC 1662
//	Q/GDW 376.1   68 | L L L L | 68 | C … | CS | 16            L: twice the same, four times the bytes between and two bits more
//	CJ/T 188      68 | T | 7 × A | C | L | … | CS | 16         T: 10 to 49
//	Modbus-RTU    address | function | count | … | CRC         answers to the reading functions 1 to 4

// foreignProtocol finds a frame of another protocol at the start of b, and the
// address in one.
type foreignProtocol struct {
	name    string
	frame   func(b []byte) (n int)
	address func(b []byte) string
	carrier bool // what it carries may be a frame of ours
}

var foreignProtocols = []foreignProtocol{
	{"Q/GDW 698.45", frame698, func(b []byte) string { return reversed(b[5 : 6+b[4]&0x0F]) }, true},
	{"Q/GDW 376.1", frame376, func(b []byte) string { return reversed(b[7:9]) + reversed(b[9:11]) }, true},
	{"CJ/T 188", frame188, func(b []byte) string { return reversed(b[2:9]) }, false},
	{"Modbus-RTU", frameModbus, func(b []byte) string { return strconv.Itoa(int(b[0])) }, false},
}

// Other is a frame of another protocol: b[Start:End].
type Other struct {
	Protocol   string
	Address    string // as that protocol writes it, high byte first
	Start, End int
}

// Carrier reports whether frames of that protocol carry those of DL/T 645.
func (o Other) Carrier() bool {
	return slices.ContainsFunc(foreignProtocols, func(p foreignProtocol) bool { return p.name == o.Protocol && p.carrier })
}

// Carries reports whether b holds a good frame of a protocol whose frames carry
// those of DL/T 645.
func Carries(b []byte) bool {
	for i := next(b, 0); i < len(b); i = next(b, i+1) {
		for _, p := range foreignProtocols {
			if p.carrier && p.frame(b[i:]) > 0 {
				return true
			}
		}
	}
	return false
}

// String gives the protocol and the address.
func (o Other) String() string {
	if o.Address == "" {
		return o.Protocol
	}
	return o.Protocol + ", address " + o.Address
}

// FindOther finds the first good frame in b that is not of DL/T 645. One of ours
// that it carries is found by Scan in what follows its first byte.
func FindOther(b []byte) (Other, bool) {
	for i := range b {
		for _, p := range foreignProtocols {
			if n := p.frame(b[i:]); n > 0 {
				return Other{p.name, p.address(b[i : i+n]), i, i + n}, true
			}
		}
	}
	return Other{}, false
}

// Foreign gives the name of the protocol of the first good frame in b that is
// not of DL/T 645, "" if there is none.
func Foreign(b []byte) string {
	o, _ := FindOther(b)
	return o.Protocol
}

// frame698 gives the length of the frame at the start of b, 0 if there is
// none.
func frame698(b []byte) int {
	if len(b) < 12 || b[0] != headByte {
		return 0
	}
	n := (int(b[1]) | int(b[2]&0x3F)<<8) + 2
	head := 1 + 2 + 1 + 1 + int(b[4]&0x0F) + 1 + 1 // 68, L, C, the length of SA, SA, CA
	if n > len(b) || head+2+2+1 > n || b[n-1] != tailByte {
		return 0
	}
	if !hasFCS(b[1:head], b[head:]) || !hasFCS(b[1:n-3], b[n-3:]) {
		return 0
	}
	return n
}

// hasFCS reports whether sum begins with the FCS of RFC 1662 of b, low byte
// first.
func hasFCS(b, sum []byte) bool {
	c := ^crc16(0xFFFF, 0x8408, b)
	return sum[0] == byte(c) && sum[1] == byte(c>>8)
}

// crc16 computes a CRC of 16 bits whose low bit comes first.
func crc16(c, polynomial uint16, b []byte) uint16 {
	for _, x := range b {
		c ^= uint16(x)
		for range 8 {
			odd := c & 1
			c >>= 1
			c ^= polynomial * odd
		}
	}
	return c
}

func frame376(b []byte) int {
	if len(b) < 8 || b[0] != headByte || b[5] != headByte || b[1] != b[3] || b[2] != b[4] || b[1]&3 == 0 {
		return 0
	}
	n := (int(b[1])|int(b[2])<<8)>>2 + 8
	if n > len(b) || n < 14 || b[n-1] != tailByte || checksum(b[6:n-2]) != b[n-2] {
		return 0
	}
	return n
}

func frame188(b []byte) int {
	if len(b) < 13 || b[0] != headByte || b[1] < 0x10 || b[1] > 0x49 {
		return 0
	}
	n := int(b[10]) + 13
	if n > len(b) || b[n-1] != tailByte || checksum(b[:n-2]) != b[n-2] {
		return 0
	}
	return n
}

func frameModbus(b []byte) int {
	if len(b) < 6 || b[0] == 0 || b[0] > 247 || b[1] == 0 || b[1] > 4 {
		return 0
	}
	n := int(b[2]) + 5
	if n > len(b) || b[2] == 0 || b[1] > 2 && b[2]%2 != 0 {
		return 0
	}
	if c := crc16(0xFFFF, 0xA001, b[:n-2]); b[n-2] != byte(c) || b[n-1] != byte(c>>8) {
		return 0
	}
	return n
}
