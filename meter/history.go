package meter

import (
	"context"
	"maps"
	"slices"
	"time"

	"meterd/dlt645"
)

// The poller fills the holes of the record from the meters' memory while the
// line is idle: a transaction at a time, within its share of the line, and
// only when nothing else is due before it ends.

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

// archive is the poller's work on the meters' memory. Owned by Run.
type archive struct {
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

// Remember takes a reading that is in the ring already, and came after what was
// learned was last kept: before Run.
func (p *Poller) Remember(r Reading) {
	for _, m := range p.meters {
		if m.Address != r.Meter || !r.Trusted {
			continue
		}
		// The clock may not be right yet: it is as late as what was read last.
		if r.Round.After(p.archive.latest) {
			p.archive.latest = r.Round
		}
		// What was made up is older than what was judged before it.
		now := p.archive.latest
		for _, rec := range m.health.learned.Records {
			now = later(now, time.Unix(rec.Next, 0))
		}
		p.beginRecords(m, now.In(p.zone))
		p.remember(m, &r, CauseBoard)
		p.keepRecords(m)
	}
}

// beginRecords makes the accounts of a meter ready. It gives how many values are
// too old to be made up.
func (p *Poller) beginRecords(m *polled, now time.Time) (gone int) {
	m.health.learned.plan(m.histories())
	for _, h := range m.histories() {
		if h.Of != Events {
			gone += m.health.learned.record(h).begin(now, h.Back)
		}
	}
	return gone
}

// remember notes the moment of a reading. The cause is of the moments before
// it that were not read.
func (p *Poller) remember(m *polled, r *Reading, cause Cause) {
	at := r.Round.In(p.zone)
	for _, h := range m.histories() {
		if h.Of == Events {
			continue
		}
		rec := m.health.learned.record(h)
		of := rec.moment(at)
		if h.Of == Month && r.Recalled && rec.Settles == "" && m.settledAlone(at) {
			rec.Settles = at.Format("0215")
		}
		if h.Of == Month && !rec.settlesAt(at) || h.Of != Month && !of.Equal(at) {
			continue
		}
		if have := namedOf(h.Points, r.Values); len(have) > 0 {
			rec.got(of, have, len(h.Points), r.Recalled, cause)
		}
	}
}

// namedOf gives those of some points of which there is a value.
func namedOf(points []Point, values []PointValue) (names []string) {
	for _, v := range values {
		if named(points, v.Point) {
			names = append(names, v.Point)
		}
	}
	return names
}

// settledAlone reports whether what a meter remembers of a time can be nothing
// but a settlement.
func (m *polled) settledAlone(at time.Time) bool {
	return at.Minute() == 0 && !slices.ContainsFunc(m.histories(), func(h lane) bool {
		return h.Of != Month && h.Of != Events && m.health.learned.record(h).moment(at).Equal(at)
	})
}

// keepRecords shows others what is known of a meter's record and its events.
func (p *Poller) keepRecords(m *polled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[m.index].Events = maps.Clone(m.health.learned.Events)
	p.kept[m.index].Records = cloneRecords(m.health.learned.Records)
	p.kept[m.index].Books = m.health.learned.Books.clone()
}

func cloneRecords(all []*Record) []*Record {
	var out []*Record
	for _, r := range all {
		c := r.clone()
		out = append(out, &c)
	}
	return out
}

// judgeRecords looks for holes, and counts what is too old to be made up.
func (p *Poller) judgeRecords(m *polled, now time.Time, cause Cause) {
	if len(m.histories()) == 0 || !p.trusted(now) {
		return
	}
	gone := p.beginRecords(m, now)
	found := false
	for _, h := range m.histories() {
		if h.Of == Events {
			continue
		}
		rec := m.health.learned.record(h)
		why := cause
		if h.every == 0 {
			why = CausePlan
		}
		found = rec.look(now, h.grace, why, len(h.Points)) || found
		gone += rec.expire(now, h.Back+expireAfter, len(h.Points))
	}
	if gone > 0 {
		p.missing(m, now)
	}
	if found || gone > 0 {
		p.changed.Store(true)
		p.keepRecords(m)
	}
}

// recall goes on with filling holes, if there is time until something else is
// due. It reports whether the line was used; else wait is how long it is until
// it may be.
func (p *Poller) recall(ctx context.Context, now moment, wait *time.Duration) bool {
	a := &p.archive
	switch {
	case !p.trusted(now.wall):
		return false
	case now.up < a.from:
		*wait = min(*wait, a.from-now.up)
		return false
	}
	if *wait < p.patience() {
		return false
	}
	local := now.wall.In(p.zone)
	p.obey(local)
	if a.visit == nil && a.tale == nil && !p.choose(local) {
		a.from = now.up + historyLook
		*wait = min(*wait, historyLook)
		return false
	}
	if a.tale != nil {
		p.readEvents(ctx)
	} else {
		p.readMemory(ctx)
	}
	up := p.now().up
	a.from = up + (up-now.up)*time.Duration(100-a.share)/time.Duration(a.share)
	return true
}

// readMemory goes on with a visit by one transaction.
func (p *Poller) readMemory(ctx context.Context) {
	a := &p.archive
	if req, ok := a.visit.next(); ok {
		p.late(a.of)
		how := a.of.health.manner(p.bus.Manner(), p.bus.timing, a.of.Auto)
		ans, err := p.bus.TryAs(ctx, how, req)
		p.heard(a.of, how, ans.Took, ans.Since, err)
		if ctx.Err() != nil {
			return
		}
		a.visit.took(ans.Frame, err, p.now().wall.In(p.zone))
	}
	if _, more := a.visit.next(); !more {
		p.visited(p.now().wall.In(p.zone))
	}
}

// patience is how long a transaction of the archive usually takes at most.
func (p *Poller) patience() time.Duration {
	t := p.bus.timing
	answer := t.Timeout
	if a := p.archive; a.visit != nil {
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
func (p *Poller) choose(now time.Time) bool {
	n := len(p.meters)
	for _, want := range []func(*polled, time.Time) bool{p.chooseEvents, p.chooseBooks, p.chooseRecord} {
		for i := range n {
			m := p.meters[(p.archive.turn+i)%n]
			if m.health.dead() || m.aside != nil || m.health.lostRow > 0 || m.health.learned.Books.Last == "" && len(m.History) == 0 {
				continue
			}
			p.judgeRecords(m, now, CauseLine)
			if !p.clockKnown(m, now) {
				continue
			}
			if want(m, now) {
				p.archive.turn = (p.archive.turn + i + 1) % n
				return true
			}
		}
	}
	return false
}

// clockKnown reports whether it is known how far a meter's clock is off, which
// says what its records are worth, and that it is the meter that it was before
// the board or it was away. Else both are read, once in a while.
func (p *Poller) clockKnown(m *polled, now time.Time) bool {
	at := time.Unix(m.health.learned.OffsetAt, 0)
	if !p.plan.daily(m.index) || m.met && now.Sub(at).Abs() < offsetFor {
		return true
	}
	up := p.now().up
	if m.clockAsked == 0 || up-m.clockAsked > offsetAgain {
		m.clockAsked = up
		p.plan.soon(m.index, now)
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
func (p *Poller) chooseBooks(m *polled, now time.Time) bool {
	if !p.books || m.health.learned.Books.Last == "" || m.health.edition(m.Handle) != dlt645.V2007 {
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
		p.visitFor(m, rec, hist, newVisit(m.Handle, &m.health, Daily, points, day, day, now, 24*time.Hour))
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
func (p *Poller) chooseRecord(m *polled, now time.Time) bool {
	for _, h := range m.histories() {
		if h.Of == Events {
			continue
		}
		rec := m.health.learned.record(h)
		hole, ok := rec.next(now)
		if !ok {
			continue
		}
		from, to := time.Unix(hole.From, 0).In(p.zone), time.Unix(hole.To, 0).In(p.zone)
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
		p.visitFor(m, rec, h, newVisit(m.Handle, &m.health, h.Of, points, from, to, now, rec.step()))
		return true
	}
	return false
}

func (p *Poller) visitFor(m *polled, rec *Record, h lane, v *visit) {
	p.archive.of, p.archive.record, p.archive.history, p.archive.visit = m, rec, h, v
}
