package meter

import (
	"cmp"
	"slices"
	"time"
)

// What a visit to a meter's memory has brought.

// visited takes what a visit has brought.
func (p *Poller) visited(now time.Time) {
	a := &p.archive
	v, m, rec := a.visit, a.of, a.record
	a.visit = nil
	p.handing.Lock()
	defer p.handing.Unlock()
	defer p.keepRecords(m)
	if now.Sub(a.keptAt) > keepEvery { // what was filled since then is in the ring
		a.keptAt = now
		p.changed.Store(true)
	}
	p.bookkeep(m, v, now)
	if rec == nil {
		return
	}
	points := len(a.history.Points)
	if v.lost != nil {
		rec.tried(v.from, v.to, now.Add(lostAgain))
		return
	}
	if v.settles != "" {
		rec.Settles = v.settles
	}
	for _, f := range v.found {
		p.handOn(m, rec, f)
	}
	switch {
	case v.kind == Month:
		p.settled(m, rec, v, now)
		return
	case v.notYet:
		if rec.tried(v.from, v.to, now.Add(againAfter)) < triesAtOnce || now.Sub(v.from) < 24*time.Hour {
			return
		}
		v.upTo = v.to
	case v.upTo.IsZero():
		return
	}
	if v.cause != CauseNever && (v.unsure || len(v.found) == 0) && rec.tried(v.from, v.upTo, now.Add(againAfter)) < triesAtOnce {
		return // it is asked again before it counts as missing
	}
	if rec.missing(v.from, v.upTo, v.cause, points) > 0 {
		p.missing(m, now)
	}
}

// settled takes what a look at the newest settlement of a row of days has
// brought.
func (p *Poller) settled(m *polled, rec *Record, v *visit, now time.Time) {
	of := rec.moment(v.from)
	switch {
	case v.notYet:
		rec.tried(of, v.to, now.Add(lostAgain))
		return
	case v.cause != CauseNever && rec.settlesAt(v.from) && (v.unsure || len(v.found) == 0) && rec.tried(of, v.to, now.Add(againAfter)) < triesAtOnce:
		return
	}
	gone := 0
	if rec.settlesAt(v.from) {
		gone = rec.missing(of, of, v.cause, len(rec.Points))
	}
	rec.take(of, v.to)
	if gone > 0 {
		p.missing(m, now)
	}
}

// bookkeep gives the books what a visit has brought of the register.
func (p *Poller) bookkeep(m *polled, v *visit, now time.Time) {
	if v.kind != Daily {
		return
	}
	if m.asked == nil {
		m.asked = map[int64]time.Time{}
	}
	for day := range m.asked { // those of last month and before
		if now.Sub(time.Unix(day, 0)) > 70*24*time.Hour {
			delete(m.asked, day)
		}
	}
	again := againAfter
	switch {
	case v.lost != nil:
		again = lostAgain
	case v.cause == CauseNever:
		again = refusedFor
	}
	m.asked[v.from.Unix()] = now.Add(again)
	if v.lost != nil {
		return
	}
	for _, f := range v.found {
		if m.health.learned.doubtful(f.at) {
			continue
		}
		for _, value := range f.values {
			if value.Point == "energy.forward.total" && !m.health.learned.Books.froze(f.at, value.Value.Dec) {
				p.log.Warn("a freeze does not fit the register; the day is not counted from it", "meter", m.Name, "day", f.at.Format(time.DateOnly), "froze", value.Value.String(), "register", m.health.learned.Books.Last)
			}
		}
	}
}

// doubtfulOff is how far a meter's clock may be off for its records to be of
// the moments that they say.
const doubtfulOff = 5 * time.Minute

// clockRead takes how many seconds a meter's clock is ahead.
func (l *Learned) clockRead(offset int64, at time.Time) {
	was := l.clockWrong()
	since := l.OffsetAt
	l.Offset, l.OffsetAt = offset, at.Unix()
	switch wrong := l.clockWrong(); {
	case wrong && !was:
		if again := at.Unix()-l.WrongUntil < int64(Daily.Depth()/time.Second); l.WrongUntil == 0 || !again {
			l.WrongFrom = since
		}
		l.WrongUntil = 0
	case was && !wrong:
		l.WrongUntil = at.Unix()
	}
}

func (l *Learned) clockWrong() bool {
	return (time.Duration(l.Offset) * time.Second).Abs() > doubtfulOff
}

// doubtful reports whether what a meter recorded at a time may be of another
// one: its clock is wrong, or was then.
func (l *Learned) doubtful(at time.Time) bool {
	return at.Unix() >= l.WrongFrom && (l.clockWrong() || at.Unix() < l.WrongUntil)
}

// handOn makes a reading of what a meter remembers of a moment. What was read
// live is never doubled, and what another meter remembers is not of this place.
func (p *Poller) handOn(m *polled, rec *Record, f recollection) {
	of := f.at
	if rec.Of == Month {
		of = rec.moment(of)
	}
	if !rec.hole(of) || f.at.Unix() < m.health.learned.Books.Since {
		return
	}
	have := rec.have(of)
	r := Reading{Meter: m.Address, Time: f.at, Round: f.at, Trusted: true, Recalled: true, Doubtful: m.health.learned.doubtful(f.at)}
	for _, v := range f.values {
		wanted := named(p.archive.history.Points, v.Point)
		if wanted && !slices.Contains(have, v.Point) {
			r.Values = append(r.Values, v)
		}
	}
	if len(r.Values) == 0 {
		return
	}
	for _, h := range m.histories() {
		if h.Of == Events {
			continue
		}
		if other := m.health.learned.record(h); other != rec && other.moment(f.at).Equal(f.at) {
			other.cameAfterAll(f.at, len(namedOf(h.Points, r.Values)))
		}
	}
	p.remember(m, &r, CauseLine) // another part may lack the same
	p.sink(r)
}

// missing tells, once a day, that a meter's record has gaps that its memory
// does not fill.
func (p *Poller) missing(m *polled, now time.Time) {
	day := now.Format(time.DateOnly)
	if m.health.learned.ToldGaps == day {
		return
	}
	m.health.learned.ToldGaps = day
	causes := map[Cause]int{}
	total := 0
	for _, rec := range m.health.learned.Records {
		for _, d := range rec.Days {
			for c, n := range d.Causes {
				causes[c] += n
				total += n
			}
		}
	}
	most := cmp.Or(chiefOf(causes), CauseOld)
	p.log.Warn("values are missing, and the meter does not have them either", "meter", m.Name, "values", total, "cause", most.Text().EN)
	p.tell(m, EventMissing, most.Text().EN)
}
