package board

import "sync"

// Line is a line of the log. Numbers go on by one, so that a gap tells how
// many were dropped.
type Line struct {
	Number uint64
	Text   string // without its end
}

// Lines are the last lines of a log, in memory.
type Lines struct {
	mu      sync.Mutex
	most    int           // lines
	lines   []Line        // the oldest first; guarded by mu
	last    uint64        // number of the newest; guarded by mu
	changed chan struct{} // closed when a line comes; guarded by mu
}

// NewLines keeps that many lines. Each is kept to mostLine bytes.
func NewLines(most int) *Lines { return &Lines{most: most, changed: make(chan struct{})} }

// mostLine bounds a line: its end is cut off.
const mostLine = 512

// Add adds a line.
func (l *Lines) Add(text string) {
	if len(text) > mostLine {
		text = text[:mostLine] + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	if len(l.lines) == l.most {
		copy(l.lines, l.lines[1:])
		l.lines = l.lines[:l.most-1]
	}
	l.lines = append(l.lines, Line{l.last, text})
	close(l.changed)
	l.changed = make(chan struct{})
}

// Last gives the last n lines, the oldest first.
func (l *Lines) Last(n int) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines[max(0, len(l.lines)-n):]...)
}

// Since gives the lines after the one of that number, and a channel that is
// closed when another comes.
func (l *Lines) Since(number uint64) ([]Line, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.lines) && l.lines[len(l.lines)-1-n].Number > number {
		n++
	}
	return append([]Line(nil), l.lines[len(l.lines)-n:]...), l.changed
}
