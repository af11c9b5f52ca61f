package lineedit

import (
	"slices"
	"strings"
)

// Event is what a key asks of the owner of the line.
type Event int

// The events.
const (
	None      Event = iota
	Line            // Enter: Take gives the line
	Interrupt       // Ctrl-C: the line is given up
	End             // Ctrl-D on an empty line
	Complete        // Tab
	Clear           // Ctrl-L: Start is to draw the prompt again on an empty screen
)

const (
	// mostLine is the longest line, in characters.
	mostLine = 1024
	// mostHistory is how many lines are remembered.
	mostHistory = 100
	leastWidth  = 16
)

// Editor edits one line after the other. Its zero value is ready, for 80
// columns of a terminal without escape sequences.
type Editor struct {
	Columns int  // of the terminal; 0: 80
	Escapes bool // the terminal knows CSI K, C and D

	prompt  string
	secret  bool // nothing is shown and nothing remembered
	line    []rune
	pos     int // of the cursor, in characters
	keys    keys
	shown   []Cell // of the row, prompt and all
	at      int    // column of the cursor
	scroll  int    // characters that are left of the row
	history []string
	back    int    // how many lines up the history is; 0: at the new one
	draft   []rune // the new one, while an old one is shown
}

// Start begins a line after a prompt and gives what draws it. What was
// typed of a line that was not finished stays.
func (e *Editor) Start(prompt string) string {
	e.prompt, e.secret = prompt, false
	e.shown, e.at = nil, 0
	return e.draw()
}

// StartSecret begins a line that is neither shown nor remembered.
func (e *Editor) StartSecret(prompt string) string {
	e.line, e.pos = nil, 0
	out := e.Start(prompt)
	e.secret = true
	return out
}

// Take gives the line and begins an empty one. It is remembered, unless it
// is blank, secret, or the same as the one before.
func (e *Editor) Take() string {
	s := string(e.line)
	if !e.secret && strings.TrimSpace(s) != "" && (len(e.history) == 0 || e.history[len(e.history)-1] != s) {
		e.history = append(e.history, s)
		e.history = e.history[max(0, len(e.history)-mostHistory):]
	}
	e.Drop()
	return s
}

// Drop begins an empty line.
func (e *Editor) Drop() {
	e.line, e.pos, e.back, e.draft, e.secret, e.scroll = nil, 0, 0, nil, false, 0
}

// Before gives what stands before the cursor.
func (e *Editor) Before() string { return string(e.line[:e.pos]) }

// Replace puts text in the place of the n characters before the cursor.
func (e *Editor) Replace(n int, text string) string {
	n = min(n, e.pos)
	fresh := slices.Concat(e.line[:e.pos-n], []rune(text), e.line[e.pos:])
	if len(fresh) > mostLine {
		return bell
	}
	e.line, e.pos = fresh, e.pos-n+len([]rune(text))
	return e.draw()
}

const bell = "\a"

// Feed takes a byte that was typed.
func (e *Editor) Feed(c byte) (out string, ev Event) {
	k := e.keys.feed(c)
	switch k {
	case keyNone:
		return "", None
	case keyEnter:
		e.pos = len(e.line)
		return e.draw() + "\r\n", Line
	case 3: // Ctrl-C
		e.Drop()
		return "^C\r\n", Interrupt
	case 4: // Ctrl-D
		if len(e.line) == 0 {
			return "\r\n", End
		}
		k = keyDelete
	case '\t':
		if e.secret {
			return "", None
		}
		return "", Complete
	case 12: // Ctrl-L
		return "", Clear
	}
	if !e.edit(k) {
		return bell, None
	}
	return e.draw(), None
}

// edit changes the line; false if the key cannot.
func (e *Editor) edit(k key) bool {
	was := e.pos
	switch k {
	case keyLeft, 2: // Ctrl-B
		e.pos = max(0, e.pos-1)
	case keyRight, 6: // Ctrl-F
		e.pos = min(len(e.line), e.pos+1)
	case keyHome, 1: // Ctrl-A
		e.pos = 0
		return true
	case keyEnd, 5: // Ctrl-E
		e.pos = len(e.line)
		return true
	case keyWordLeft:
		e.pos = e.wordLeft()
	case keyWordRight:
		for e.pos < len(e.line) && e.line[e.pos] == ' ' {
			e.pos++
		}
		for e.pos < len(e.line) && e.line[e.pos] != ' ' {
			e.pos++
		}
	case keyUp, 16: // Ctrl-P
		return e.recall(e.back + 1)
	case keyDown, 14: // Ctrl-N
		return e.recall(e.back - 1)
	case 8, 127: // Backspace
		return e.remove(e.pos-1, e.pos)
	case keyDelete:
		return e.remove(e.pos, e.pos+1)
	case 23: // Ctrl-W
		return e.remove(e.wordLeft(), e.pos)
	case 21: // Ctrl-U
		return e.remove(0, e.pos)
	case 11: // Ctrl-K
		return e.remove(e.pos, len(e.line))
	default:
		return e.insert(rune(k))
	}
	return e.pos != was
}

func (e *Editor) insert(r rune) bool {
	if r < ' ' || widths.RuneWidth(r) < 1 || len(e.line) >= mostLine {
		return false
	}
	e.line = slices.Insert(e.line, e.pos, r)
	e.pos++
	return true
}

func (e *Editor) remove(from, to int) bool {
	if from < 0 || to > len(e.line) || from == to {
		return false
	}
	e.line = slices.Delete(e.line, from, to)
	e.pos = from
	return true
}

// wordLeft gives where the word before the cursor begins.
func (e *Editor) wordLeft() int {
	p := e.pos
	for p > 0 && e.line[p-1] == ' ' {
		p--
	}
	for p > 0 && e.line[p-1] != ' ' {
		p--
	}
	return p
}

// recall shows the line that is back lines up.
func (e *Editor) recall(back int) bool {
	if e.secret || back < 0 || back > len(e.history) {
		return false
	}
	if e.back == 0 {
		e.draft = e.line
	}
	e.back = back
	e.line = e.draft
	if back > 0 {
		e.line = []rune(e.history[len(e.history)-back])
	}
	e.line = slices.Clone(e.line)
	e.pos = len(e.line)
	return true
}

// draw gives what brings the terminal from what it shows to what it should
// show.
func (e *Editor) draw() string {
	columns := max(leastWidth, e.Columns) - 1 // the last column is left free: terminals differ in when they wrap
	if e.Columns == 0 {
		columns = 79
	}
	row := Cells(e.prompt)
	room := columns - len(row)
	if room < leastWidth/2 { // no room for the prompt
		row, room = nil, columns
	}
	if e.secret {
		out := Diff(e.shown, row, e.at, len(row), e.Escapes)
		e.shown, e.at = row, len(row)
		return out
	}
	e.scrollInto(room)
	cursor := len(row) + Width(string(e.line[e.scroll:e.pos]))
	tail := Cells(string(e.line[e.scroll:]))
	if len(tail) > room {
		if tail = tail[:room]; tail[room-1] != 0 && widths.RuneWidth(rune(tail[room-1])) == 2 {
			tail = tail[:room-1]
		}
	}
	row = append(row, tail...)
	out := Diff(e.shown, row, e.at, cursor, e.Escapes)
	e.shown, e.at = row, cursor
	return out
}

// scrollInto chooses what is left of the row, so that the cursor is in it.
// It moves by half a row, so that not every key draws all anew.
func (e *Editor) scrollInto(room int) {
	e.scroll = min(e.scroll, len(e.line))
	if Width(string(e.line)) < room {
		e.scroll = 0
		return
	}
	if e.pos >= e.scroll && Width(string(e.line[e.scroll:e.pos])) < room {
		return
	}
	e.scroll = e.pos
	for e.scroll > 0 && Width(string(e.line[e.scroll-1:e.pos])) <= room/2 {
		e.scroll--
	}
}
