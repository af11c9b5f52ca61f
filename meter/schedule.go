package meter

import "time"

// nextRound gives the first multiple of every on the wall clock after now.
// A period that divides the day counts from local midnight, any other from
// 1970.
func nextRound(now time.Time, every time.Duration, zone *time.Location) time.Time {
	return multiple(now, every, zone, 1)
}

// lastRound gives the last multiple of every that is not after now.
func lastRound(now time.Time, every time.Duration, zone *time.Location) time.Time {
	return multiple(now, every, zone, 0)
}

// multiple gives the last multiple of every that is not after now, or the
// one that many further on. On a day on which the clocks change, periods of
// an hour and less go on evenly; longer ones keep to what the clock shows.
func multiple(now time.Time, every time.Duration, zone *time.Location, further int) time.Time {
	const day = 24 * time.Hour
	y, m, d := now.In(zone).Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, zone)
	switch {
	case every > day || day%every != 0:
		start = time.Unix(0, 0)
	case every > time.Hour:
		hour, minute, second := now.In(zone).Clock()
		shown := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
		n := int(shown/every) + further
		return time.Date(y, m, d, 0, 0, n*int(every/time.Second), 0, zone)
	}
	return start.Add(now.Sub(start).Truncate(every) + time.Duration(further)*every)
}

// due is when a group is to be read.
type due struct {
	at    time.Time // the round that is read next
	since time.Time // the first round that was not read; at, or earlier where rounds were missed
	first bool      // the round at start, which belongs to no multiple
}

// advance skips rounds that are past: only the last multiple before now is
// still worth reading. It gives how many were missed. After a jump of the
// clock the round is the one that the new time says.
func (g *groupState) advance(now time.Time, zone *time.Location, jumped bool) (missed int) {
	d, every := &g.due, g.Every
	if !jumped && now.Before(d.at.Add(every)) { // nothing has changed
		return 0
	}
	if d.first {
		if d.at.After(now) { // the clock was put back
			d.at, d.since = now, now
		}
		return 0
	}
	if next := g.next(now, zone); d.at.After(next) {
		d.at, d.since = next, next
		return 0
	}
	if now.Before(d.at.Add(every)) {
		return 0
	}
	last := lastRound(now.Add(-g.offset), every, zone).Add(g.offset)
	missed = int(min(last.Sub(d.at)/every, mostMissed))
	d.at = last
	return missed
}

// next gives the group's next round after now.
func (g *groupState) next(now time.Time, zone *time.Location) time.Time {
	return nextRound(now.Add(-g.offset), g.Every, zone).Add(g.offset)
}

// mostMissed bounds what is counted at once: a board without a clock battery
// jumps over decades when the time comes.
const mostMissed = 1000

// before reports whether the round of a is to go ahead of that of b: the
// earlier deadline first, then the shorter period, then who has waited
// longer. The deadline counts from the first round that was missed, so that
// on a line that is too full nobody is left out for ever.
func (a *groupState) before(b *groupState) bool {
	da, db := a.due.since.Add(a.Every), b.due.since.Add(b.Every)
	switch {
	case !da.Equal(db):
		return da.Before(db)
	case a.Every != b.Every:
		return a.Every < b.Every
	}
	return a.served.Before(b.served)
}
