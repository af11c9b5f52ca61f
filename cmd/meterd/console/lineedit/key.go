package lineedit

import "unicode/utf8"

// key is what was pressed: a character, or one of these.
type key rune

const (
	keyNone key = -iota - 1 // nothing yet, or nothing that is known
	keyLeft
	keyRight
	keyUp
	keyDown
	keyHome
	keyEnd
	keyDelete
	keyWordLeft
	keyWordRight
	keyEnter
)

// keys turns bytes into keys. Its zero value is ready.
type keys struct {
	escape []byte // a sequence that has begun, with its ESC
	part   []byte // a character that has begun
	cr     bool   // the last byte was CR
}

// mostEscape is longer than any sequence that is known.
const mostEscape = 16

const esc = 0x1b

func (k *keys) feed(c byte) key {
	wasCR := k.cr
	k.cr = c == '\r'
	switch {
	case len(k.escape) > 0:
		return k.escaped(c)
	case c == esc:
		k.part, k.escape = nil, append(k.escape, c)
		return keyNone
	case c == '\n' && wasCR:
		return keyNone // CR LF is one key
	case c == '\r', c == '\n':
		k.part = nil
		return keyEnter
	case c < utf8.RuneSelf:
		k.part = nil // what was begun before is no character
		return key(c)
	}
	return k.character(c)
}

// character takes a byte of a character. What is no UTF-8 is left out.
func (k *keys) character(c byte) key {
	if utf8.RuneStart(c) {
		k.part = k.part[:0]
	} else if len(k.part) == 0 {
		return keyNone
	}
	k.part = append(k.part, c)
	if !utf8.FullRune(k.part) {
		return keyNone
	}
	r, _ := utf8.DecodeRune(k.part)
	k.part = k.part[:0]
	if r == utf8.RuneError {
		return keyNone
	}
	return key(r)
}

// escaped takes a byte after ESC: CSI (ESC [ … letter), SS3 (ESC O letter),
// or Alt with a letter.
func (k *keys) escaped(c byte) key {
	if c == esc {
		k.escape = k.escape[:1]
		return keyNone
	}
	k.escape = append(k.escape, c)
	switch {
	case len(k.escape) == 2 && (c == '[' || c == 'O'):
		return keyNone
	case len(k.escape) > 2 && c < '@' && c >= ' ' && len(k.escape) < mostEscape:
		return keyNone
	}
	found, ok := sequences()[string(k.escape[1:])]
	k.escape = k.escape[:0]
	if !ok {
		return keyNone
	}
	return found
}

// sequences are those of xterm, the Linux console, VT100, VT220 and rxvt.
func sequences() map[string]key {
	return map[string]key{
		"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "[H": keyHome, "[F": keyEnd,
		"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft, "OH": keyHome, "OF": keyEnd,
		"[1~": keyHome, "[7~": keyHome, "[4~": keyEnd, "[8~": keyEnd, "[3~": keyDelete,
		"[1;5C": keyWordRight, "[1;5D": keyWordLeft, "[1;3C": keyWordRight, "[1;3D": keyWordLeft,
		"f": keyWordRight, "b": keyWordLeft,
	}
}
