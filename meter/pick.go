package meter

import "time"

// pick gives the group to read at now, or when there is one again. A dead
// meter is picked when its pause is over.
func (p *Poller) pick(now time.Time) (best *meterState, g *groupState, wake time.Time) {
	wake = now.Add(longestSleep)
	jumped := p.jumped(now)
	for _, m := range p.meters {
		for _, c := range m.groups {
			if missed := c.advance(now, p.zone, jumped); missed > 0 && !m.dead() {
				p.update(m, func(s *MeterState) { s.Missed += missed })
			}
			if m.dead() {
				continue
			}
			at := c.due.at
			if m.session != nil { // what was put aside comes first for its meter, and after all others for a while
				if c != m.session.group || now.Sub(m.session.since) < asideFor {
					continue
				}
				at = now
			}
			switch {
			case at.After(now):
				if at.Before(wake) {
					wake = at
				}
			case g == nil || c.before(g):
				best, g = m, c
			}
		}
	}
	// A dead meter goes ahead when its pause is over: what all of them cost is
	// bounded.
	for _, m := range p.meters {
		switch {
		case !m.dead() || len(m.groups) == 0:
		case m.askAt.After(now):
			wake = later(now, minTime(wake, m.askAt))
		default:
			return m, m.groups[0], wake
		}
	}
	if g != nil {
		return best, g, wake
	}
	for _, m := range p.meters {
		if m.session != nil && (g == nil || m.session.group.before(g)) {
			best, g = m, m.session.group
		}
	}
	return best, g, wake
}

// asideFor is how long a round that was put aside lets all others go first.
const asideFor = 10 * time.Second

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// clockJump is how far the clock must have been moved to be noticed.
const clockJump = 200 * time.Millisecond

// jumped reports whether the clock was set since the last call.
func (p *Poller) jumped(now time.Time) bool {
	before := p.looked
	p.looked = now
	shown := now.Round(0).Sub(before.Round(0))
	return before.IsZero() || (shown-now.Sub(before)).Abs() > clockJump
}

// othersWait reports whether another meter is to be read now.
func (p *Poller) othersWait(m *meterState) bool {
	now := time.Now()
	for _, o := range p.meters {
		if o == m {
			continue
		}
		if o.session != nil {
			return true
		}
		for _, g := range o.groups {
			if !g.due.at.After(now) && !o.dead() {
				return true
			}
		}
	}
	return false
}
