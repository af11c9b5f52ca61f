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
	Silence       int
	Refusals      int
	Retries       int
	Late          int // good frames that answered nothing we were waiting for
	Echoes        int // requests that the line gave back
	PortErrors    int
	PortErr       string // why the port does not work at present, "" if it does
	BytesSent     int
	BytesReceived int
	Busy          time.Duration // that transactions kept the line
}

type counters struct {
	mu sync.Mutex
	c  Counts // guarded by mu
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
