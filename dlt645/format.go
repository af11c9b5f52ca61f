package dlt645

import (
	"fmt"
	"strconv"
	"strings"
)

// form is how the bytes of one value are read.
type form uint8

const (
	formNumber form = iota // BCD, low byte first
	formDigits             // BCD digits that are no quantity
	formText               // ASCII, last character first
	formBits               // a word of bits, low byte first
	formHex                // a data identifier, low byte first
	formOctets             // bytes as they come
	formTime               // BCD of a calendar, low byte first
	formLoad               // load records, see load.go
	formFreeze             // a block of frozen data, see freeze.go
)

// part is one value within the data of an identifier.
type part struct {
	form   form
	off    uint16 // where its bytes begin
	width  uint16 // bytes; 0: as many as there are
	alt    uint16 // another width that meters send; 0: none
	dec    uint8  // decimal places
	least  uint32 // a number less than that or greater than most is none; most 0: any
	most   uint32
	signed bool   // the top bit is the sign (Appendix A)
	tokens string // of a time: YYMMDDhhmmss or a part of it
	unit   string
	name   words // after the row's name
}

// repeat says whether the parts come again while there are data.
type repeat uint8

const (
	once     repeat = iota
	tariffs         // for the total and then for each tariff
	numbered        // for the first, the second ..
)

// parseFormat reads the notation of the tables, which is the standard's with
// a few signs more:
//
//	XXX.X         BCD digits with decimals; ± in front: the top bit is the sign
//	XX.XX[45-65]  what lies outside of 45 to 65 is no value
//	NN            BCD digits of a number without decimals
//	N12           12 BCD digits that are no quantity
//	A6            6 characters; A: as many as there are
//	B16           16 bits
//	H8            a data identifier of 8 digits
//	O4            4 bytes without a meaning of their own; O: as many as there are
//	YYMMDDWWhhmm  a time, or hhmmNN. It goes last token first. WW, the weekday, and
//	              NN, a number after it, are values by themselves
//	LOAD, FREEZE  layouts that code knows
//	a+b           b after a, in the order of the wire
//	a/4           meters also send a with 4 bytes
//	a*            again for each tariff, the total in front
//	a#            again, numbered
func parseFormat(s, unit string) (parts []part, again repeat, err error) {
	if t, ok := strings.CutSuffix(s, "*"); ok {
		s, again = t, tariffs
	} else if t, ok := strings.CutSuffix(s, "#"); ok {
		s, again = t, numbered
	}
	off := uint16(0)
	for i, one := range strings.Split(s, "+") {
		ps, err := parsePart(one, unit, off)
		if err != nil {
			return nil, 0, err
		}
		for k := range ps {
			if i > 0 || k > 0 {
				ps[k].unit, ps[k].name = "", nameOfPart(ps[k])
			}
			off += ps[k].width
		}
		parts = append(parts, ps...)
	}
	return parts, again, nil
}

// nameOfPart names what stands after the first value of a row.
func nameOfPart(p part) words {
	switch {
	case p.tokens == "WW":
		return "weekday"
	case p.form == formTime:
		return "time"
	}
	return "number"
}

func parsePart(s, unit string, off uint16) ([]part, error) {
	p := part{off: off, unit: unit}
	s, bounds, bounded := strings.Cut(s, "[")
	body, alt, ok := strings.Cut(s, "/")
	if ok {
		n, err := strconv.ParseUint(alt, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("dlt645: format %q: %q is no width", s, alt)
		}
		p.alt = uint16(n)
	}
	switch body {
	case "LOAD":
		p.form = formLoad
		return []part{p}, nil
	case "FREEZE":
		p.form = formFreeze
		return []part{p}, nil
	}
	if t, ok := strings.CutPrefix(body, "±"); ok {
		p.signed, body = true, t
	}
	if digits := strings.Count(body, "X"); digits > 0 {
		whole, frac, _ := strings.Cut(body, ".")
		if len(whole)+len(frac) != digits || digits%2 != 0 {
			return nil, fmt.Errorf("dlt645: format %q", s)
		}
		p.width, p.dec = uint16(digits/2), uint8(len(frac))
		if bounded {
			from, to, _ := strings.Cut(strings.TrimSuffix(bounds, "]"), "-")
			least, err1 := strconv.Atoi(from)
			most, err2 := strconv.Atoi(to)
			if err1 != nil || err2 != nil {
				return nil, fmt.Errorf("dlt645: format %q: %q are no bounds", s, bounds)
			}
			p.least, p.most = uint32(least*int(pow10(len(frac)))), uint32(most*int(pow10(len(frac))))
		}
		return []part{p}, nil
	}
	if f, ok := forms[body[0]]; ok && body != strings.Repeat("N", len(body)) {
		p.form = f.form
		if len(body) == 1 {
			return []part{p}, nil
		}
		n, err := strconv.ParseUint(body[1:], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("dlt645: format %q: %q is no length", s, body[1:])
		}
		p.width = uint16(n) / f.perByte
		return []part{p}, nil
	}
	if n := strings.Count(body, "N"); n > 0 && n == len(body) && n%2 == 0 {
		p.width = uint16(n / 2)
		return []part{p}, nil
	}
	return parseTime(s, off)
}

var forms = map[byte]struct {
	form    form
	perByte uint16 // signs of the length to a byte
}{
	'N': {formDigits, 2}, 'A': {formText, 1}, 'B': {formBits, 8}, 'H': {formHex, 2}, 'O': {formOctets, 1},
}

// parseTime splits a time at what is a value by itself: the date, the time of
// day, the weekday or number. The tokens go on the wire last first.
func parseTime(s string, off uint16) ([]part, error) {
	apart := -1
	for i := 0; i < len(s); i += 2 {
		if i+2 > len(s) || !strings.Contains("YY MM DD WW NN hh mm ss", s[i:i+2]) {
			return nil, fmt.Errorf("dlt645: format %q", s)
		}
		if s[i:i+2] == "WW" || s[i:i+2] == "NN" {
			apart = i
		}
	}
	at := func(i, n int) part {
		p := part{form: formTime, off: off + uint16((len(s)-i-n)/2), width: uint16(n / 2), tokens: s[i : i+n]}
		if p.tokens == "WW" || p.tokens == "NN" {
			p.form = formNumber
		}
		return p
	}
	if apart < 0 {
		return []part{at(0, len(s))}, nil
	}
	parts := []part{at(0, apart)}
	if apart+2 < len(s) {
		parts = append(parts, at(apart+2, len(s)-apart-2))
	}
	return append(parts, at(apart, 2)), nil
}
