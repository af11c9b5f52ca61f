package meter

import "time"

// moment is an instant by two clocks, which are never mixed. The wall clock
// says which round it is, and jumps when it is set. The time since the poller
// began goes on evenly, and says how long a thing has lasted.
type moment struct {
	wall time.Time // without a monotonic reading
	up   time.Duration
}

// at gives a time as a moment of a poller that began then.
func at(now, began time.Time) moment { return moment{now.Round(0), now.Sub(began)} }

// clockJump is how far the clock must have been moved to be noticed.
const clockJump = 200 * time.Millisecond

// jumped reports whether the clock was set between two moments.
func (m moment) jumped(since moment) bool {
	return (m.wall.Sub(since.wall) - (m.up - since.up)).Abs() > clockJump
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
