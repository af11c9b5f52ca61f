package dlt645

import (
	"fmt"
	"strings"
)

// Refusal is a meter's answer that it will not (D6 of the control byte).
type Refusal struct {
	Protocol Protocol
	Code     []byte // ERR (1 byte) or SERR (2 bytes), in the order of the wire; some meters send none, or more
}

// Refusal gives the error that the frame carries, nil if it carries none.
func (f Frame) Refusal() *Refusal {
	if !f.Control.Refusal() {
		return nil
	}
	return &Refusal{Protocol: f.Protocol(), Code: append([]byte(nil), f.Data...)}
}

// Error gives the code and its meaning in English.
func (r *Refusal) Error() string {
	return fmt.Sprintf("refused by the meter: %s (code %q)", English.Refusal(r), r.CodeText())
}

// CodeText gives the code in hexadecimal, high byte first, "" if the meter
// sent none.
func (r *Refusal) CodeText() string { return reversed(r.Code) }

// Unsupported reports whether the meter says that it has no such data: ERR
// bit 1, "no requested data" in 2007 and "data identifier error" in 1997.
func (r *Refusal) Unsupported() bool { return len(r.Code) == 1 && r.Code[0]&0x02 != 0 }

// Text names every bit that is set, in both languages.
func (r *Refusal) Text() Text { return Text{English.Refusal(r), Chinese.Refusal(r)} }

// Refusal names every bit that is set.
func (l Language) Refusal(r *Refusal) string {
	names := errBits2007[:]
	switch {
	case len(r.Code) == 0:
		return l.say("no reason given")
	case len(r.Code) == 2 && r.Protocol == V2007:
		names = serrBits[:]
	case len(r.Code) > 1:
		names = nil // no edition has such a code: it is told in hexadecimal
	case r.Protocol == V1997:
		names = errBits1997[:]
	}
	var set []string
	for bit, name := range names {
		if bit/8 < len(r.Code) && r.Code[bit/8]>>(bit%8)&1 != 0 {
			set = append(set, l.say(name))
		}
	}
	if len(set) == 0 {
		return l.say("no known reason")
	}
	return strings.Join(set, l.of(", "))
}

// errBits2007 are the bits of ERR, from bit 0.
var errBits2007 = [8]words{
	"other error",
	"no requested data",
	"password error or not authorised",
	"baud rate cannot be changed",
	"number of year zones exceeded",
	"number of day periods exceeded",
	"number of tariffs exceeded",
	"reserved",
}

// errBits1997 are the bits of ERR in the edition of 1997.
var errBits1997 = [8]words{
	"illegal data",
	"data identifier error",
	"password error",
	"reserved",
	"number of year zones exceeded",
	"number of day periods exceeded",
	"number of tariffs exceeded",
	"reserved",
}

// serrBits are the bits of SERR, the two bytes that refuse 03H in 2007. The
// last two are known from one meter's firmware only.
var serrBits = [16]words{
	"other error",
	"repeated recharge",
	"ESAM check failed",
	"identity authentication failed",
	"customer number does not match",
	"recharge count error",
	"over the hoarding limit",
	"address error",
	"suspended",
	"reserved", "reserved", "reserved", "reserved",
	"reserved", "reserved", "reserved",
}
