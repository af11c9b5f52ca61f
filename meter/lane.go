package meter

import (
	"cmp"
	"slices"
	"time"

	"meterd/dlt645"
)

// lane is a part of what is made up of a meter, whose points have the same
// moments: they are read live by rounds of one period, or by none.
type lane struct {
	History
	step  time.Duration // from moment to moment
	every time.Duration // of the rounds that read it live; 0: none does
	grace time.Duration // after a moment, until which it may still be read live
	zone  *time.Location
	left  *Record // the account of it, where it is not of this plan; nil: it is
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
		if named(g.Points, p.Name) && (every == 0 || g.Every < every) {
			every = g.Every
		}
	}
	return every
}

// histories gives the parts of its memory that a meter is asked for: those of its
// plan, and what earlier plans left.
func (m *polled) histories() []lane { return m.parts(false) }

// parts gives the same, on demand with what is out of the plan: another kind of
// memory may bring that too.
func (m *polled) parts(out bool) []lane {
	all := slices.Clip(m.planned())
	if all == nil {
		return nil
	}
	for _, r := range m.health.learned.Records {
		if !r.Left {
			continue
		}
		if l, wanted := leftOf(r, m.lanes); wanted || out {
			all = append(all, l)
		}
	}
	return all
}

// planned gives those of its plan alone; nil for a meter of an edition without such
// a memory.
func (m *polled) planned() []lane {
	if m.health.edition(m.Handle) != dlt645.V2007 {
		return nil
	}
	return m.lanes
}

// unmet reports whether a meter may be of an edition without a memory: nobody has
// found out, and nothing was ever made up of it.
func (m *polled) unmet() bool {
	return m.Auto && m.health.learned.Protocol == "" && len(m.health.learned.Records) == 0
}

// leftOf gives the part that an earlier plan left; false if nothing of it is made
// up any more.
func leftOf(r *Record, lanes []lane) (l lane, wanted bool) {
	l = lane{History: History{Of: r.Of}, step: r.step(), left: r}
	for _, of := range lanes {
		if of.Of == r.Of {
			l.Back, l.zone = max(l.Back, of.Back), of.zone
			wanted = wanted || of.shares(r)
		}
	}
	l.Points = r.points()
	return l, wanted
}

// points gives what is recorded.
func (r *Record) points() []Point {
	if r.of == nil {
		var all Points
		for _, name := range r.Points {
			if p, ok := all.Lookup(name); ok {
				r.of = append(r.of, p)
			}
		}
	}
	return r.of
}

// leftHole reports whether an earlier plan left a moment to be made up of a point of
// a part.
func (m *polled) leftHole(of lane, t time.Time) bool {
	return slices.ContainsFunc(m.health.learned.Records, func(r *Record) bool {
		return r.Left && r.Of == of.Of && of.shares(r) && r.hole(t)
	})
}

// shares reports whether an account has a point of this part.
func (l lane) shares(r *Record) bool {
	return slices.ContainsFunc(l.Points, func(p Point) bool { return slices.Contains(r.Points, p.Name) })
}

// is reports whether an account is of just this part.
func (l lane) is(r *Record) bool {
	return r.Of == l.Of && r.step() == l.step && r.Every == int64(l.every/time.Second) &&
		slices.EqualFunc(r.Points, l.Points, func(name string, p Point) bool { return name == p.Name })
}

// record gives the account of one part.
func (l *Learned) record(of lane) *Record {
	if of.left != nil {
		return of.left
	}
	if i := slices.IndexFunc(l.Records, of.is); i >= 0 {
		return l.Records[i]
	}
	r := &Record{Of: of.Of, Step: int64(of.step / time.Second), Every: int64(of.every / time.Second)}
	for _, p := range of.Points {
		r.Points = append(r.Points, p.Name)
	}
	l.Records = append(l.Records, r)
	return r
}

// mostLeft bounds the accounts of earlier plans that are kept of one meter.
const mostLeft = 4

// plan brings the accounts to the plan of now. What lacks of an earlier one until
// now is still made up, or counted as missing, at the moments that it had. It
// reports whether the plan has become another one.
func (l *Learned) plan(lanes []lane, now time.Time) (changed bool) {
	var kept, left, leaves []*Record
	for _, r := range l.Records {
		if slices.ContainsFunc(lanes, func(of lane) bool { return of.is(r) }) {
			continue
		}
		r.setBack(now)
		_, wanted := leftOf(r, lanes)
		r.Out = !wanted
		if r.Left {
			left = append(left, r)
		} else {
			if r.Left, changed = true, true; r.Next > 0 {
				r.look(now, 0, CauseBoard, len(r.Points))
			}
			leaves = append(leaves, r)
		}
		if r.Out {
			r.expire(now, r.Of.Depth(), len(r.Points))
		}
	}
	left = append(left, leaves...) // the oldest first
	for _, of := range lanes {
		if of.Of == Events {
			continue
		}
		r := l.record(of)
		switch {
		case r.Out: // nobody has judged what was meanwhile
			r.resume(now, of.Back)
			changed = true
		case r.Left || r.Next == 0:
			r.Left, changed = false, true
			l.goOn(r, now)
		}
		kept = append(kept, r)
	}
	for i, r := range left {
		many := i < len(left)-mostLeft
		if n := len(r.Holes); n > 0 && many {
			r.missing(time.Unix(r.Holes[0].From, 0).In(now.Location()), time.Unix(r.Holes[n-1].To, 0).In(now.Location()), CauseMany, len(r.Points))
		}
		if len(r.Holes) > 0 || r.Out && !many && r.Next > now.Add(-r.Of.Depth()).Unix() {
			kept = append(kept, r)
			continue
		}
		into := slices.IndexFunc(kept, func(o *Record) bool { return o.Of == r.Of })
		for _, d := range r.Days {
			if into >= 0 {
				kept[into].count(d)
			}
		}
	}
	l.Records = kept
	return changed
}

// resume has a record that was out go on. What lies further back than is made up was
// of no plan.
func (r *Record) resume(now time.Time, back time.Duration) {
	if r.Out {
		r.Next = max(r.Next, r.moment(now.Add(-back)).Unix())
	}
	r.Left, r.Out = false, false
}

// kept gives the parts as what was kept knows them, and those of which it knows
// nothing: what the ring holds was read before the plan of now, by that one.
func (m *polled) kept(now time.Time) []lane {
	l := &m.health.learned
	known := slices.Clone(l.Records)
	all := []lane{}
	for _, of := range m.planned() {
		if of.Of == Events || !fresh(known, of) {
			continue
		}
		of.left = l.record(of)
		of.left.resume(now, of.Back)
		of.left.begin(now, of.Back)
		all = append(all, of)
	}
	for _, r := range known {
		if !slices.ContainsFunc(all, func(of lane) bool { return of.left == r }) {
			r.setBack(now)
			of, _ := leftOf(r, m.lanes)
			all = append(all, of)
		}
	}
	return all
}

// fresh reports whether nothing is known of what was read of a part until now.
func fresh(known []*Record, of lane) bool {
	if i := slices.IndexFunc(known, of.is); i >= 0 {
		return known[i].Out || known[i].Next == 0
	}
	return !slices.ContainsFunc(known, func(r *Record) bool { return r.Of == of.Of && r.Next > 0 })
}

// Fresh reports whether there is a part of the memory of a meter that was there before
// of which nothing is known: all that the ring holds is to be remembered then, before
// Run. Of a new meter it holds nothing.
func (a *archive) Fresh() bool {
	return slices.ContainsFunc(a.meters, func(m *polled) bool {
		return m.known && !m.unmet() && slices.ContainsFunc(m.planned(), func(of lane) bool { return of.Of != Events && fresh(m.health.learned.Records, of) })
	})
}

// goOn has a record begin where the others of its kind have come: what those
// judged was read, or is a hole of theirs. Where there are others, they have
// judged what is past.
func (l *Learned) goOn(r *Record, now time.Time) {
	for _, o := range l.Records {
		if o.Of != r.Of || o == r || o.Next == 0 {
			continue
		}
		judged := o.before(time.Unix(o.Next, 0).In(now.Location()))
		r.Next = max(r.Next, r.after(judged).Unix(), r.moment(now).Unix())
		if r.Began == 0 || o.Began < r.Began {
			r.Began = o.Began
		}
		r.Settles = cmp.Or(r.Settles, o.Settles)
	}
}
