package tool

import (
	"bufio"
	"bytes"
	"io"
	"unicode"
)

// capture takes the inputs out of a file: a line each, or the lines of one dump
// or C array together. It holds one of them, and reads in blocks.
type capture struct {
	lines *bufio.Scanner
	n     int  // of the line that was read last
	ahead bool // it belongs to the next input

	first int    // the number of the input's first line
	text  []byte // the input: good until next
	dump  bool   // text begins as the line of a dump does
	open  bool   // a brace in it is open
	// sound is how far text holds the bytes of a dump; what stands before needs
	// not be looked at again when a line comes behind; soundOpen is of it.
	sound     int
	soundOpen bool
}

// mostInput bounds a line, and an input but for its last line.
const mostInput = 1 << 20

func newCapture(r io.Reader) *capture {
	c := &capture{lines: bufio.NewScanner(r)}
	c.lines.Buffer(make([]byte, 256<<10), mostInput)
	return c
}

// next reads the next input into first and text.
func (c *capture) next() bool {
	if !c.ahead && !c.line() {
		return false
	}
	c.ahead = false
	c.begin(c.lines.Bytes())
	for c.line() {
		line := c.lines.Bytes()
		if len(c.text) >= mostInput || !c.continues(line) {
			c.ahead = true
			break
		}
		c.join(line)
	}
	return true
}

func (c *capture) line() bool {
	if !c.lines.Scan() {
		return false
	}
	c.n++
	return true
}

// err tells why there is no next input, nil at the end of the file.
func (c *capture) err() error { return c.lines.Err() }

func (c *capture) begin(line []byte) {
	c.first, c.text, c.sound = c.n, append(c.text[:0], line...), 0
	_, _, c.dump = offsetOf(c.text)
	c.open = false
	c.braces(line)
}

// braces notes which brace stands last.
func (c *capture) braces(b []byte) {
	if bytes.IndexByte(b, '{') < 0 && bytes.IndexByte(b, '}') < 0 { // nearly all
		return
	}
	if opened, closed := bytes.LastIndexByte(b, '{'), bytes.LastIndexByte(b, '}'); opened != closed {
		c.open = opened > closed
	}
}

// continues reports whether a line goes on with what came before: a dump with an
// offset that is not 0, or a C array whose brace is open.
func (c *capture) continues(line []byte) bool {
	if offset, _, ok := offsetOf(line); ok {
		return c.dump && len(bytes.Trim(offset, "0")) > 0
	}
	return c.open
}

// join puts a line behind what came before, that of a dump without its offset.
func (c *capture) join(line []byte) {
	body, ok := dumped(line)
	if !ok {
		c.text = append(append(c.text, ' '), line...)
		c.braces(line)
		c.sound = 0
		return
	}
	if c.sound == 0 {
		first, _ := dumped(c.text)
		c.text = append([]byte(dumpStart), first...)
		c.sound, c.soundOpen = len(dumpStart), false
	} else {
		tail := c.text[c.sound:]
		if c.sound == len(dumpStart) {
			tail = bytes.TrimLeft(tail, " \t")
		}
		c.text = append(c.text[:c.sound], bytesOfDump(tail)...)
	}
	c.open = c.soundOpen
	c.braces(c.text[c.sound:])
	c.soundOpen = c.open
	// Blanks at the end may be two with what comes now.
	c.sound = max(len(dumpStart), len(bytes.TrimRightFunc(c.text, unicode.IsSpace)))
	c.text = append(append(c.text, ' '), body...)
	c.braces(body)
}

// dumpStart stands before the lines of a dump that were joined.
const dumpStart = "0x0000: "
