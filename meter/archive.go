package meter

import (
	"context"
	"slices"
	"time"

	"meterd/dlt645"
)

const (
	// usualShare is the share of the line's time that it may take, in percent.
	usualShare = 20
	// freezeAfter is how long after midnight, or the hour, a freeze is asked for.
	freezeAfter = 5 * time.Minute
	// historyLook is how often it is looked for holes while there are none.
	historyLook = 5 * time.Second
	// triesAtOnce is how often a record that is not there is asked for before it
	// counts as missing, and againAfter how long after.
	triesAtOnce = 3
	againAfter  = time.Hour
	// lostAgain is when it is tried again what the line has lost.
	lostAgain = 10 * time.Minute
	// expireAfter is how much longer than asked for a hole is kept: what lay at
	// the edge at the first start has its chance.
	expireAfter = 24 * time.Hour
)

// archive fills the holes of the record from the meters' memory while the line
// is idle: a transaction at a time, within its share of the line, and only when
// nothing else is due before it ends. Owned by Run, but for the wishes.
type archive struct {
	*line
	wishes  wishes
	share   int           // percent of the line
	from    time.Duration // since the poller began: not before
	visit   *visit        // in progress
	tale    *tale         // in progress
	of      *polled       // whose memory it looks into
	record  *Record       // that it fills; nil: the books alone
	history lane
	turn    int       // of the meters, so that each has its own
	latest  time.Time // of all that was read before the start
	keptAt  time.Time // when what was filled was last worth keeping
}

// past is what the archive knows of one meter.
type past struct {
	lanes      []lane              // what is made up from its memory
	known      bool                // something was learned of it before the start
	ring       []lane              // the same as what was kept knows it: what the ring holds is remembered in these
	asked      map[int64]time.Time // when the freezes of days may be asked for again, for the books
	clockAsked time.Duration       // when its clock was last asked for out of turn; 0: never since it came back
	before     *Books              // as they stood before what was read since then; nil where met
	met        bool                // its number was read since the start and since it came back
	without    int                 // looks for a freeze, one after the other, that found none at all
	hush       bool                // it was silent to the last one, and has answered nothing since
	events     map[string]int64    // the counts of events whose records are to be fetched, by the point that counts them
	eventsFrom time.Duration       // since the poller began: not before
}

// away notes that a meter was lost: another one may hang there when it is back.
func (m *past) away() {
	m.met, m.clockAsked, m.before, m.without, m.hush = false, 0, nil, 0, false
}

// spoke notes that a meter has answered: it is there, and its silence to the look
// for a freeze before meant that it has none.
func (m *past) spoke() {
	if m.hush {
		m.hush = false
		m.without++
	}
}

// replaced notes that another meter hangs there: what is to be fetched was counted
// by the one before, and it may have what that one did not.
func (m *past) replaced() { m.events, m.asked = nil, nil }

// recall goes on with filling holes, if there is time until something else is
// due. It reports whether the line was used; else wait is how long it is until
// it may be.
func (a *archive) recall(ctx context.Context, now moment, wait *time.Duration) bool {
	switch {
	case !a.trusted(now.wall):
		return false
	case now.up < a.from:
		*wait = min(*wait, a.from-now.up)
		return false
	}
	if *wait < a.patience() {
		return false
	}
	local := now.wall.In(a.zone)
	a.obey(local)
	if a.visit == nil && a.tale == nil && !a.choose(local) {
		a.from = now.up + historyLook
		*wait = min(*wait, historyLook)
		return false
	}
	if a.tale != nil {
		a.readEvents(ctx)
	} else {
		a.readMemory(ctx)
	}
	up := a.now().up
	a.from = up + (up-now.up)*time.Duration(100-a.share)/time.Duration(a.share)
	return true
}

// readMemory goes on with a visit by one transaction.
func (a *archive) readMemory(ctx context.Context) {
	if req, ok := a.visit.next(); ok {
		a.late(a.of)
		how := a.of.health.manner(a.bus.Manner(), a.bus.timing, a.of.Auto)
		ans, err := a.bus.TryAs(ctx, how, req)
		a.heard(a.of, how, ans.Took, ans.Since, err)
		if ctx.Err() != nil {
			return
		}
		a.visit.took(ans.Frame, err, a.now().wall.In(a.zone))
	}
	if _, more := a.visit.next(); !more {
		a.visited(a.now().wall.In(a.zone))
	}
}

// patience is how long a transaction of the archive usually takes at most.
func (a *archive) patience() time.Duration {
	t := a.bus.timing
	answer := t.Timeout
	if a.visit != nil {
		if s := a.of.health.learned.Times; s.N >= enoughTimes {
			answer = s.Percentile(0.99)
		}
	}
	return t.Wire(2*t.Preamble+usualExchange) + answer + t.Gap
}

// usualExchange is more bytes than most requests and answers of the archive
// have together.
const usualExchange = 160

// choose takes up the next visit; false if there is nothing to be fetched. The
// freezes that day and month are counted from come first, then what was missed
// last.
func (a *archive) choose(now time.Time) bool {
	n := len(a.meters)
	for _, m := range a.meters { // also one that does not answer: what it misses is known at once
		a.judge(m, now, CauseLine)
	}
	for _, want := range []func(*polled, time.Time) bool{a.chooseEvents, a.chooseBooks, a.chooseRecord} {
		for i := range n {
			m := a.meters[(a.turn+i)%n]
			if m.health.dead() || m.aside != nil || m.health.lostRow > 0 || m.health.learned.Books.Last == "" && len(m.History) == 0 {
				continue
			}
			if !a.clockKnown(m, now) {
				continue
			}
			if want(m, now) {
				a.turn = (a.turn + i + 1) % n
				return true
			}
		}
	}
	return false
}

// clockKnown reports whether it is known how far a meter's clock is off, which
// says what its records are worth, and that it is the meter that it was before
// the board or it was away. Else both are read, once in a while.
func (a *archive) clockKnown(m *polled, now time.Time) bool {
	at := time.Unix(m.health.learned.OffsetAt, 0)
	if !a.plan.daily(m.index) || m.met && now.Sub(at).Abs() < offsetFor {
		return true
	}
	up := a.now().up
	if m.clockAsked == 0 || up-m.clockAsked > offsetAgain {
		m.clockAsked = up
		a.plan.soon(m.index, now)
		return false
	}
	return up-m.clockAsked > time.Minute // it tells none
}

const (
	// offsetFor is how long a meter's clock is believed to go as it went.
	offsetFor   = 26 * time.Hour
	offsetAgain = 6 * time.Hour
)

// chooseBooks looks for a freeze that the books of a meter want.
func (a *archive) chooseBooks(m *polled, now time.Time) bool {
	if !a.books || m.health.learned.Books.Last == "" || m.health.edition(m.Handle) != dlt645.V2007 {
		return false
	}
	var ps Points
	total, _ := ps.Lookup("energy.forward.total")
	for _, day := range m.health.learned.Books.wanted(now) {
		if now.Sub(day) < freezeAfter || now.Before(m.asked[day.Unix()]) {
			continue
		}
		points := []Point{total}
		var rec *Record
		var hist lane
		for _, h := range m.histories() {
			if r := m.health.learned.record(h); h.Of == Daily && r.hole(day) {
				rec, hist = r, h
				points = union(points, h.Points)
			}
		}
		a.visitFor(m, rec, hist, newVisit(m.Handle, &m.health, Daily, points, day, day, now, 24*time.Hour))
		return true
	}
	return false
}

func union(a, b []Point) []Point {
	out := slices.Clone(a)
	for _, p := range b {
		if !named(out, p.Name) {
			out = append(out, p)
		}
	}
	return out
}

// chooseRecord looks for a hole of a meter's record.
func (a *archive) chooseRecord(m *polled, now time.Time) bool {
	for _, h := range m.histories() {
		if h.Of == Events {
			continue
		}
		rec := m.health.learned.record(h)
		hole, ok := rec.next(now)
		if !ok {
			continue
		}
		from, to := time.Unix(hole.From, 0).In(a.zone), time.Unix(hole.To, 0).In(a.zone)
		points := h.Points
		if hole.Have != nil {
			points = slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return slices.Contains(hole.Have, p.Name) })
		}
		switch h.Of {
		case Daily, Hourly:
			from = to // the newest
		case Month:
			from = rec.before(from).Add(time.Second) // the settlement of the day before
		}
		a.visitFor(m, rec, h, newVisit(m.Handle, &m.health, h.Of, points, from, to, now, rec.step()))
		return true
	}
	return false
}

func (a *archive) visitFor(m *polled, rec *Record, h lane, v *visit) {
	a.of, a.record, a.history, a.visit = m, rec, h, v
}
