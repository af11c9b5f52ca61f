package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// mostSlips bounds how many mistakes of the pen are told of one text.
const mostSlips = 20

// decodeAll decodes a text as far as it goes: a line that is not TOML is told in
// the words of who typed it, then taken as it was meant, or left out. Lines keep
// their places; what is known of the lines that were wrong goes into the document.
// Nil values: there is too much of it.
func (d *document) decodeAll(text string) (values map[string]any) {
	file := d.file
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		d.problems = []Problem{newProblem(file, 1, "save it as UTF-8", "it is neither UTF-8 nor UTF-16 nor GB18030: this is no text")}
		return nil
	}
	if kind := otherForm(text); kind != "" {
		d.problems = []Problem{newProblem(file, 1, "save it as plain text: in Notepad, with the ending .toml", "it is %s, and no plain text", kind)}
		return nil
	}
	was := strings.Split(text, "\n")
	text = d.lists(text)
	_, err := toml.Decode(text, &values)
	if err == nil {
		d.lines = findLines(text)
		return values
	}
	lines := strings.Split(text, "\n")
	mended := map[int]bool{}
	d.left, d.guessed = map[int]bool{}, map[int]bool{}
	for range 2 * mostSlips {
		at := syntaxLine(text, err)
		at = min(max(at, 1), len(lines)) - 1
		n, s := slipAt(lines, at, err)
		if !mended[n] {
			d.problems = append(d.problems, newProblem(file, n+1, s.hint, s.format, s.args...))
		}
		if len(d.problems) == mostSlips {
			break
		}
		if s.meant != "" && !mended[n] && s.meant != lines[n] {
			lines[n], d.guessed[n+1] = s.meant, s.guess
		} else {
			lines[n], d.left[n+1] = "", true
		}
		for k := n + 1; s.whole && k < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[k]), "["); k++ {
			lines[k] = ""
		}
		mended[n] = true
		text = strings.Join(lines, "\n")
		values = nil
		if _, err = toml.Decode(text, &values); err == nil {
			d.lines = findLines(text)
			for n := range d.left { // where they stand, though nobody can read them
				lines[n-1] = was[n-1]
			}
			for path, n := range findLines(strings.Join(lines, "\n")) {
				if d.left[n] && d.lines[path] == 0 {
					d.lines[path] = n
				}
			}
			return values
		}
	}
	d.problems = append(d.problems, newProblem(file, len(lines), "take these out first", "more mistakes of this kind follow"))
	return nil
}

// otherForm tells what a text is that a program for documents has written; "": a
// text.
func otherForm(text string) string {
	switch text = strings.TrimLeft(text, " \t\r\n"); {
	case strings.HasPrefix(text, `{\rtf`):
		return "a document of WordPad or Word"
	case strings.HasPrefix(text, "<"):
		return "a web page"
	}
	return ""
}

// listHeader is the line that begins a table of a list, whichever brackets it has.
var listHeader = regexp.MustCompile(`^\[\s*\[?\s*(bus|meter|uplink(?:\.map|\.device)?|profile(?:\.poll|\.history)?|point)\s*\]?\s*\]?$`)

// lists has the tables of lists begin with double brackets: [meter] is what people
// write for the first of them, and the library would take the second for the same
// once more.
func (d *document) lists(text string) string {
	lines := strings.Split(text, "\n")
	var open opened
	for i, line := range lines {
		trimmed := strings.TrimSpace(withoutComment(line))
		if open.value() {
			open.scan(line)
			continue
		}
		found := listHeader.FindStringSubmatch(trimmed)
		if found == nil {
			if _, value, ok := cutKey(trimmed); ok && trimmed[0] != '[' {
				open.scan(value)
			}
			continue
		}
		header := "[[" + found[1] + "]]"
		if strings.ReplaceAll(strings.ReplaceAll(trimmed, " ", ""), "\t", "") == header && strings.HasPrefix(trimmed, "[[") && strings.HasSuffix(trimmed, "]]") {
			continue
		}
		p := newProblem(d.file, i+1, "", "the bracket is not closed")
		if strings.Count(trimmed, "[") == strings.Count(trimmed, "]") {
			p = newProblem(d.file, i+1, fmt.Sprintf("write %s, in double brackets, before each", header), "%s must be an array of tables", header)
		}
		if len(d.problems) < mostSlips {
			d.problems = append(d.problems, p)
		}
		lines[i] = header
	}
	return strings.Join(lines, "\n")
}

// syntaxLine gives the line of an error of the library.
func syntaxLine(text string, err error) int {
	pe, ok := err.(toml.ParseError)
	if !ok {
		return 1
	}
	if pe.Position.Line >= 1 {
		return pe.Position.Line
	}
	return 1 + strings.Count(text[:max(0, min(pe.Position.Start, len(text)))], "\n") // it does not always know
}

// slip is a mistake of the pen.
type slip struct {
	format, hint string
	args         []any
	meant        string // the line as it was meant; "": nobody knows
	guess        bool   // its value may be of another kind
	whole        bool   // it is the head of a table that is left out with it
}

var (
	leadingZero = regexp.MustCompile(`^0[0-9_]+$`)
	plainName   = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	bareWord    = regexp.MustCompile(`^[^\s"'\[\]{}#=,][^"'\[\]{}#=]*$`)
)

const keyboard = "type it with the keyboard set to English"

// slipAt tells what is wrong with a line that the library has refused, or with
// one before it that it goes on from.
func slipAt(lines []string, at int, err error) (int, slip) {
	if at > 0 && headerOpen(lines[at-1]) { // it is told of the end of its line
		at--
	}
	line := strings.TrimRight(lines[at], "\r")
	trimmed := strings.TrimSpace(withoutComment(line))
	outside, open := unquoted(line)
	message := err.Error()
	if pe, ok := err.(toml.ParseError); ok && pe.Message != "" {
		message = pe.Message
	}
	if s, ok := signSlip(line, outside); ok {
		return at, s
	}
	if strings.Contains(message, "already been defined") {
		return at, twiceSlip(trimmed)
	}
	if n := opener(lines, at); n >= 0 && (trimmed == "" || trimmed[0] == '[' || strings.Contains(outside, "=")) {
		last := at - 1
		for last > n && strings.TrimSpace(lines[last]) == "" {
			last--
		}
		return last, slip{format: "the list is not closed", meant: withoutComment(strings.TrimRight(lines[last], "\r")) + "]"}
	}
	if strings.HasPrefix(trimmed, "[") && !strings.Contains(trimmed, "=") {
		return at, slip{format: "the bracket is not closed", meant: closed(trimmed)}
	}
	key, value, is := cutKey(trimmed)
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !is {
		return at, unequalSlip(trimmed)
	}
	if s, ok := keySlip(key, value); ok {
		return at, s
	}
	switch {
	case open != "":
		return at, slip{format: "the quote is not closed", meant: line + open}
	case leadingZero.MatchString(value):
		return at, slip{format: "%s: a number that begins with 0 needs quotes, or loses the 0", args: []any{key}, meant: fmt.Sprintf("%s = %q", key, value)}
	}
	if s, ok := valueSlip(key, value, message); ok {
		return at, s
	}
	if key != "" {
		message = fmt.Sprintf("%s (last key %q)", message, key)
	}
	return at, slip{format: "this is not TOML: %s", args: []any{message}}
}

var (
	straight = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "＂", `"`, "‘", "'", "’", "'", "＇", "'")
	latin    = strings.NewReplacer("【", "[", "】", "]", "、", ",", "。", ".")
)

// signSlip tells of a sign that TOML does not know: of a Chinese keyboard, of a
// program for documents, or one that nobody sees. Outside is what of the line
// stands outside of quotes.
func signSlip(line, outside string) (slip, bool) {
	switch {
	case straight.Replace(outside) != outside:
		return slip{format: "curly quotes: only straight ones are quotes here", hint: keyboard, meant: straight.Replace(line)}, true
	case narrow(outside) != outside && !strings.ContainsAny(outside, "\u3000\u00a0"), latin.Replace(outside) != outside:
		return slip{format: "a wide sign of a Chinese keyboard: %s", hint: keyboard, args: []any{firstWide(outside)}, meant: latin.Replace(narrow(line))}, true
	}
	i := strings.IndexFunc(outside, hidden)
	if i < 0 {
		return slip{}, false
	}
	r, _ := utf8.DecodeRuneInString(outside[i:])
	return slip{format: "an invisible character, %s, as it comes with a pasted text", hint: "delete it", args: []any{fmt.Sprintf("U+%04X", r)},
		meant: strings.Map(func(r rune) rune {
			if r == 0x3000 || r == 0xA0 {
				return ' '
			}
			if hidden(r) {
				return -1
			}
			return r
		}, line)}, true
}

// twiceSlip tells of a table or a key that was there before.
func twiceSlip(line string) slip {
	if name, _, _ := cutKey(line); !strings.HasPrefix(name, "[") {
		return slip{format: "%s stands twice", hint: "leave one of the two out", args: []any{strings.TrimSpace(name)}}
	}
	return slip{format: "%s stands twice", hint: "put the keys of both under one of them", args: []any{line}, whole: true}
}

// closed gives the head of a table with the brackets that it was meant to have.
func closed(head string) string {
	name := strings.Trim(head, "[] ")
	if strings.HasPrefix(head, "[[") || strings.HasSuffix(head, "]]") {
		return "[[" + name + "]]"
	}
	return "[" + name + "]"
}

// unequalSlip tells of a line without =.
func unequalSlip(line string) slip {
	key, meant := line, ""
	if k, v, ok := strings.Cut(line, ":"); ok {
		key, meant = k, k+" ="+v
	}
	return slip{format: "%s: a key and its value need = between them", args: []any{brief(plainKey(strings.TrimSpace(key)))}, meant: meant}
}

// keySlip tells what is wrong with a key, or that it has no value.
func keySlip(key, value string) (slip, bool) {
	known := headings[strings.ToLower(key)]
	switch {
	case value == "":
		return slip{format: "%s: there is no value", args: []any{brief(key)}}, true
	case known != "":
		return slip{format: "%s: a key is one word of the letters a to z", hint: fmt.Sprintf("do you mean %q?", known), args: []any{brief(key)}, meant: known + " = " + value}, true
	case !plainName.MatchString(key) && !strings.ContainsAny(key, `"'`):
		return slip{format: "%s: a key is one word of the letters a to z", args: []any{brief(key)}}, true
	}
	return slip{}, false
}

var (
	textValue = regexp.MustCompile(`^("[^"\\]*"|'[^']*')`)
	textList  = regexp.MustCompile(`^("[^"\\]*"|'[^']*')(\s*,\s*("[^"\\]*"|'[^']*'))+\s*,?$`)
	bareList  = regexp.MustCompile(`^\[[\w.\s,"'-]*\]$`)
	thousands = regexp.MustCompile(`^[0-9]{1,3}(,[0-9]{3})+$`)
	pathKeys  = map[string]bool{"path": true, "state": true, "socket": true, "port": true, "file": true, "ca": true, "cert": true, "key": true, "watchdog": true}
	ratioKeys = map[string]bool{"ct": true, "pt": true}
	truths    = map[string]string{"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
)

// valueSlip tells what is wrong with a value that the library has refused with a
// message. A value is never quoted: it may be a secret.
func valueSlip(key, value, message string) (slip, bool) {
	is := func(format, meant string) (slip, bool) {
		return slip{format: format, args: []any{key}, meant: key + " = " + meant}, true
	}
	before, _, comment := strings.Cut(value, " //")
	switch {
	case value[0] == '=':
		return is("%s: one = is enough", strings.TrimLeft(value, "= "))
	case comment:
		return is("%s: a comment begins with #, not with //", before)
	case strings.HasSuffix(value, ";"):
		return is("%s: no ; stands after a value", strings.TrimRight(value, "; "))
	case truths[strings.ToLower(value)] != "":
		return is("%s: write true or false, in small letters", truths[strings.ToLower(value)])
	case thousands.MatchString(value):
		return is("%s: no commas stand in a number", strings.ReplaceAll(value, ",", ""))
	case ratioKeys[key]:
		return slip{format: "%s = %q is no ratio", hint: ratioHint, args: []any{key, brief(value)}, meant: key + " = 1"}, true
	case strings.Contains(message, "escape") && pathKeys[key]:
		return is("%s: the folders of a path are parted by /, not by a backslash", strings.ReplaceAll(strings.ReplaceAll(value, `\\`, `/`), `\`, `/`))
	case strings.Contains(message, "escape"):
		return is("%s: a backslash is written twice between quotes", strings.ReplaceAll(value, `\`, `\\`))
	case textList.MatchString(value):
		return is("%s: a list stands in brackets: [ ]", "["+value+"]")
	case strings.HasPrefix(value, `""`) && strings.HasSuffix(value, `""`) && len(value) > 4:
		return is("%s: one pair of quotes is enough", value[1:len(value)-1])
	case bareList.MatchString(value):
		words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("[]\"', \t", r) })
		for i, w := range words {
			words[i] = quoted(w)
		}
		return is("%s: each text of a list needs quotes, and a comma after it", "["+strings.Join(words, ", ")+"]")
	case textValue.MatchString(value):
		return is("%s: nothing but a # and a comment may stand after a value", textValue.FindString(value))
	case !bareWord.MatchString(value):
		return slip{}, false
	}
	s, _ := is("%s: the text needs quotes", quoted(value))
	if value[0] >= '0' && value[0] <= '9' {
		s.format = "%s: this is no number, and a text needs quotes"
	}
	s.guess = true
	return s, true
}

const ratioHint = "a whole number: 60 for 300/5 A"

// headerOpen reports whether a line begins a table, and lacks a bracket.
func headerOpen(line string) bool {
	line = strings.TrimSpace(withoutComment(line))
	if strings.HasPrefix(line, "[[") {
		return !strings.HasSuffix(line, "]]") && !strings.Contains(line, "\"")
	}
	return strings.HasPrefix(line, "[") && !strings.HasSuffix(line, "]") && !strings.ContainsAny(line, "\",")
}

// withoutComment gives a line up to the # that is not in quotes.
func withoutComment(line string) string {
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return line[:i]
		}
	}
	return line
}

// plainKey gives the first word of a line, which may hold a secret behind it.
func plainKey(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return s
}

// opener gives the line before this one whose list is open there, -1 if none is.
func opener(lines []string, at int) int {
	from := -1
	var open opened
	for i, line := range lines[:at] {
		if open.value() {
			open.scan(line)
			continue
		}
		if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed[0] != '#' && trimmed[0] != '[' {
			if _, value, ok := cutKey(trimmed); ok {
				if open.scan(value); open.depth > 0 && open.quote == "" {
					from = i
				}
			}
		}
	}
	if open.depth > 0 && open.quote == "" {
		return from
	}
	return -1
}

// unquoted gives what of a line stands outside of quotes and comments, and the
// quote that is open at its end.
func unquoted(line string) (outside, open string) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return b.String(), ""
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return b.String(), string(quote)
	}
	return b.String(), ""
}

// firstWide gives the first sign of a line that a Chinese keyboard makes.
func firstWide(s string) string {
	for _, r := range s {
		if r >= 0xFF01 && r <= 0xFF5E || strings.ContainsRune("【】、。", r) {
			return string(r)
		}
	}
	return s
}

// hidden reports whether nobody sees a character.
func hidden(r rune) bool {
	return r == 0xA0 || r == 0x3000 || r == 0xFEFF || r >= 0x2000 && r <= 0x200F || r >= 0x2028 && r <= 0x202F || r >= 0x2060 && r <= 0x206F ||
		r < 0x20 && r != '\t' || r == 0x7F
}
