package uplink

import "time"

// pacer keeps messages within what a platform takes: the messages of the last
// while are counted, and the next one waits until it fits.
type pacer struct {
	limit Pace
	sent  []time.Time // of the last Per, the oldest first
	now   time.Time
}

// patience is how long a message has waited for an answer.
type patience struct {
	tries int           // time-outs, in this connection
	pause time.Duration // before it is sent again, once it gave its place up
}

// ready reports whether a message may go out now.
func (p *pacer) ready(now time.Time) bool {
	p.now = now
	if p.limit.Messages == 0 {
		return true
	}
	for len(p.sent) > 0 && now.Sub(p.sent[0]) >= p.limit.Per {
		p.sent = p.sent[1:]
	}
	return len(p.sent) < p.limit.Messages
}

// spend notes that a message went out.
func (p *pacer) spend() {
	if p.limit.Messages > 0 {
		p.sent = append(p.sent, p.now)
	}
}

// next gives when a message may go out again, if none may now.
func (p *pacer) next(now time.Time) (time.Time, bool) {
	if p.ready(now) {
		return time.Time{}, false
	}
	return p.sent[0].Add(p.limit.Per), true
}
