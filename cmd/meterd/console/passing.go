package console

import (
	"fmt"
	"io"
	"time"
)

// Passing is an answer that only tells how far a command is: a line that the next
// answer replaces. Scripts do not get it.
type Passing struct{ Answer }

// PassingLine shows how far something is: on a terminal in one line that changes,
// elsewhere with a line now and then. What it shows must fit into a line, and be
// harmless.
type PassingLine struct {
	W     io.Writer
	Live  bool   // it is a terminal that knows cursor movements
	End   string // of a line where it is none
	shown bool
	last  time.Time
}

// passingEvery is how often it is told where nothing can be overwritten.
const passingEvery = 10 * time.Second

// Show takes the place of what was shown before.
func (p *PassingLine) Show(now time.Time, text string) {
	switch {
	case p.Live:
		fmt.Fprintf(p.W, "\r\x1b[K%s", text)
		p.shown = true
	case now.Sub(p.last) >= passingEvery:
		io.WriteString(p.W, text+p.End)
		p.last = now
	}
}

// Clear takes the changing line away.
func (p *PassingLine) Clear() {
	if p.shown {
		io.WriteString(p.W, "\r\x1b[K")
		p.shown = false
	}
}
