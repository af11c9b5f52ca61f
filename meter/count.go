package meter

import (
	"errors"
	"sync"
	"time"

	"meterd/dlt645"
)

// Counts tells what happened on a line since the start.
type Counts struct {
	Requests      int
	Answers       int
	Noise         int
	Garbled       int // of the noise: after a preamble and a start byte, so that the parity or the rate may be wrong
	Silence       int
	Refusals      int
	Retries       int
	Late          int       // good frames that answered nothing we were waiting for
	Echoes        int       // requests that the line gave back
	Other         string    // the protocol of the last frame that was not of DL/T 645; "": none came
	OtherAt       time.Time // when that was
	PortErrors    int
	PortErr       string // why the port does not work at present, "" if it does
	BytesSent     int
	BytesReceived int
	Busy          time.Duration // that transactions kept the line
}

type counters struct {
	mu     sync.Mutex
	c      Counts  // guarded by mu
	window buckets // of busy time; guarded by mu
}

// busy notes that a transaction kept the line.
func (n *counters) busy(began time.Time, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.c.Busy += d
	n.window.add(began, d)
}

// buckets hold the busy time of the last minutes.
type buckets struct {
	first time.Time // when counting began
	at    int64     // minute of the newest bucket
	busy  [loadMinutes]time.Duration
}

// loadMinutes is how far back the load of a line is told.
const loadMinutes = 15

func (w *buckets) add(at time.Time, d time.Duration) {
	if w.first.IsZero() {
		w.first = at
	}
	w.roll(at)
	if minute := at.Unix() / 60; w.at-minute < loadMinutes {
		w.busy[minute%loadMinutes] += d // it may have begun in the minute before
	}
}

func (w *buckets) roll(now time.Time) {
	minute := now.Unix() / 60
	if minute-w.at >= loadMinutes || w.at-minute >= loadMinutes {
		w.busy = [loadMinutes]time.Duration{}
		w.at = minute
	}
	for w.at < minute {
		w.at++
		w.busy[w.at%loadMinutes] = 0
	}
}

// Load gives the share of its time that the line was busy in the last 15
// minutes, or since it was first used.
func (b *Bus) Load(now time.Time) float64 {
	b.count.mu.Lock()
	defer b.count.mu.Unlock()
	w := &b.count.window
	if w.first.IsZero() {
		return 0
	}
	w.roll(now)
	var busy time.Duration
	for _, d := range w.busy {
		busy += d
	}
	span := min(now.Sub(w.first), (loadMinutes-1)*time.Minute+time.Duration(now.Unix()%60)*time.Second)
	return min(1, busy.Seconds()/max(span.Seconds(), busy.Seconds(), 1))
}

func (n *counters) add(f func(*Counts)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(&n.c)
}

func (n *counters) outcome(err error) {
	n.add(func(c *Counts) {
		_, refused := errors.AsType[*dlt645.Refusal](err)
		switch {
		case err == nil:
			c.Answers++
		case refused:
			c.Answers++
			c.Refusals++
		case errors.Is(err, ErrSilence):
			c.Silence++
		case errors.Is(err, ErrNoise):
			c.Noise++
		}
	})
}

// Counts gives what happened on the line so far.
func (b *Bus) Counts() Counts {
	b.count.mu.Lock()
	defer b.count.mu.Unlock()
	return b.count.c
}
