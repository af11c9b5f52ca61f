package uplink

import "time"

// pacing says when: how fast messages may follow one another, when one that is
// not answered goes out again, and after which pause. It reads no clock.
//
// A message that is not answered goes out again at once, passOver times in all.
// Then it gives its place in the window up and goes out again after pauses that
// double.
type pacing struct {
	limit   Pace
	spent   []time.Time   // when messages went out in the last limit.Per, the oldest first
	timeout time.Duration // until a message without an answer is overdue
	heard   time.Time     // when the platform last answered anything, or the connection began
}

// patience is how long a message has waited for an answer.
type patience struct {
	tries int           // time-outs, in this connection
	pause time.Duration // before it is sent again, once it gave its place up
}

const (
	// passOver is how many time-outs of a message make it give up its place in
	// the window.
	passOver = 3
	// firstPostpone and mostPostpone bound the pauses.
	firstPostpone = 5 * time.Second
	mostPostpone  = 5 * time.Minute
)

// ready reports whether a message may go out now.
func (p *pacing) ready(now time.Time) bool {
	if p.limit.Messages == 0 {
		return true
	}
	for len(p.spent) > 0 && now.Sub(p.spent[0]) >= p.limit.Per {
		p.spent = p.spent[1:]
	}
	return len(p.spent) < p.limit.Messages
}

// spend notes that a message goes out now.
func (p *pacing) spend(now time.Time) {
	if p.limit.Messages > 0 {
		p.spent = append(p.spent, now)
	}
}

// next gives when a message may go out again, if none may now; else zero.
func (p *pacing) next(now time.Time) time.Time {
	if p.ready(now) {
		return time.Time{}
	}
	return p.spent[0].Add(p.limit.Per)
}

// overdue gives the time up to which what was sent is overdue.
func (p *pacing) overdue(now time.Time) time.Time { return now.Add(-p.timeout) }

// lapse is what it means that a message was not answered in time.
type lapse uint8

const (
	lapseAgain  lapse = iota // nothing yet: it goes out again at once
	lapseSilent              // nothing was answered since it went out
	lapsePassed              // others were answered, and it was not
)

// lapsed counts a time-out of a message.
func (p *pacing) lapsed(r *request) lapse {
	r.tries++
	switch {
	case r.tries < passOver:
		return lapseAgain
	case r.at.Before(p.heard):
		return lapsePassed
	}
	return lapseSilent
}

// postpone has a message go out again after a pause that doubles.
func (p *patience) postpone(now time.Time) (at time.Time) {
	p.pause = longer(p.pause)
	return now.Add(p.pause)
}

// yield has a message go after the others when the next connection begins; soon
// tells not to lengthen its pause.
func (p *patience) yield(soon bool) {
	p.pause = longer(p.pause)
	if soon {
		p.pause = firstPostpone
	}
}

// longer gives the pause after one that did not help.
func longer(pause time.Duration) time.Duration {
	return max(firstPostpone, min(2*pause, mostPostpone))
}

// earlier gives the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
