package board

import (
	"sync"
	"sync/atomic"
	"time"
)

// Beats are the signs of life of the loops that matter. The zero value has
// none. A loop that stops giving its sign stops the feeding of the watchdog.
type Beats struct {
	mu    sync.Mutex
	loops []*Beat // guarded by mu
}

// Beat is the sign of life of one loop. A nil one takes signs that nobody
// looks at.
type Beat struct {
	name    string
	longest time.Duration
	count   atomic.Uint64

	seen   uint64        // guarded by Beats.mu
	silent time.Duration // guarded by Beats.mu
}

// Add gives a loop its beat. Longest is how long it may be silent while all
// is well, at its slowest.
func (b *Beats) Add(name string, longest time.Duration) *Beat {
	beat := &Beat{name: name, longest: longest}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loops = append(b.loops, beat)
	return beat
}

// Remove forgets a loop that has ended.
func (b *Beats) Remove(beat *Beat) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, l := range b.loops {
		if l == beat {
			b.loops = append(b.loops[:i], b.loops[i+1:]...)
			return
		}
	}
}

// Alive says that the loop has made progress.
func (b *Beat) Alive() {
	if b != nil {
		b.count.Add(1)
	}
}

// Hang is a loop that makes no progress.
type Hang struct {
	Loop   string    `json:"loop"`
	Silent int64     `json:"silent_s"` // for how long, in seconds
	Time   time.Time `json:"time"`     // when it was found
}

// look lets elapsed pass for each loop that gave no sign since the last look,
// and gives the one that is longest beyond its time.
func (b *Beats) look(elapsed time.Duration) (Hang, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var worst *Beat
	for _, l := range b.loops {
		n := l.count.Load()
		if n != l.seen {
			l.seen, l.silent = n, 0
			continue
		}
		l.silent += elapsed
		if l.silent > l.longest && (worst == nil || l.silent-l.longest > worst.silent-worst.longest) {
			worst = l
		}
	}
	if worst == nil {
		return Hang{}, false
	}
	return Hang{Loop: worst.name, Silent: int64(worst.silent / time.Second)}, true
}
