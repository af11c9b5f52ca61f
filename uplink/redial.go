package uplink

import (
	"errors"
	"time"
)

// redial says how long to wait before the next attempt to connect: least, and a
// random share of a time that doubles, so that not all boards come at once.
type redial struct {
	least  time.Duration
	spread time.Duration
}

const (
	// leastPause is the pause before each attempt to connect; platforms ban
	// who comes more often.
	leastPause = 5 * time.Second
	// mostPause is the longest, in least pauses: 5 minutes.
	mostPause = 60
	// noClockPause is between looks at the clock, which cost nobody anything.
	noClockPause = time.Second
	// stableAfter is how long a connection must last to count as good.
	stableAfter = 2 * time.Minute
)

// pause gives the pause after an attempt that ended with err. Good tells that it
// was worth it, so that the next one need not wait long; random gives a part of
// a time.
func (r *redial) pause(err error, good bool, random func(time.Duration) time.Duration) time.Duration {
	if good {
		r.spread = r.least
	}
	pause := r.least + random(r.spread)
	r.spread = min(2*r.spread, (mostPause-1)*r.least)
	if errors.Is(err, errNoClock) {
		pause, r.spread = noClockPause, r.least
	}
	return pause
}
