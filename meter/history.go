package meter

import (
	"cmp"
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

// lane is a part of what is made up of a meter, whose points have the same
// moments: they are read live by rounds of one period, or by none.
type lane struct {
	History
	step  time.Duration // from moment to moment
	every time.Duration // of the rounds that read it live; 0: none does
	grace time.Duration // after a moment, until which it may still be read live
	zone  *time.Location
}

// loadStep is how far load records usually lie apart.
const loadStep = 15 * time.Minute

// lanes splits what is made up of a meter by how it is read live.
func lanes(h *Handle, zone *time.Location) (all []lane) {
	for _, hist := range h.History {
		for _, p := range hist.Points {
			l := lane{History: History{Of: hist.Of, Points: []Point{p}, Back: hist.Back}, every: readEvery(h, p), zone: zone}
			switch hist.Of {
			case Load:
				l.step = cmp.Or(l.every, loadStep)
			case Hourly:
				l.step = time.Hour
			default:
				l.step = 24 * time.Hour
			}
			if l.every > 0 && l.step%l.every != 0 || hist.Of == Month {
				l.every = 0 // no round falls on its moments
			}
			l.grace = freezeAfter
			if l.every > 0 {
				l.grace = max(l.grace, l.every+time.Minute)
			}
			i := slices.IndexFunc(all, func(o lane) bool { return o.Of == l.Of && o.step == l.step && o.every == l.every })
			if i < 0 {
				all = append(all, l)
				continue
			}
			all[i].Points = append(all[i].Points, p)
		}
	}
	return all
}

// readEvery is the shortest period in which a meter's point is read; 0: it is
// not.
func readEvery(h *Handle, p Point) (every time.Duration) {
	for _, g := range h.Groups {
		if slices.ContainsFunc(g.Points, func(o Point) bool { return o.Name == p.Name }) && (every == 0 || g.Every < every) {
			every = g.Every
		}
	}
	return every
}

// histories gives the parts of its memory that a meter is asked for.
func (m *polled) histories() []lane {
	if m.health.edition(m.Handle) != dlt645.V2007 {
		return nil
	}
	return m.lanes
}

// record gives the account of one part. A new one goes on from where one of
// another plan had come: what that had judged was read, or is a hole still.
func (l *Learned) record(of lane) *Record {
	r := &Record{Of: of.Of, Step: int64(of.step / time.Second), Every: int64(of.every / time.Second)}
	for _, p := range of.Points {
		r.Points = append(r.Points, p.Name)
	}
	for _, o := range l.Records {
		if o.Of == r.Of && o.Step == r.Step && o.Every == r.Every && slices.Equal(o.Points, r.Points) {
			return o
		}
	}
	for _, o := range l.Records {
		if o.Of != r.Of {
			continue
		}
		r.Next = max(r.Next, o.Next)
		if r.Began == 0 || o.Began < r.Began {
			r.Began = o.Began
		}
		if !slices.ContainsFunc(r.Points, func(name string) bool { return !slices.Contains(o.Points, name) }) {
			r.adopt(o, of.zone)
		}
	}
	l.Records = append(l.Records, r)
	return r
}

// plan forgets the accounts of plans that are no longer.
func (l *Learned) plan(lanes []lane) {
	var kept []*Record
	before := len(l.Records)
	for _, of := range lanes {
		if of.Of != Events {
			kept = append(kept, l.record(of))
		}
	}
	if before > 0 && len(kept) < len(l.Records) {
		l.Records = kept
	}
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
		p.beginRecords(m, p.archive.latest.In(p.zone))
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
		var have []string
		for _, v := range r.Values {
			if slices.ContainsFunc(h.Points, func(p Point) bool { return p.Name == v.Point }) {
				have = append(have, v.Point)
			}
		}
		if len(have) > 0 {
			rec.got(of, have, len(h.Points), r.Recalled, cause)
		}
	}
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
	began := now.up
	if a.tale != nil {
		p.readEvents(ctx)
		up := p.now().up
		a.from = up + (up-began)*time.Duration(100-a.share)/time.Duration(a.share)
		return true
	}
	if req, ok := a.visit.next(); ok {
		p.late(a.of)
		how := a.of.health.manner(p.bus.Manner(), p.bus.timing, a.of.Auto)
		ans, err := p.bus.TryAs(ctx, how, req)
		p.heard(a.of, how, ans.Took, ans.Since, err)
		if ctx.Err() != nil {
			return true
		}
		a.visit.took(ans.Frame, err, p.now().wall.In(p.zone))
	}
	if _, more := a.visit.next(); !more {
		p.visited(p.now().wall.In(p.zone))
	}
	up := p.now().up
	a.from = up + (up-began)*time.Duration(100-a.share)/time.Duration(a.share)
	return true
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
		if !slices.ContainsFunc(out, func(o Point) bool { return o.Name == p.Name }) {
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
		wanted := slices.ContainsFunc(p.archive.history.Points, func(p Point) bool { return p.Name == v.Point })
		if wanted && !slices.Contains(have, v.Point) {
			r.Values = append(r.Values, v)
		}
	}
	if len(r.Values) == 0 {
		return
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
	most := CauseOld
	for c, n := range causes {
		if n > causes[most] || n == causes[most] && cmp.Compare(c, most) < 0 {
			most = c
		}
	}
	p.log.Warn("values are missing, and the meter does not have them either", "meter", m.Name, "values", total, "cause", most.Text().EN)
	p.tell(m, EventMissing, most.Text().EN)
}

// order is a wish for more of a meter's record.
type order struct {
	meter    int
	from, to time.Time
	have     map[int64][]string // the points that are there, by the moment
}

// Fetch has what lacks of a meter between two times fetched from its memory,
// although it counts as missing. Have tells the points that are there, by the
// moment in seconds since 1970. It gives how many moments lack.
func (p *Poller) Fetch(h *Handle, from, to time.Time, have map[int64][]string) (moments int) {
	i := slices.Index(p.handles, h)
	if i < 0 {
		return 0
	}
	o := order{i, from, to, have}
	known := p.known(i)
	for _, l := range lanes(h, p.zone) {
		if l.Of == Events {
			continue
		}
		l.each(o, &known, time.Now(), func(time.Time, []string) { moments++ })
	}
	if moments > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.orders) < mostOrders {
			p.orders = append(p.orders, o)
		}
	}
	return moments
}

// mostOrders bounds the wishes that wait.
const mostOrders = 64

// each calls f for the moments of a wish that lack something, with the points
// that are there.
func (l lane) each(o order, known *Learned, now time.Time, f func(at time.Time, have []string)) {
	r := Record{Of: l.Of, Step: int64(l.step / time.Second)}
	for _, rec := range known.Records {
		if rec.Of == l.Of {
			r.Settles = rec.Settles
		}
	}
	first := o.from
	if oldest := now.Add(-l.Of.Depth()).In(first.Location()); first.Before(oldest) {
		first = oldest
	}
	for at := r.moment(first); !at.After(o.to) && !at.Add(l.grace).After(now); at = r.after(at) {
		read := at
		if l.Of == Month {
			var ok bool
			if read, ok = r.settled(at); !ok {
				continue
			}
		}
		var have []string
		for _, p := range l.Points {
			if slices.Contains(o.have[read.Unix()], p.Name) {
				have = append(have, p.Name)
			}
		}
		if len(have) < len(l.Points) {
			f(at, have)
		}
	}
}

// obey makes holes of the moments that a wish names.
func (p *Poller) obey(now time.Time) {
	p.mu.Lock()
	orders := p.orders
	p.orders = nil
	p.mu.Unlock()
	for _, o := range orders {
		m := p.meters[o.meter]
		for _, l := range m.histories() {
			if l.Of == Events {
				continue
			}
			rec := m.health.learned.record(l)
			l.each(o, &m.health.learned, now, func(at time.Time, have []string) {
				rec.take(at, at)
				if at.Unix() >= rec.Next {
					return // it will be judged
				}
				if have == nil {
					rec.wish(at, len(l.Points))
					return
				}
				rec.insert(Hole{From: at.Unix(), To: at.Unix(), Cause: CauseValue, Have: have}, at.Location(), len(l.Points))
			})
			rec.wanted(o.from, o.to)
		}
		p.keepRecords(m)
	}
}
