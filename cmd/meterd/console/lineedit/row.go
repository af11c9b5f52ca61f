package lineedit

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
)

// widths counts columns as a terminal in UTF-8 does.
var widths = &runewidth.Condition{}

// Cell is a column of a row. A wide character fills its own cell and leaves
// the next one 0.
type Cell rune

// Cells gives the columns of a text. What has no width, or moves the cursor,
// is left out.
func Cells(s string) []Cell {
	var row []Cell
	for _, r := range s {
		switch widths.RuneWidth(r) {
		case 1:
			row = append(row, Cell(r))
		case 2:
			row = append(row, Cell(r), 0)
		}
	}
	return row
}

// Width gives the columns that a text takes.
func Width(s string) int { return len(Cells(s)) }

// Diff gives what turns the row old, whose cursor stands in column at, into
// the row next with the cursor in column to. Without escapes (a terminal that
// knows none) blanks erase.
func Diff(old, next []Cell, at, to int, escapes bool) string {
	var b strings.Builder
	first := 0
	for first < len(old) && first < len(next) && old[first] == next[first] {
		first++
	}
	for first > 0 && (first < len(next) && next[first] == 0 || first < len(old) && old[first] == 0) {
		first-- // half of a wide character is the whole
	}
	last := len(next) // after the last column that differs
	if len(old) == len(next) {
		for last > first && old[last-1] == next[last-1] {
			last--
		}
		for last < len(next) && next[last] == 0 {
			last++
		}
	}
	if first < last || len(old) > len(next) {
		move(&b, next, at, first, escapes)
		put(&b, next[first:last])
		at = last
		if n := len(old) - len(next); n > 0 {
			at = erase(&b, last, n, escapes)
		}
	}
	move(&b, next, at, to, escapes)
	return b.String()
}

// put writes cells, and blanks after the end of a row.
func put(b *strings.Builder, cells []Cell) {
	for _, c := range cells {
		if c != 0 {
			b.WriteRune(rune(c))
		}
	}
}

// erase clears the n columns after column at and gives where the cursor is.
func erase(b *strings.Builder, at, n int, escapes bool) int {
	if escapes && n > 2 {
		b.WriteString("\x1b[K")
		return at
	}
	b.WriteString(strings.Repeat(" ", n))
	return at + n
}

// move brings the cursor from one column of a row to another, in the fewest
// bytes.
func move(b *strings.Builder, row []Cell, from, to int, escapes bool) {
	switch {
	case to == 0 && from > 0:
		b.WriteByte('\r')
	case to < from && (from-to < 4 || !escapes && from-to <= to):
		b.WriteString(strings.Repeat("\b", from-to))
	case to < from && escapes:
		fmt.Fprintf(b, "\x1b[%dD", from-to)
	case to < from:
		b.WriteByte('\r')
		put(b, row[:to])
	case to > from && (to-from < 4 || !escapes):
		put(b, row[from:min(to, len(row))])
	case to > from:
		fmt.Fprintf(b, "\x1b[%dC", to-from)
	}
}
