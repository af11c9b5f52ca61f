// Package vttest is a small VT100 for tests: it shows what a program's output
// looks like on a screen, with two columns for a Chinese character. It is
// strict: what it does not know, it complains of.
package vttest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Screen is a terminal's screen.
type Screen struct {
	Columns, Lines int
	Escapes        bool // CSI sequences are known
	// Wrapped counts characters that did not fit into their line.
	Wrapped int
	// Bells counts BEL.
	Bells int
	// Complaints are what a real terminal would have shown as rubbish.
	Complaints []string
	// History are the lines that have scrolled off the top.
	History []string

	cells [][]rune // 0 after a wide character
	x, y  int
	part  []byte // of a sequence or character
}

// New gives an empty screen that knows escape sequences.
func New(columns, lines int) *Screen {
	s := &Screen{Columns: columns, Lines: lines, Escapes: true}
	for range lines {
		s.cells = append(s.cells, s.blank())
	}
	return s
}

func (s *Screen) blank() []rune {
	row := make([]rune, s.Columns)
	for i := range row {
		row[i] = ' '
	}
	return row
}

// Write shows bytes.
func (s *Screen) Write(b []byte) (int, error) {
	for _, c := range b {
		s.byte(c)
	}
	return len(b), nil
}

// Cursor tells where the cursor is, from 0.
func (s *Screen) Cursor() (x, y int) { return s.x, s.y }

// Line gives a line without the blanks at its end.
func (s *Screen) Line(y int) string {
	var b strings.Builder
	for _, r := range s.cells[y] {
		if r != 0 {
			b.WriteRune(r)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// String gives the screen without the empty lines at its end.
func (s *Screen) String() string {
	var lines []string
	for y := range s.cells {
		lines = append(lines, s.Line(y))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

func (s *Screen) complain(format string, args ...any) {
	s.Complaints = append(s.Complaints, fmt.Sprintf(format, args...))
}

func (s *Screen) byte(c byte) {
	if len(s.part) > 0 && s.part[0] == 0x1b {
		s.escape(c)
		return
	}
	if len(s.part) > 0 || c >= utf8.RuneSelf {
		s.part = append(s.part, c)
		if utf8.FullRune(s.part) {
			r, _ := utf8.DecodeRune(s.part)
			if r == utf8.RuneError {
				s.complain("no UTF-8: % X", s.part)
			}
			s.part = nil
			s.put(r)
		}
		return
	}
	switch c {
	case 0x1b:
		if !s.Escapes {
			s.complain("an escape sequence")
		}
		s.part = []byte{c}
	case '\r':
		s.x = 0
	case '\n':
		s.feed()
	case '\b':
		s.x = max(0, s.x-1)
	case '\a':
		s.Bells++
	default:
		if c < ' ' || c == 0x7f {
			s.complain("control character %02X", c)
			return
		}
		s.put(rune(c))
	}
}

func (s *Screen) feed() {
	if s.y < s.Lines-1 {
		s.y++
		return
	}
	s.History = append(s.History, s.Line(0))
	s.cells = append(s.cells[1:], s.blank())
}

func (s *Screen) put(r rune) {
	w := runewidth.RuneWidth(r)
	if w == 0 {
		s.complain("no width: %U", r)
		return
	}
	if s.x+w > s.Columns {
		s.Wrapped++
		s.x = 0
		s.feed()
	}
	row := s.cells[s.y]
	s.split(row, s.x)
	s.split(row, s.x+w)
	row[s.x] = r
	if w == 2 {
		row[s.x+1] = 0
	}
	s.x += w
}

// split takes away a wide character that stands on both sides of a column.
func (s *Screen) split(row []rune, x int) {
	if x > 0 && x < len(row) && row[x] == 0 {
		row[x-1], row[x] = ' ', ' '
	}
}

func (s *Screen) escape(c byte) {
	s.part = append(s.part, c)
	if len(s.part) == 2 {
		if c != '[' {
			s.complain("ESC %q", c)
			s.part = nil
		}
		return
	}
	if c < '@' || c > '~' {
		return
	}
	args := string(s.part[2 : len(s.part)-1])
	s.part = nil
	n := func(otherwise int) int {
		if v, err := strconv.Atoi(args); err == nil {
			return v
		}
		return otherwise
	}
	row := s.cells[s.y]
	switch c {
	case 'A':
		s.y = max(0, s.y-n(1))
	case 'B':
		s.y = min(s.Lines-1, s.y+n(1))
	case 'C':
		s.x = min(s.Columns-1, s.x+n(1))
	case 'D':
		s.x = max(0, s.x-n(1))
	case 'H':
		s.home(args)
	case 'K':
		s.split(row, s.x)
		copy(row[min(s.x, len(row)):], s.blank())
	case 'J':
		switch n(0) {
		case 2:
			for y := range s.cells {
				s.cells[y] = s.blank()
			}
		case 0:
			s.split(row, s.x)
			copy(row[min(s.x, len(row)):], s.blank())
			for y := s.y + 1; y < s.Lines; y++ {
				s.cells[y] = s.blank()
			}
		}
	case 'm':
	default:
		s.complain("CSI %s%c", args, c)
	}
}

func (s *Screen) home(args string) {
	y, x, _ := strings.Cut(args, ";")
	row, err := strconv.Atoi(y)
	if err != nil {
		row = 1
	}
	col, err := strconv.Atoi(x)
	if err != nil {
		col = 1
	}
	s.y, s.x = min(s.Lines, max(1, row))-1, min(s.Columns, max(1, col))-1
}
