package meter

import (
	"cmp"
	"slices"
	"time"
)

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
	start := shownAt(y, m, d, 0, zone)
	switch {
	case every > day || day%every != 0:
		start = time.Unix(0, 0)
	case every > time.Hour:
		hour, minute, second := now.In(zone).Clock()
		shown := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
		n := int(shown/every) + further
		t := shownAt(y, m, d, n*int(every/time.Second), zone)
		if further == 0 && t.After(now) { // the clock shows it twice
			_, first := now.In(zone).Zone()
			_, second := t.Zone()
			t = t.Add(time.Duration(second-first) * time.Second)
		}
		return t
	}
	return start.Add(now.Sub(start).Truncate(every) + time.Duration(further)*every)
}

// shownAt gives when the clock shows so many seconds of a day. Where it leaps
// over that, it is the end of the leap.
func shownAt(y int, m time.Month, d, seconds int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, seconds, 0, zone)
	_, offset := t.Zone()
	wanted := time.Date(y, m, d, 0, 0, seconds, 0, time.UTC).Unix()
	return t.Add(time.Duration(max(0, wanted-t.Unix()-int64(offset))) * time.Second)
}

// parseShown reads what a clock shows in a zone, by a layout of the package time.
func parseShown(layout, text string, zone *time.Location) (time.Time, error) {
	t, err := time.Parse(layout, text)
	if err != nil {
		return t, err
	}
	return inZone(t, zone), nil
}

// inZone gives when the clock of a zone shows what UTC shows at a time.
func inZone(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.Date()
	return shownAt(y, m, d, (t.Hour()*60+t.Minute())*60+t.Second(), zone)
}

// schedule is what is read of a line's meters and when, by the wall clock
// alone. It reads no clock itself.
type schedule struct {
	zone   *time.Location
	slots  []*slot
	looked moment
}

// slot is a group of one meter.
type slot struct {
	Group
	meter  int           // whose it is, in the order of the line
	offset time.Duration // of its rounds against the multiples of its period
	daily  bool          // reads the meter's clock and number
	due    due
	served time.Time // when its last round began
}

// due is when a group is to be read.
type due struct {
	at    time.Time // the round that is read next
	since time.Time // the first round that was not read; at, or earlier where rounds were missed
	first bool      // the round at start, which belongs to no multiple
}

// begin has every group read once at the start.
func (s *schedule) begin(now moment) {
	s.looked = now
	for _, g := range s.slots {
		g.due = due{at: now.wall, since: now.wall, first: true}
		if g.daily {
			g.put(now.wall.Add(dailyAfter))
		}
	}
}

// look skips the rounds that are past by now and tells how many of a meter
// were missed.
func (s *schedule) look(now moment, missed func(meter, n int)) {
	jumped := now.jumped(s.looked)
	s.looked = now
	for _, g := range s.slots {
		if n := g.advance(now.wall, s.zone, jumped); n > 0 {
			missed(g.meter, n)
		}
	}
}

// turn says whether a meter's rounds may be read.
type turn uint8

const (
	turnFree  turn = iota
	turnNone       // dead: its health says when it is asked
	turnAside      // a round was put aside: it goes on when nothing else is due
	turnAgain      // a round was put aside for long enough
)

// standing is how a meter stands: turnAside and turnAgain are of one slot.
type standing struct {
	turn turn
	of   *slot
}

// pick gives the group to read now, and how long it is until there may be
// another one. Stands tells how a meter stands.
func (s *schedule) pick(now time.Time, stands func(meter int) standing) (best *slot, wait time.Duration) {
	var aside *slot
	wait = longestSleep
	for _, g := range s.slots {
		switch st := stands(g.meter); {
		case st.turn == turnNone || st.of != nil && st.of != g:
			continue
		case st.turn == turnAside:
			if aside == nil || g.before(aside) {
				aside = g
			}
			continue
		case st.turn == turnFree && g.due.at.After(now):
			wait = min(wait, g.due.at.Sub(now))
			continue
		}
		if best == nil || g.before(best) {
			best = g
		}
	}
	return cmp.Or(best, aside), wait
}

// waits reports whether another meter than this one is to be read now.
func (s *schedule) waits(now time.Time, meter int, stands func(meter int) standing) bool {
	return slices.ContainsFunc(s.slots, func(g *slot) bool {
		if g.meter == meter {
			return false
		}
		st := stands(g.meter)
		return st.of != nil || st.turn == turnFree && !g.due.at.After(now)
	})
}

// put sets the next round to a time that need not be a multiple.
func (g *slot) put(at time.Time) { g.due = due{at: at, since: at} }

// daily reports whether a meter's clock and number are read once a day.
func (s *schedule) daily(meter int) bool {
	return slices.ContainsFunc(s.slots, func(g *slot) bool { return g.meter == meter && g.daily })
}

// soon has a meter's clock and number read now.
func (s *schedule) soon(meter int, now time.Time) {
	for _, g := range s.slots {
		if g.meter == meter && g.daily {
			g.put(now.Round(0))
		}
	}
}

// consume sets the next round after one that begins now.
func (g *slot) consume(now time.Time, zone *time.Location) {
	g.served = now
	g.put(g.next(now, zone))
}

// advance skips rounds that are past: only the last multiple before now is
// still worth reading. It gives how many were missed. After a jump of the
// clock the round is the one that the new time says.
func (g *slot) advance(now time.Time, zone *time.Location, jumped bool) (missed int) {
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
func (g *slot) next(now time.Time, zone *time.Location) time.Time {
	return nextRound(now.Add(-g.offset), g.Every, zone).Add(g.offset)
}

// mostMissed bounds what is counted at once: a board without a clock battery
// jumps over decades when the time comes.
const mostMissed = 1000

// before reports whether the round of a is to go ahead of that of b: the
// earlier deadline first, then the shorter period, then who has waited
// longer. The deadline counts from the first round that was missed, so that
// on a line that is too full nobody is left out for ever.
func (a *slot) before(b *slot) bool {
	da, db := a.due.since.Add(a.Every), b.due.since.Add(b.Every)
	switch {
	case !da.Equal(db):
		return da.Before(db)
	case a.Every != b.Every:
		return a.Every < b.Every
	}
	return a.served.Before(b.served)
}
