package meter

import (
	"maps"
	"slices"
	"time"
)

// What is known of a meter's record: which moments were read, live or from its
// memory, and which are holes.

// Remember takes a reading that is in the ring already, and came after what was
// learned was last kept: before Run.
func (a *archive) Remember(r Reading) {
	for _, m := range a.meters {
		if m.Address != r.Meter || !r.Trusted {
			continue
		}
		// The clock may not be right yet: it is as late as what was read last.
		if r.Round.After(a.latest) {
			a.latest = r.Round
		}
		// What was made up is older than what was judged before it.
		now := a.latest
		for _, rec := range m.health.learned.Records {
			now = later(now, time.Unix(rec.Next, 0).Add(-time.Second)) // that one may still be read
		}
		if m.ring == nil {
			m.ring = m.kept(now.In(a.zone))
		}
		a.remember(m, m.ring, &r, CauseBoard)
		a.keepKnown(m)
	}
}

// begin makes the accounts of a meter ready. It gives how many values are
// too old to be made up.
func (a *archive) begin(m *polled, now time.Time) (gone int) {
	if m.health.learned.plan(m.planned(), now) {
		a.keepKnown(m)
		a.changed.Store(true) // what comes from now on was read by this one
	}
	for _, h := range m.planned() {
		if h.Of != Events {
			gone += m.health.learned.record(h).begin(now, h.Back)
		}
	}
	return gone
}

// remember notes the moment of a reading in some parts. The cause is of the moments
// before it that were not read.
func (a *archive) remember(m *polled, lanes []lane, r *Reading, cause Cause) {
	at, late := r.Round.In(a.zone), !r.Recalled && r.Time.Sub(r.Round) > boundaryWithin
	for _, h := range lanes {
		if h.Of == Events {
			continue
		}
		rec := m.health.learned.record(h)
		of := rec.moment(at)
		if h.Of == Month && r.Recalled && rec.Settles == "" && m.settledAlone(lanes, at) {
			rec.Settles = at.Format("0215")
		}
		if h.Of == Month && !rec.settlesAt(at) || h.Of != Month && !of.Equal(at) {
			continue
		}
		if rec.Left && !rec.hole(of) { // it was read by another plan
			continue
		}
		if late && (h.Of == Daily || h.Of == Month) { // the meter has what it stood at then
			continue
		}
		points := h.Points
		if h.Of == Month && !r.Recalled { // with the settlement the meter has begun its demands anew
			points = slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return p.DI.Code>>24 == 0x01 })
		}
		if have := namedOf(points, r.Values); len(have) > 0 {
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
func (m *polled) settledAlone(lanes []lane, at time.Time) bool {
	return at.Minute() == 0 && !slices.ContainsFunc(lanes, func(h lane) bool {
		return h.Of != Month && h.Of != Events && m.health.learned.record(h).moment(at).Equal(at)
	})
}

// keepKnown shows others what is known of a meter's record and its events.
func (a *archive) keepKnown(m *polled) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept[m.index].Events = maps.Clone(m.health.learned.Events)
	a.kept[m.index].Records = cloneRecords(m.health.learned.Records)
	a.kept[m.index].Books = m.health.learned.Books.clone()
}

func cloneRecords(all []*Record) []*Record {
	var out []*Record
	for _, r := range all {
		c := r.clone()
		out = append(out, &c)
	}
	return out
}

// judge looks for holes, and counts what is too old to be made up.
func (a *archive) judge(m *polled, now time.Time, cause Cause) {
	if len(m.planned()) == 0 || m.unmet() || !a.trusted(now) {
		return
	}
	gone := a.begin(m, now)
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
		if h.left == nil {
			found = rec.look(now, h.grace, why, len(h.Points)) || found
		}
		gone += rec.expire(now, h.Back+expireAfter, len(h.Points))
	}
	if gone > 0 {
		a.missing(m, now)
	}
	if !found && gone == 0 {
		return
	}
	a.keepKnown(m)
	if now.Sub(m.keptAt).Abs() > keepEvery { // after a power cut it is found again
		m.keptAt = now
		a.changed.Store(true)
	}
}
