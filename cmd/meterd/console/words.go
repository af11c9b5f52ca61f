package console

import (
	"strings"
	"unicode"
)

// word is a word of a command line and where it begins in it, in characters.
type word struct {
	text  string
	begin int
}

// split divides a line into words. Blanks stand in words that are quoted, by
// "" or ”, or by the quotes of a Chinese keyboard; a backslash in "" takes the
// next character as it is. Open tells that the line ends in a word that may go
// on.
func split(line string) (words []word, open bool) {
	closing := map[rune]rune{'"': '"', '\'': '\'', '\u201c': '\u201d', '\u201d': '\u201d', '\u2018': '\u2019'}
	var text strings.Builder
	in, begin, escaped, end := false, 0, false, rune(0)
	for i, r := range []rune(line) {
		switch {
		case escaped:
			text.WriteRune(r)
			escaped = false
		case end == '"' && r == '\\':
			escaped = true
		case end != 0 && r == end:
			end = 0
		case end != 0:
			text.WriteRune(r)
		case unicode.IsSpace(r):
			if in {
				words = append(words, word{text.String(), begin})
			}
			in = false
			text.Reset()
		default:
			if !in {
				in, begin = true, i
			}
			if c, ok := closing[r]; ok {
				end = c
				continue
			}
			text.WriteRune(r)
		}
	}
	if in {
		words = append(words, word{text.String(), begin})
	}
	return words, in
}

// quoted gives a word as split takes it, in quotes where it needs them. Whole
// tells that the word ends; the rest of it may be typed after it else.
func quoted(w string, whole bool) string {
	if !strings.ContainsFunc(w, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'\\\u201c\u201d\u2018", r) }) && w != "" {
		return w
	}
	w = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w)
	if whole {
		w += `"`
	}
	return w
}
