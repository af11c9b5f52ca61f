package tool

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hexText takes the bytes out of texts. What it gives is good until it reads the
// next.
type hexText struct{ b, words []byte }

// read takes the bytes out of a line of a log, a C array or a dump, and the
// words that are none, with blanks between: time stamps, directions, names.
// Pairs of digits alone, in any grouping, are read as they stand.
func (h *hexText) read(text []byte) (b, words []byte, err error) {
	h.b, h.words = h.b[:0], h.words[:0]
	if h.pairs(text) {
		return h.b, nil, nil
	}
	h.b = h.b[:0]
	from := text
	if body, ok := dumped(text); ok {
		from = body
	}
	for i := 0; i < len(from); {
		if apart[from[i]] {
			i++
			continue
		}
		begin := i
		for i < len(from) && !apart[from[i]] {
			i++
		}
		h.word(from[begin:i])
	}
	if len(h.b) == 0 {
		_, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		return nil, nil, err
	}
	return h.b, h.words, nil
}

// pairs reads a text of nothing but pairs of digits and what separates fields;
// false if it is none.
func (h *hexText) pairs(text []byte) bool {
	high := byte(noDigit)
	for i := 0; i < len(text); {
		c := text[i]
		n := digits[c]
		switch {
		case n == noDigit:
			r, size := utf8.DecodeRune(text[i:])
			if !unicode.IsSpace(r) {
				return false
			}
			i += size
			continue
		case high == noDigit:
			high = n
		default:
			h.b = append(h.b, high<<4|n)
			high = noDigit
		}
		i++
	}
	return high == noDigit
}

// word reads a word: 68, 0x68, 68H, \x68\x69, 68:69:6A:6B, 68-69-6A-6B, 686970.
// A time of day has three numbers and a date four digits in front.
func (h *hexText) word(word []byte) {
	if len(word) == 2 && digits[word[0]] != noDigit && digits[word[1]] != noDigit { // nearly all
		h.b = append(h.b, digits[word[0]]<<4|digits[word[1]])
		return
	}
	if len(word) == 4 { // of xxd and tcpdump
		a, b, c, d := digits[word[0]], digits[word[1]], digits[word[2]], digits[word[3]]
		if a|b|c|d != noDigit {
			h.b = append(h.b, a<<4|b, c<<4|d)
			return
		}
	}
	if b, ok := bytesOf(h.b, word); ok {
		h.b = b
		return
	}
	if len(h.words) > 0 {
		h.words = append(h.words, ' ')
	}
	h.words = append(h.words, word...)
}

// noDigit is of no hexadecimal digit.
const noDigit = 0xFF

// digits gives what a hexadecimal digit is worth.
var digits = func() (t [256]byte) {
	for c := range t {
		t[c] = noDigit
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
		t[unicode.ToUpper(c)] = byte(i)
	}
	return t
}()

// apart tells what stands between bytes in logs and programs.
var apart = func() (t [256]bool) {
	for c := range ' ' + 1 {
		t[c] = true
	}
	for _, c := range ",;[]{}()<>|\"'=" {
		t[c] = true
	}
	return t
}()

// bytesOf appends the bytes of a word, false if it is none.
func bytesOf(b, word []byte) ([]byte, bool) {
	if escaped, ok := bytes.CutPrefix(word, []byte(`\x`)); ok {
		return decoded(b, bytes.ReplaceAll(escaped, []byte(`\x`), nil))
	}
	if digits, ok := cutHexPrefix(word); ok {
		if len(digits) == 1 {
			return decoded(b, []byte{'0', digits[0]})
		}
		return decoded(b, digits)
	}
	for _, sign := range []byte(":-") {
		if len(word) >= 11 && word[2] == sign && joinedBy(word, sign) {
			start := len(b)
			for i := 0; i < len(word); i += 3 {
				var ok bool
				if b, ok = decoded(b, word[i:i+2]); !ok {
					return b[:start], false
				}
			}
			return b, true
		}
	}
	if len(word) == 3 {
		word = bytes.TrimRight(word, "hH")
	}
	return decoded(b, word)
}

// joinedBy reports whether a sign, and no other of its kind, stands between pairs.
func joinedBy(word []byte, sign byte) bool {
	if len(word)%3 != 2 {
		return false
	}
	for i, c := range word {
		if (i%3 == 2) != (c == sign) {
			return false
		}
	}
	return true
}

func cutHexPrefix(word []byte) ([]byte, bool) {
	if len(word) >= 2 && word[0] == '0' && word[1]|0x20 == 'x' {
		return word[2:], true
	}
	return word, false
}

// decoded appends the bytes that pairs of digits are, false if they are none.
func decoded(b, pairs []byte) ([]byte, bool) {
	if len(pairs) == 0 || len(pairs)%2 != 0 || slices.ContainsFunc(pairs, func(c byte) bool { return digits[c] == noDigit }) {
		return b, false
	}
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, digits[pairs[i]]<<4|digits[pairs[i+1]])
	}
	return b, true
}

// dumped gives the bytes of a line of tcpdump -x, xxd or hexdump -C, without the
// offset in front and the characters behind.
func dumped(line []byte) ([]byte, bool) {
	_, body, ok := offsetOf(line)
	if !ok {
		return nil, false
	}
	body, _ = bytesOfDump(bytes.TrimLeft(body, " \t"))
	return body, true
}

// bytesOfDump gives what stands before the characters of a dump: they begin with
// a vertical line, or after two blanks, unless more bytes stand there. It is plain
// if nothing but digits and single blanks between them is left.
func bytesOfDump(body []byte) (of []byte, plain bool) {
	if n := plainBytes(body); n > 0 {
		return body[:n], true
	}
	if i := bytes.IndexByte(body, '|'); i >= 0 {
		body = body[:i]
	}
	for from := 0; ; {
		i := bytes.Index(body[from:], []byte("  "))
		if i < 0 {
			return body, false
		}
		from += i
		rest := bytes.TrimLeftFunc(body[from:], unicode.IsSpace)
		if end := bytes.IndexFunc(rest, unicode.IsSpace); end >= 0 {
			rest = rest[:end]
		}
		if len(rest) > 0 {
			if len(rest) > 4 || len(rest)%2 != 0 || slices.ContainsFunc(rest, func(c byte) bool { return digits[c] == noDigit }) {
				return body[:from], false
			}
		}
		from += 2
	}
}

// plainBytes gives where the bytes of a usual line of a dump end: at the end, or
// before two blanks and characters that are no bytes. It is 0 for any other line.
func plainBytes(body []byte) int {
	for i, c := range body {
		if digits[c] != noDigit || c == ' ' && i > 0 && body[i-1] != ' ' {
			continue
		}
		if c != ' ' || i == 0 || i+1 == len(body) {
			return 0
		}
		if mayBeBytes(body[i+1:]) {
			return 0
		}
		return i - 1
	}
	if len(body) == 0 || body[len(body)-1] == ' ' {
		return 0
	}
	return len(body)
}

// mayBeBytes reports whether what stands after two blanks is not surely
// characters: a word with another sign than digits, or of one, three or more
// than four.
func mayBeBytes(rest []byte) bool {
	for i, c := range rest {
		switch {
		case i > 4:
			return false
		case c == ' ' || c == '|':
			return i%2 == 0
		case c < ' ' || c > '~':
			return true
		case digits[c] == noDigit:
			return false
		}
	}
	return len(rest)%2 == 0
}

// offsetOf reads the offset at the beginning of a line of a dump: 0x0010: or
// 00000010: or 00000010 and two spaces.
func offsetOf(line []byte) (offset, body []byte, ok bool) {
	line = bytes.TrimLeft(line, " \t")
	hex, prefixed := cutHexPrefix(line)
	n := 0
	for n < len(hex) && digits[hex[n]] != noDigit {
		n++
	}
	offset, body = hex[:n], hex[n:]
	colon := len(body) > 0 && body[0] == ':'
	switch {
	case prefixed && n >= 4 && colon,
		!prefixed && n == 8 && len(body) > 1 && body[1] == ' ' && (colon || body[0] == ' '):
		return offset, bytes.TrimPrefix(body, []byte(":")), true
	}
	return nil, nil, false
}

// single reports whether one of the arguments is a byte by itself, so that all
// of them are one input.
func single(args []string) bool {
	return len(args) > 1 && slices.ContainsFunc(args, func(a string) bool {
		var h hexText
		b, _, err := h.read([]byte(a))
		return err == nil && len(b) == 1
	})
}
