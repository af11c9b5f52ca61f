package dlt645

import "fmt"

// Protocol is one of the two editions of the standard.
type Protocol uint8

// The two editions. The zero value is the present one.
const (
	V2007 Protocol = iota
	V1997
)

// String gives the year, the name that configuration and console use.
func (p Protocol) String() string {
	if p == V1997 {
		return "1997"
	}
	return "2007"
}

// ParseProtocol reads "2007" or "1997".
func ParseProtocol(s string) (Protocol, error) {
	switch s {
	case "2007":
		return V2007, nil
	case "1997":
		return V1997, nil
	}
	return 0, fmt.Errorf("dlt645: protocol %q is neither \"2007\" nor \"1997\"", s)
}
