package config

import (
	_ "embed"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// gb2312 holds rows A1 to F7 of GB 2312, 94 characters each, in UTF-16 with the
// high byte first; 0: none there.
//
//go:embed gb2312.bin
var gb2312 string

// readable gives a text that an editor or Excel has written, in UTF-8, and what
// it was in where that was something else. Bytes that are UTF-8 are never taken
// for another; UTF-16 needs its mark, or a zero beside each of the first
// letters. False: it is none of them.
func readable(b []byte) (text, was string, ok bool) {
	switch {
	case strings.HasPrefix(string(b[:min(3, len(b))]), "\ufeff"):
		b = b[3:]
	case len(b) >= 4 && (b[0] == 0xFF && b[1] == 0xFE || b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0):
		text, ok = utf16Text(b, 0)
		return text, "UTF-16", ok
	case len(b) >= 4 && (b[0] == 0xFE && b[1] == 0xFF || b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0):
		text, ok = utf16Text(b, 1)
		return text, "UTF-16", ok
	}
	if utf8.Valid(b) {
		return string(b), "", true
	}
	text, ok = gbText(b)
	return text, "GB18030", ok
}

// utf16Text reads UTF-16; low is the place of a unit's low byte.
func utf16Text(b []byte, low int) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i+1-low])<<8|uint16(b[i+low]))
	}
	text := strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
	return text, !strings.ContainsRune(text, utf8.RuneError)
}

// gbText reads the characters of one and two bytes of GB 18030, which are those
// of GBK.
//
// GBK/3 (8140 to A0FE) and GBK/4 (AA40 to FDA0) hold U+4E00 to U+9FA5 in
// their order, without those that GB 2312 has.
func gbText(b []byte) (string, bool) {
	var out strings.Builder
	var rest []rune // of GBK/3 and GBK/4, once one is met
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c < 0x80 {
			out.WriteByte(c)
			continue
		}
		if i++; i == len(b) {
			return "", false
		}
		d := b[i]
		var r rune
		switch {
		case c >= 0xA1 && c <= 0xF7 && d >= 0xA1 && d <= 0xFE:
			r = gb2312At((int(c)-0xA1)*94 + int(d) - 0xA1)
		case d < 0x40 || d == 0x7F || d == 0xFF:
		default:
			if rest == nil {
				rest = beyondGB2312()
			}
			at := -1
			column := int(d) - 0x40
			if d > 0x7F {
				column--
			}
			switch {
			case c >= 0x81 && c <= 0xA0:
				at = (int(c)-0x81)*190 + column
			case c >= 0xAA && c <= 0xFD && d <= 0xA0:
				at = 32*190 + (int(c)-0xAA)*96 + column
			}
			if at >= 0 && at < len(rest) {
				r = rest[at]
			}
		}
		if r == 0 {
			return "", false
		}
		out.WriteRune(r)
	}
	return out.String(), true
}

func gb2312At(n int) rune { return rune(gb2312[2*n])<<8 | rune(gb2312[2*n+1]) }

// beyondGB2312 gives the unified ideographs that GB 2312 lacks, in their order.
func beyondGB2312() []rune {
	const first, last = 0x4E00, 0x9FA5
	var has [last - first + 1]bool
	for n := range len(gb2312) / 2 {
		if r := gb2312At(n); r >= first && r <= last {
			has[r-first] = true
		}
	}
	var rest []rune
	for i, h := range has {
		if !h {
			rest = append(rest, first+rune(i))
		}
	}
	return rest
}

// narrow writes the wide letters, digits and signs of a Chinese keyboard as
// those of ASCII.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			return r - 0xFF01 + '!'
		case r == 0x3000, r == 0xA0:
			return ' '
		}
		return r
	}, s)
}

// unprintable reports whether a text holds what no terminal is to be sent:
// control characters, and those that turn the direction of writing.
func unprintable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
	})
}

// quoted writes a text as TOML does.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7F:
			b.WriteString(`\u00` + hex.EncodeToString([]byte{byte(r)}))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
