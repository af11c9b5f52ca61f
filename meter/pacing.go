package meter

import (
	"context"
	"time"

	"meterd/dlt645"
)

// When the bytes of an answer come, so that nobody wakes for each of them.

// pacing is what is known of when bytes come: n had come at that time.
type pacing struct {
	at time.Time
	n  int
}

// note takes a read that brought the count to n. A line that was slower than its
// rate, or paused, counts anew; then the last byte came up to a byte before.
func (p *pacing) note(t Timing, now time.Time, n int) {
	switch by := p.at.Add(t.Wire(n - p.n + mostJitter)); {
	case p.at.IsZero():
		*p = pacing{now, n}
	case now.After(by):
		*p = pacing{now.Add(-t.Wire(1)), n}
	}
}

// mostJitter is how many bytes a read may be late and still tell nothing of the
// line.
const mostJitter = 2

// rest sleeps until the last of what is missing of a frame must be there: a read
// would wake for each byte of it.
func (b *Bus) rest(ctx context.Context, t Timing, p pacing, n int, endBy time.Time) error {
	port, ok := b.port.(PacedPort)
	if !ok {
		return nil
	}
	missing := min(dlt645.Missing(b.held), longestRest)
	wake := p.at.Add(t.Wire(n - p.n + missing - missing/early))
	if wake.After(endBy) {
		wake = endBy
	}
	for left := time.Until(wake); left > 0; left = time.Until(wake) {
		port.Pause(min(left, slice))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

const (
	// early is the share of the rest of a frame by which a meter's clock may be
	// fast.
	early = 128
	// longestRest bounds in bytes what noise costs that looks like the head of a
	// long frame.
	longestRest = 64
)
