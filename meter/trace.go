package meter

import (
	"slices"
	"sync"
	"time"
)

// Trace is something that passed on a line, for people who watch it.
type Trace struct {
	Bus  string
	At   time.Time // of the write, or of the last byte that came
	Sent bool      // by us
	Wire []byte    // with preamble and noise; the receiver may keep it
	// Missed is how many before it were left out, because who watches is
	// slower than the line.
	Missed int
}

// recentTraces is how many a line always keeps.
const recentTraces = 512

// recent keeps the last traces of a line.
type recent struct {
	mu    sync.Mutex
	list  []Trace            // a ring once it is full; guarded by mu
	next  int                // where the next one goes; guarded by mu
	watch map[chan Trace]int // with what each has missed; guarded by mu
}

func (r *recent) add(t Trace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < recentTraces {
		r.list = append(r.list, t)
	} else {
		r.list[r.next] = t
		r.next = (r.next + 1) % recentTraces
	}
	for c, missed := range r.watch {
		t.Missed = missed
		select {
		case c <- t:
			r.watch[c] = 0
		default:
			r.watch[c]++
		}
	}
}

// Recent gives the last traces of the line, at most 512, the oldest first.
func (b *Bus) Recent() []Trace {
	b.recent.mu.Lock()
	defer b.recent.mu.Unlock()
	return slices.Concat(b.recent.list[b.recent.next:], b.recent.list[:b.recent.next])
}

// Watch gives what passes on the line from now on, until stop is called.
// What the receiver is too slow for is left out and counted.
func (b *Bus) Watch() (traces <-chan Trace, stop func()) {
	c := make(chan Trace, recentTraces)
	b.recent.mu.Lock()
	defer b.recent.mu.Unlock()
	if b.recent.watch == nil {
		b.recent.watch = map[chan Trace]int{}
	}
	b.recent.watch[c] = 0
	return c, func() {
		b.recent.mu.Lock()
		defer b.recent.mu.Unlock()
		delete(b.recent.watch, c)
	}
}
