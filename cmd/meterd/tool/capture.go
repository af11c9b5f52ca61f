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
	// sound is how far text holds the bytes of a dump; what stands before it need
	// not be looked at again when another line comes; soundOpen is of it.
	sound     int
	soundOpen bool
	plain     bool // what stands after it is plain, as of bytesOfDump
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
		offset, body, dump := offsetOf(line)
		if len(c.text) >= mostInput || !c.continues(offset, dump) {
			c.ahead = true
			break
		}
		if dump {
			c.joinDump(body)
		} else {
			c.join(line)
		}
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
	c.open, c.plain = false, false
	c.braces(line)
}

// braces notes which brace stands last.
func (c *capture) braces(b []byte) {
	if opened, closed := bytes.LastIndexByte(b, '{'), bytes.LastIndexByte(b, '}'); opened != closed {
		c.open = opened > closed
	}
}

// continues reports whether a line goes on with what came before: that of a dump
// with an offset that is not 0, or of a C array whose brace is open.
func (c *capture) continues(offset []byte, dump bool) bool {
	if !dump {
		return c.open
	}
	for _, digit := range offset {
		if digit != '0' {
			return c.dump
		}
	}
	return false
}

// join adds a line of no dump to what came before.
func (c *capture) join(line []byte) {
	c.text = append(append(c.text, ' '), line...)
	c.braces(line)
	c.sound, c.plain = 0, false
}

// joinDump adds a line of a dump, without its offset, to what came before.
func (c *capture) joinDump(line []byte) {
	body, plain := bytesOfDump(bytes.TrimLeft(line, " \t"))
	if c.plain {
		c.open, c.sound = c.soundOpen, len(c.text)
	} else {
		c.settle()
	}
	blank := len(c.text) > 0 && c.text[len(c.text)-1] == ' ' // it is two now, after which characters may stand
	c.text = append(append(c.text, ' '), body...)
	if c.plain = plain && !blank; !plain {
		c.braces(body)
	}
}

// settle takes away what stands after the bytes of the line before.
func (c *capture) settle() {
	if c.sound == 0 {
		first, _ := dumped(c.text)
		c.text = append([]byte(dumpStart), first...)
		c.sound, c.soundOpen = len(dumpStart), false
	} else {
		tail := c.text[c.sound:]
		if c.sound == len(dumpStart) {
			tail = bytes.TrimLeft(tail, " \t")
		}
		tail, _ = bytesOfDump(tail)
		c.text = append(c.text[:c.sound], tail...)
	}
	c.open = c.soundOpen
	c.braces(c.text[c.sound:])
	c.soundOpen = c.open
	// Blanks at the end may be two with what comes now.
	c.sound = max(len(dumpStart), len(bytes.TrimRightFunc(c.text, unicode.IsSpace)))
}

// dumpStart stands before the lines of a dump that were joined.
const dumpStart = "0x0000: "
