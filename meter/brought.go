package meter

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// What a visit to a meter's memory has brought.

// visited takes what a visit has brought.
func (a *archive) visited(now time.Time) {
	v, m, rec := a.visit, a.of, a.record
	a.visit = nil
	a.handing.Lock()
	defer a.handing.Unlock()
	defer a.keepKnown(m)
	if now.Sub(a.keptAt).Abs() > keepEvery { // what was filled since then is in the ring
		a.keptAt = now
		a.changed.Store(true)
	}
	a.bookkeep(m, v, now)
	if rec == nil {
		return
	}
	points := len(a.history.Points)
	if v.lost != nil {
		rec.tried(v.from, v.to, now.Add(lostAgain))
		return
	}
	if v.says != "" {
		rec.Settles = v.says
	}
	for _, f := range v.found {
		a.handOn(m, rec, f)
	}
	switch {
	case v.kind == Month:
		a.settled(m, rec, v, now)
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
		a.missing(m, now)
	}
}

// settled takes what a look at the newest settlement of a row of days has
// brought.
func (a *archive) settled(m *polled, rec *Record, v *visit, now time.Time) {
	of := rec.moment(v.from)
	switch {
	case v.notYet:
		rec.tried(of, v.to, now.Add(lostAgain))
		return
	case v.unsure || v.cause != CauseNever && rec.settlesAt(v.from) && len(v.found) == 0:
		if rec.tried(of, v.to, now.Add(againAfter)) < triesAtOnce {
			return
		}
	}
	if rec.missing(of, v.to, v.cause, len(rec.Points)) > 0 { // of the days, those at which it settles
		a.missing(m, now)
	}
}

// bookkeep gives the books what a visit has brought of the register.
func (a *archive) bookkeep(m *polled, v *visit, now time.Time) {
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
	switch {
	case v.none:
		m.without++
	case errors.Is(v.lost, ErrSilence) && v.newer == 0 && v.older == 0:
		m.hush = true
	default:
		m.without = 0
	}
	if m.without >= triesAtOnce { // it freezes nothing, but does not say so
		m.without = 0
		m.health.learned.lack(Daily.timeOf(1), now.Add(refusedFor))
	}
	again := againAfter
	switch {
	case v.lost != nil:
		again = lostAgain
	case v.cause == CauseNever, v.cause == CauseOld, len(v.found) > 0: // it would tell the same
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
				a.log.Warn("a freeze does not fit the register; the day is not counted from it", "meter", m.Name, "day", f.at.Format(time.DateOnly), "froze", value.Value.String(), "register", m.health.learned.Books.Last)
			}
		}
	}
	a.tellTotals(m, now)
}

// tellTotals hands on the totals of yesterday and of the last month once they are
// known: the next reading of the register may be of another day.
func (a *archive) tellTotals(m *polled, now time.Time) {
	r := Reading{Meter: m.Address, Time: now.Round(0), Round: now.Round(0)}
	if a.stamp(&r); !r.Trusted {
		return
	}
	if m.health.learned.Books.tell(&r, now, m.health.learned.Books.figures(now, false)) {
		a.sink(r)
		a.update(m.index, func(s *MeterState) { s.keep(r) })
		a.changed.Store(true)
	}
}

// handOn makes a reading of what a meter remembers of a moment. What was read
// live is never doubled, and what another meter remembers is not of this place.
func (a *archive) handOn(m *polled, rec *Record, f recollection) {
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
		wanted := named(a.history.Points, v.Point)
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
		if other := m.health.learned.record(h); other != rec && other.moment(f.at).Equal(f.at) && !m.leftHole(h, f.at) {
			other.cameAfterAll(f.at, len(namedOf(h.Points, r.Values)))
		}
	}
	a.remember(m, m.parts(true), &r, CauseLine) // another part may lack the same
	a.sink(r)
}

// missing tells, once a day, that a meter's record has gaps that its memory
// does not fill.
func (a *archive) missing(m *polled, now time.Time) {
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
	a.log.Warn("values are missing, and the meter does not have them either", "meter", m.Name, "values", total, "cause", most.Text().EN)
	a.tell(m, EventMissing, most.Text().EN)
}
