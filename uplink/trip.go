package uplink

import (
	"slices"
	"time"
)

// Trips are the last times from a message to the platform's acknowledgement.
// Those of messages that were sent again are left out: nobody knows which
// sending was answered.
type Trips struct {
	last [64]time.Duration
	n    int // that were ever added
}

func (t *Trips) add(d time.Duration) {
	t.last[t.n%len(t.last)] = max(0, d)
	t.n++
}

// Last gives them, in no order.
func (t *Trips) Last() []time.Duration { return slices.Clone(t.last[:min(t.n, len(t.last))]) }

// Percentile gives the time that share of them (0 to 1) took at most; 0 if
// there is none.
func (t *Trips) Percentile(share float64) time.Duration {
	known := t.Last()
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[max(0, min(len(known)-1, int(share*float64(len(known))+0.5)-1))]
}
