package dlt645

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// DI is a data identifier: what is read or written. It has four bytes in the
// 2007 edition (DI3 DI2 DI1 DI0) and two in that of 1997 (DI1 DI0).
type DI struct {
	Protocol Protocol
	Code     uint32 // 0x02010100 for 02010100; 0x9010 for 9010
}

// ParseDI reads 8 hexadecimal digits as an identifier of 2007 and 4 as one
// of 1997.
func ParseDI(s string) (DI, error) {
	code, err := strconv.ParseUint(s, 16, 32)
	switch {
	case err == nil && len(s) == 8:
		return DI{V2007, uint32(code)}, nil
	case err == nil && len(s) == 4:
		return DI{V1997, uint32(code)}, nil
	}
	return DI{}, fmt.Errorf("dlt645: data identifier %q is neither 8 hexadecimal digits (2007) nor 4 (1997)", s)
}

// String gives the digits that ParseDI reads, DI3 (or DI1) first.
func (di DI) String() string {
	if di.Protocol == V1997 {
		return fmt.Sprintf("%04X", di.Code)
	}
	return fmt.Sprintf("%08X", di.Code)
}

// Len is how many bytes the identifier takes: 4 or 2.
func (di DI) Len() int {
	if di.Protocol == V1997 {
		return 2
	}
	return 4
}

// AppendBinary appends the identifier low byte first.
func (di DI) AppendBinary(b []byte) ([]byte, error) {
	for i := range di.Len() {
		b = append(b, byte(di.Code>>(8*i)))
	}
	return b, nil
}

// DIOf reads an identifier as it goes on the wire, low byte first: 4 bytes are
// one of 2007, 2 bytes one of 1997; false for any other number.
func DIOf(b []byte) (DI, bool) {
	switch len(b) {
	case 4:
		return readDI(V2007, b)
	case 2:
		return readDI(V1997, b)
	}
	return DI{}, false
}

// readDI takes the identifier of that edition off the front of data.
func readDI(p Protocol, data []byte) (DI, bool) {
	if p == V1997 {
		if len(data) < 2 {
			return DI{Protocol: p}, false
		}
		return DI{p, uint32(data[0]) | uint32(data[1])<<8}, true
	}
	if len(data) < 4 {
		return DI{Protocol: p}, false
	}
	return DI{p, binary.LittleEndian.Uint32(data)}, true
}

// byteAt gives one byte of a 2007 identifier: byteAt(3) is DI3.
func (di DI) byteAt(i int) byte { return byte(di.Code >> (8 * i)) }
