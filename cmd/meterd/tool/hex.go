package tool

import (
	"encoding/hex"
	"slices"
	"strings"
)

// readHex takes the bytes out of a line of a log, a C array or a dump, and the
// words that are none: time stamps, directions, names. Pairs of digits alone,
// in any grouping, are read as they stand.
func readHex(text string) (b []byte, words []string, err error) {
	if b, err = hex.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
		return b, nil, nil
	}
	if body, ok := dumped(text); ok {
		text = body
	}
	b = nil
	for _, word := range strings.FieldsFunc(text, apart) {
		one, ok := bytesOf(word)
		if !ok {
			words = append(words, word)
			continue
		}
		b = append(b, one...)
	}
	if len(b) == 0 {
		return nil, nil, err
	}
	return b, words, nil
}

// apart reports what stands between bytes in logs and programs.
func apart(r rune) bool {
	return r <= ' ' || strings.ContainsRune(",;[]{}()<>|\"'=", r)
}

// bytesOf reads a word: 68, 0x68, 68H, \x68\x69, 68:69:6A:6B, 68-69-6A-6B, 686970.
// A time of day has three numbers and a date four digits in front.
func bytesOf(word string) ([]byte, bool) {
	if escaped, ok := strings.CutPrefix(word, `\x`); ok {
		return decoded(strings.ReplaceAll(escaped, `\x`, ""))
	}
	if digits, ok := cutHexPrefix(word); ok {
		if len(digits) == 1 {
			digits = "0" + digits
		}
		return decoded(digits)
	}
	for _, sign := range []string{":", "-"} {
		parts := strings.Split(word, sign)
		if len(parts) > 3 && !slices.ContainsFunc(parts, func(p string) bool { return len(p) != 2 }) {
			return decoded(strings.Join(parts, ""))
		}
	}
	if len(word) == 3 {
		word = strings.TrimRight(word, "hH")
	}
	return decoded(word)
}

func cutHexPrefix(word string) (string, bool) {
	if digits, ok := strings.CutPrefix(word, "0x"); ok {
		return digits, true
	}
	return strings.CutPrefix(word, "0X")
}

func decoded(digits string) ([]byte, bool) {
	b, err := hex.DecodeString(digits)
	return b, err == nil && len(b) > 0
}

// dumped gives the bytes of a line of tcpdump -x, xxd or hexdump -C, without the
// offset in front and the characters behind.
func dumped(line string) (string, bool) {
	_, body, ok := offsetOf(line)
	if !ok {
		return "", false
	}
	if i := strings.Index(body, "|"); i >= 0 {
		body = body[:i]
	}
	body = strings.TrimLeft(body, " \t")
	// Behind two spaces stand characters, unless more bytes do.
	for from := 0; ; {
		i := strings.Index(body[from:], "  ")
		if i < 0 {
			return body, true
		}
		from += i
		rest := strings.Fields(body[from:])
		if len(rest) > 0 {
			if _, ok := decoded(rest[0]); !ok || len(rest[0])%2 != 0 || len(rest[0]) > 4 {
				return body[:from], true
			}
		}
		from += 2
	}
}

// offsetOf reads the offset at the beginning of a line of a dump: 0x0010: or
// 00000010: or 00000010 and two spaces.
func offsetOf(line string) (offset string, body string, ok bool) {
	line = strings.TrimLeft(line, " \t")
	digits, prefixed := cutHexPrefix(line)
	n := 0
	for n < len(digits) && strings.IndexByte("0123456789abcdefABCDEF", digits[n]) >= 0 {
		n++
	}
	switch {
	case prefixed && n >= 4 && strings.HasPrefix(digits[n:], ":"),
		!prefixed && n == 8 && (strings.HasPrefix(digits[n:], ": ") || strings.HasPrefix(digits[n:], "  ")):
		return digits[:n], strings.TrimPrefix(digits[n:], ":"), true
	}
	return "", "", false
}

// continues reports whether a line goes on with what came before: a dump with an
// offset that is not 0, or a C array whose brace is open.
func continues(before, line string) bool {
	if offset, _, ok := offsetOf(line); ok {
		_, _, dump := offsetOf(before)
		return dump && strings.Trim(offset, "0") != ""
	}
	return strings.LastIndexByte(before, '{') > strings.LastIndexByte(before, '}')
}

// joined puts lines of one dump together, without their offsets.
func joined(before, line string) string {
	if body, ok := dumped(line); ok {
		if first, ok := dumped(before); ok {
			before = "0x0000: " + first
		}
		return before + " " + body
	}
	return before + " " + line
}

// single reports whether one of the arguments is a byte by itself, so that all
// of them are one input.
func single(args []string) bool {
	return len(args) > 1 && slices.ContainsFunc(args, func(a string) bool {
		b, _, err := readHex(a)
		return err == nil && len(b) == 1
	})
}
